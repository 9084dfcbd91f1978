#include "kronwerk/models/density/mean_uncertainty.hpp"

#include <cmath>

#include "models/covariance/gaussian_fixture.hpp"
#include "models/draws/sample_moments.hpp"

namespace kronwerk::models {
namespace {

/// A field over 4 x 3 x 2 cells, predicted at 5 x 3 x 2, with a mean of which two columns are
/// estimated and one is given.
class MeanUncertaintyTest : public GaussianFixture {
 protected:
  static constexpr Index size_ = 24;
  static constexpr Index fresh_ = 30;
  static constexpr double scale_ = 1.7, noise_ = 0.2;

  static Matrix time() { return exponential(3, 1.2); }
  static Matrix layer() { return rbf(2, 1.5); }
  static Matrix cross() {
    return kernel(5, 4, 0.4, [](double d) { return std::exp(-d); });
  }
  static Matrix dense(const Matrix& first) {
    const Matrix product = oracle::kron({first, time(), layer()});
    return oracle::add(scale_, product, 0, product);
  }
  static Matrix covariance_matrix() {
    return oracle::add(1, dense(exponential(4, 1)), noise_, oracle::identity(size_));
  }

  static CovarianceTerms terms() {
    CovarianceTerms result;
    result.signal = {{scale_, {chain(exponential(4, 1)), chain(time()), chain(layer())}}};
    result.noise = ScaledProduct{noise_, {identity(4), identity(3), identity(2)}};
    return result;
  }
  static PredictionGrid grid() {
    PredictionGrid result;
    result.terms.resize(1);
    result.terms[0] = {{chain(cross()), chain(exponential(5, 1)), {}}, {}, {}};
    return result;
  }

  static std::vector<double> heights(Index count) { return oracle::random_vector(count, 4); }
  static std::vector<MeanColumn> columns(Index first_extent) {
    return {{{{}, {}, {}}}, {{{}, {1, -2, 0.5}, {}}, 0.3}, {{heights(first_extent), {}, {0.5, 2}}}};
  }
  /// The estimated ones.
  static Matrix dense_columns(Index first_extent) {
    Matrix x(first_extent * 6, 2);
    const auto height = heights(first_extent);
    for (Index i = 0; i < x.rows; ++i) {
      x(i, 0) = 1;
      x(i, 1) = height[static_cast<std::size_t>(i / 6)] * (i % 2 == 0 ? 0.5 : 2);
    }
    return x;
  }
  static std::vector<Index> places(const std::vector<Index>& missing) {
    std::vector<Index> result;
    for (Index i = 0; i < size_; ++i) {
      if (std::ranges::find(missing, i) == missing.end()) result.push_back(i);
    }
    return result;
  }
  static Matrix rows(const Matrix& a, const std::vector<Index>& kept) {
    Matrix result(std::ssize(kept), a.cols);
    for (Index i = 0; i < result.rows; ++i) {
      for (Index j = 0; j < a.cols; ++j) result(i, j) = a(kept[static_cast<std::size_t>(i)], j);
    }
    return result;
  }
};

TEST_F(MeanUncertaintyTest, AddsWhatUniversalKrigingAdds) {
  const auto covariance = make(terms());
  const Prediction prediction(covariance, grid());
  for (const std::vector<Index>& missing : {std::vector<Index>{}, std::vector<Index>{1, 7, 8}}) {
    const auto kept = places(missing);
    const Matrix k = rows(oracle::transpose(rows(covariance_matrix(), kept)), kept);
    const oracle::Regression data{k, rows(dense_columns(4), kept),
                                  std::vector<double>(kept.size(), 0.0)};
    const Matrix c = oracle::transpose(rows(oracle::transpose(dense(cross())), kept));
    const Matrix prior = dense(exponential(5, 1));
    const Matrix unknown = oracle::universal_kriging(data, c, prior, dense_columns(5)).covariance;
    const Matrix known = oracle::posterior(k, c, prior, data.y).covariance;

    const Layout layout = covariance.layout();
    std::vector<char> mask(static_cast<std::size_t>(layout.home_size(comm_.rank())), 0);
    for (const Index cell : missing) {
      const Index at = cell - layout.home_begin(comm_.rank());
      if (at >= 0 && at < std::ssize(mask)) mask[static_cast<std::size_t>(at)] = 1;
    }
    const CellMask cell_mask(comm_, layout, mask);
    MissingCells cells(covariance, cell_mask);
    const MeanUncertainty uncertainty(covariance, prediction, columns(4), columns(5),
                                      missing.empty() ? nullptr : &cells);
    ASSERT_EQ(uncertainty.size(), 2u);
    const auto beta = oracle::least_squares(k, data.columns, data.y).covariance;
    std::vector<double> added(static_cast<std::size_t>(prediction.layout().home_size(comm_.rank())),
                              0.0);
    add_variance_of_mean(uncertainty.residuals(), beta.values, added);
    added = whole(prediction.layout(), added);
    for (Index i = 0; i < fresh_; ++i) {
      EXPECT_NEAR(added[static_cast<std::size_t>(i)], unknown(i, i) - known(i, i), 1e-9) << i;
      EXPECT_GT(unknown(i, i) - known(i, i), 1e-3);
    }
    std::vector<std::vector<double>> r;
    for (const auto& residual : uncertainty.residuals()) {
      r.push_back(whole(prediction.layout(), residual));
    }
    for (Index i = 0; i < fresh_; i += 7) {
      for (Index j = 0; j < fresh_; j += 5) {
        double sum = 0;
        for (std::size_t a = 0; a < 2; ++a) {
          for (std::size_t b = 0; b < 2; ++b) {
            sum += r[a][static_cast<std::size_t>(i)] * beta.values[a * 2 + b] *
                   r[b][static_cast<std::size_t>(j)];
          }
        }
        EXPECT_NEAR(sum, unknown(i, j) - known(i, j), 1e-9);
      }
    }
  }
}

TEST_F(MeanUncertaintyTest, AddsNothingForGivenCoefficients) {
  const auto covariance = make(terms());
  const Prediction prediction(covariance, grid());
  auto given = columns(4), at_new = columns(5);
  for (std::size_t c = 0; c < 3; ++c) given[c].coefficient = at_new[c].coefficient = 1.5;
  EXPECT_EQ(MeanUncertainty(covariance, prediction, given, at_new, nullptr).size(), 0u);
}

TEST_F(MeanUncertaintyTest, DrawsCoefficientsOfThatCovariance) {
  const Matrix b(2, 2, {2.0, -0.7, -0.7, 0.5});
  SampleMoments moments({0, 0});
  for (Index i = 0; i < 4000; ++i) moments.add(draw_coefficients(b.values, 2, 9, i));
  moments.expect(b);
  EXPECT_EQ(draw_coefficients(b.values, 2, 9, 17), draw_coefficients(b.values, 2, 9, 17));
  EXPECT_NE(draw_coefficients(b.values, 2, 9, 17), draw_coefficients(b.values, 2, 9, 18));
  EXPECT_NE(draw_coefficients(b.values, 2, 9, 17), draw_coefficients(b.values, 2, 8, 17));
}

}  // namespace
}  // namespace kronwerk::models
