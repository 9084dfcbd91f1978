#include "models/ones/ones_core.hpp"

#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/factors/spectra/bases.hpp"
#include "kronwerk/models/density/log_density.hpp"
#include "kronwerk/models/density/mean_uncertainty.hpp"
#include "kronwerk/models/draws/prediction.hpp"
#include "kronwerk/models/draws/sampler.hpp"
#include "kronwerk/models/missing/missing.hpp"
#include "models/covariance/gaussian_fixture.hpp"
#include "models/draws/sample_moments.hpp"

namespace kronwerk::models {
namespace {

/// Σ_t scale_t ⊗A_t,k + noise I, where letters name A_t,k: k, an exponential kernel; s, a smooth
/// one; j, ones; i, the identity. Structured and dense, with its derivatives and at new points.
class OnesTest : public GaussianFixture {
 protected:
  struct Term {
    double scale;
    std::string letters;
  };
  struct Model {
    Extents extents;
    std::vector<Term> terms;
    double noise;
    Extents fresh{};  ///< per mode the number of new points; 0: the data's
  };

  static double length(std::size_t mode, std::size_t term) {
    return 1.1 + 0.4 * static_cast<double>(mode) + 0.3 * static_cast<double>(term);
  }
  static Matrix ones(Index rows, Index cols) {
    Matrix result(rows, cols);
    std::ranges::fill(result.values, 1.0);
    return result;
  }
  /// @param rows, shift  of the points by the n of the data
  static Matrix dense_factor(char letter, double l, Index rows, Index n, double shift) {
    if (letter == 'j') return ones(rows, n);
    if (letter == 'i') return rows == n && shift == 0 ? oracle::identity(n) : Matrix(rows, n);
    return kernel(rows, n, shift, [&](double d) {
      return letter == 's' ? std::exp(-d * d / (l * l)) : std::exp(-d / l);
    });
  }
  static factors::Chain structured(char letter, const Matrix& matrix) {
    if (letter == 'j') return {{factors::make_ones(matrix.rows, matrix.cols)}};
    if (letter == 'i' && matrix.rows == matrix.cols) return identity(matrix.rows);
    return chain(matrix, "K");
  }

  static std::vector<Matrix> factors_of(const Model& model, std::size_t t, bool new_rows,
                                        bool new_columns) {
    std::vector<Matrix> result;
    for (std::size_t k = 0; k < model.extents.size(); ++k) {
      const Index n = model.extents[k];
      const Index fresh = model.fresh.empty() ? 0 : model.fresh[k];
      const bool crossing = fresh > 0 && new_rows && !new_columns;
      const Index rows = fresh > 0 && new_rows ? fresh : n;
      const Index cols = fresh > 0 && new_columns ? fresh : n;
      result.push_back(
          dense_factor(model.terms[t].letters[k], length(k, t), rows, cols, crossing ? 0.4 : 0));
    }
    return result;
  }
  static Matrix dense_signal(const Model& model, bool new_rows = false, bool new_columns = false) {
    Matrix result;
    for (std::size_t t = 0; t < model.terms.size(); ++t) {
      const Matrix part = oracle::kron(factors_of(model, t, new_rows, new_columns));
      result = t == 0 ? oracle::add(model.terms[t].scale, part, 0, part)
                      : oracle::add(1, result, model.terms[t].scale, part);
    }
    return result;
  }
  static Matrix dense(const Model& model) {
    const Matrix signal = dense_signal(model);
    return oracle::add(1, signal, model.noise, oracle::identity(signal.rows));
  }

  static CovarianceTerms terms_of(const Model& model) {
    CovarianceTerms result;
    for (std::size_t t = 0; t < model.terms.size(); ++t) {
      auto& term = result.signal.emplace_back(ScaledProduct{model.terms[t].scale, {}});
      const auto matrices = factors_of(model, t, false, false);
      for (std::size_t k = 0; k < matrices.size(); ++k) {
        term.chains.push_back(structured(model.terms[t].letters[k], matrices[k]));
      }
    }
    result.noise = ScaledProduct{model.noise, {}};
    for (const Index n : model.extents) result.noise->chains.push_back(identity(n));
    return result;
  }
  static PredictionGrid grid_of(const Model& model) {
    PredictionGrid result;
    for (std::size_t t = 0; t < model.terms.size(); ++t) {
      auto& term = result.terms.emplace_back();
      const auto cross = factors_of(model, t, true, false);
      const auto prior = factors_of(model, t, true, true);
      for (std::size_t k = 0; k < cross.size(); ++k) {
        NewPoints& points = term.emplace_back();
        if (model.fresh.empty() || model.fresh[k] == 0) continue;
        points.cross = structured(model.terms[t].letters[k], cross[k]);
        points.prior = structured(model.terms[t].letters[k], prior[k]);
      }
    }
    return result;
  }

  /// By the scale of every term, the lengths of kernels 'k', and the noise's variance.
  struct Derivatives {
    std::vector<CovarianceDerivative> structured_ones;
    std::vector<Matrix> dense_ones;
  };
  static Derivatives derivatives_of(const Model& model) {
    Derivatives result;
    const CovarianceTerms terms = terms_of(model);
    const auto zero = Matrix(core::product(model.extents), core::product(model.extents));
    for (std::size_t t = 0; t < model.terms.size(); ++t) {
      const auto matrices = factors_of(model, t, false, false);
      result.structured_ones.push_back({{1, terms.signal[t].chains}});
      result.dense_ones.push_back(oracle::kron(matrices));
      for (std::size_t k = 0; k < matrices.size(); ++k) {
        if (model.terms[t].letters[k] != 'k') continue;
        auto chains = terms.signal[t].chains;
        auto changed = matrices;
        changed[k] = exponential_derivative(model.extents[k], length(k, t));
        chains[k] = chain(changed[k], "dK");
        result.structured_ones.push_back({{model.terms[t].scale, chains}});
        result.dense_ones.push_back(
            oracle::add(model.terms[t].scale, oracle::kron(changed), 0, zero));
      }
    }
    result.structured_ones.push_back({*terms.noise});
    result.structured_ones.back().products.front().scale = 1;
    result.dense_ones.push_back(oracle::identity(zero.rows));
    return result;
  }

  static std::vector<Model> models() {
    return {{{5, 4}, {{1.7, "kj"}, {0.6, "jk"}}, 0.3},
            {{4, 5}, {{1.7, "kj"}, {0.6, "jk"}, {0.4, "ij"}, {0.2, "jj"}}, 0.3},
            {{3, 4, 2}, {{1.7, "kjj"}, {0.6, "jkj"}, {0.9, "jjk"}, {0.5, "skj"}}, 0.4},
            {{2, 3, 1, 2}, {{0.7, "kjjk"}, {0.6, "jkjj"}}, 0.2},
            {{1, 5}, {{1.2, "kj"}, {0.5, "jk"}}, 0.3},
            {{7, 1}, {{1.2, "kj"}, {0.5, "jk"}}, 0.3},
            {{4, 3}, {{1.1, "kj"}, {0.8, "jk"}, {0.5, "ks"}}, 0.25},
            {{5, 3}, {{1.1, "sj"}, {0.8, "js"}}, 1e-6}};
  }

  template <typename Work>
  void for_models(const Work& work) const {
    for (const Model& model : models()) {
      std::string text = core::to_text(model.extents);
      for (const Term& term : model.terms) text += " " + term.letters;
      SCOPED_TRACE(text);
      work(model);
    }
  }
};

TEST_F(OnesTest, IsTheDenseMatrixItsInverseAndItsDeterminant) {
  for_models([&](const Model& model) {
    const auto covariance = make(terms_of(model));
    ASSERT_NE(covariance.core(), nullptr);
    const Matrix matrix = dense(model);
    const double tolerance = 1e-13 * covariance.largest() / covariance.smallest();
    EXPECT_NEAR(covariance.log_determinant(), oracle::log_abs_det(matrix), 1e2 * tolerance);
    for (const Index batch : {1, 3}) {
      const auto x = oracle::random_vector(batch * matrix.rows, 5);
      std::vector<double> image, solution;
      for (Index i = 0; i < batch; ++i) {
        const auto one = std::span(x).subspan(static_cast<std::size_t>(i * matrix.rows),
                                              static_cast<std::size_t>(matrix.rows));
        const auto forward = oracle::multiply(matrix, one);
        const auto backward = oracle::solve(matrix, one);
        image.insert(image.end(), forward.begin(), forward.end());
        solution.insert(solution.end(), backward.begin(), backward.end());
      }
      expect_close(apply(*covariance.forward(batch), x), image, 1e-13);
      expect_close(apply(*covariance.inverse(batch), x), solution, 10 * tolerance);
      const auto root = covariance.root(batch, covariance.layout(batch).leading_modes());
      expect_close(apply(*root, apply(*root, x)), image, 1e-12);
    }
  });
}

TEST_F(OnesTest, HasTheDensityAndTheGradientOfTheDenseMatrix) {
  for_models([&](const Model& model) {
    const auto covariance = make(terms_of(model));
    const Matrix matrix = dense(model);
    const auto derivatives = derivatives_of(model);
    const double tolerance = 1e-12 * covariance.largest() / covariance.smallest();
    for (const Index observations : {1, 3}) {
      const auto y = oracle::random_vector(observations * matrix.rows, 7);
      GaussianDensity density(observations, local(covariance.layout(observations), y), {});
      const auto found =
          density.evaluate(covariance, {derivatives.structured_ones, true, Judged::always, 1e-10});
      EXPECT_TRUE(found.verdict && found.verdict->accepted);
      std::vector<double> gradient(derivatives.dense_ones.size(), 0.0), input;
      for (Index i = 0; i < observations; ++i) {
        const auto one = std::span(y).subspan(static_cast<std::size_t>(i * matrix.rows),
                                              static_cast<std::size_t>(matrix.rows));
        const double expected = oracle::log_density(matrix, one);
        EXPECT_NEAR(found.values[static_cast<std::size_t>(i)], expected,
                    tolerance * std::abs(expected));
        for (std::size_t p = 0; p < gradient.size(); ++p) {
          gradient[p] += oracle::log_density_derivative(matrix, derivatives.dense_ones[p], one);
        }
        for (const double each : oracle::solve(matrix, one)) input.push_back(-each);
      }
      expect_close(found.gradient, gradient, tolerance);
      expect_close(whole(covariance.layout(observations), found.input_gradient), input, tolerance);
      for (std::size_t p = 0; p < gradient.size(); ++p) {
        double trace = 0;
        const Matrix ratio = oracle::solve(matrix, derivatives.dense_ones[p]);
        for (Index i = 0; i < ratio.rows; ++i) trace += ratio(i, i);
        EXPECT_NEAR(covariance.trace_of_inverse(derivatives.structured_ones[p].products), trace,
                    tolerance * std::max(1.0, std::abs(trace)));
      }
    }
  });
}

TEST_F(OnesTest, HasDerivativesWithOnesInModesWithoutThem) {
  const Model model{{3, 4, 2}, {{1.7, "kjk"}, {0.6, "skk"}}, 0.3};
  const auto covariance = make(terms_of(model));
  ASSERT_NE(covariance.core(), nullptr);
  CovarianceDerivative derivative{terms_of({{3, 4, 2}, {{0.8, "jkj"}}, 1}).signal};
  const Matrix change = dense_signal({{3, 4, 2}, {{0.8, "jkj"}}, 1});
  const auto y = oracle::random_vector(24, 7);
  GaussianDensity density(1, local(covariance.layout(), y), {});
  EXPECT_NEAR(density.evaluate(covariance, {{derivative}}).gradient[0],
              oracle::log_density_derivative(dense(model), change, y), 1e-10);
}

TEST_F(OnesTest, EstimatesAMeanByGeneralisedLeastSquares) {
  const Model model = models()[2];
  const auto covariance = make(terms_of(model));
  const auto height = oracle::random_vector(3, 4), depth = oracle::random_vector(4, 8);
  const std::vector<MeanColumn> columns{
      {{{}, {}, {}}}, {{{}, depth, {}}, 0.3}, {{height, {}, {0.5, 2}}}};
  Matrix estimated(24, 2);
  std::vector<double> given;
  for (Index i = 0; i < 24; ++i) {
    estimated(i, 0) = 1;
    estimated(i, 1) = height[static_cast<std::size_t>(i / 8)] * (i % 2 == 0 ? 0.5 : 2);
    given.push_back(0.3 * depth[static_cast<std::size_t>(i / 2 % 4)]);
  }
  const auto y = oracle::random_vector(24, 11);
  GaussianDensity density(1, local(covariance.layout(), y), columns);
  const auto found = density.evaluate(covariance, {});
  const auto expected = oracle::least_squares(dense(model), estimated, oracle::minus(y, given));
  EXPECT_NEAR(found.mean.coefficients[0], expected.coefficients[0], 1e-11);
  EXPECT_NEAR(found.mean.coefficients[2], expected.coefficients[1], 1e-11);
  expect_close(found.mean.covariance, expected.covariance.values, 1e-11);
  const auto residual =
      oracle::minus(oracle::minus(y, given), oracle::multiply(estimated, expected.coefficients));
  EXPECT_NEAR(found.values[0], oracle::log_density(dense(model), residual), 1e-10);
}

TEST_F(OnesTest, PredictsAsTheDenseMatrixDoes) {
  for (Model model : models()) {
    for (const bool fresh : {false, true}) {
      if (model.noise < 1e-3) continue;
      model.fresh.clear();
      for (const Index n : model.extents) {
        if (fresh) model.fresh.push_back(n == 4 ? 0 : n + 1);
      }
      SCOPED_TRACE(core::to_text(model.extents) + " " + core::to_text(model.fresh));
      const auto covariance = make(terms_of(model));
      const Prediction prediction(covariance, grid_of(model));
      const Matrix matrix = dense(model);
      const auto y = oracle::random_vector(2 * matrix.rows, 9);
      GaussianDensity density(2, local(covariance.layout(2), y), {});
      const auto layout = prediction.layout(2);
      std::vector<double> mean(static_cast<std::size_t>(layout.home_size(comm_.rank())), 0.0);
      prediction.add_mean(2, density.solve(covariance, {}), mean);
      const Matrix cross = dense_signal(model, true), prior = dense_signal(model, true, true);
      std::vector<double> expected;
      Matrix posterior;
      for (std::size_t i = 0; i < 2; ++i) {
        const auto size = static_cast<std::size_t>(matrix.rows);
        const auto one =
            oracle::posterior(matrix, cross, prior, std::span(y).subspan(i * size, size));
        expected.insert(expected.end(), one.mean.begin(), one.mean.end());
        posterior = one.covariance;
      }
      expect_close(whole(layout, mean), expected, 1e-11);
      const auto one = prediction.layout();
      std::vector<double> variance(static_cast<std::size_t>(one.home_size(comm_.rank())));
      prediction.variance(variance);
      const auto found = whole(one, variance);
      for (Index i = 0; i < posterior.rows; ++i) {
        EXPECT_NEAR(found[static_cast<std::size_t>(i)], posterior(i, i), 1e-11);
      }
      EXPECT_THROW(prediction.covariance(), core::ConfigurationError);
    }
  }
}

TEST_F(OnesTest, DrawsFieldsAndPosteriorsWithTheirMoments) {
  Model model{{3, 2}, {{1.7, "kj"}, {0.6, "jk"}}, 0.3, {2, 3}};
  constexpr Index count = 4000;
  const Sampler sampler(comm_, workspace_, terms_of(model));
  const auto layout = sampler.layout(count);
  std::vector<double> draws(static_cast<std::size_t>(layout.home_size(comm_.rank())));
  sampler.draw(3, 0, count, draws);
  SampleMoments moments(std::vector<double>(6, 0.0));
  moments.add(whole(layout, draws));
  moments.expect(dense(model));

  const auto covariance = make(terms_of(model));
  const Prediction prediction(covariance, grid_of(model));
  const PosteriorSampler posterior(prediction);
  const auto fresh = prediction.layout(count);
  draws.resize(static_cast<std::size_t>(fresh.home_size(comm_.rank())));
  posterior.deviations(3, 0, count, draws);
  SampleMoments deviations(std::vector<double>(6, 0.0));
  deviations.add(whole(fresh, draws));
  deviations.expect(oracle::posterior(dense(model), dense_signal(model, true),
                                      dense_signal(model, true, true), std::vector<double>(6, 0.0))
                        .covariance);
}

TEST_F(OnesTest, HasTheDensityOfWhatWasObserved) {
  const Model model = models()[0];
  const auto covariance = make(terms_of(model));
  const auto derivatives = derivatives_of(model);
  const std::vector<Index> hidden{0, 6, 7, 13};
  std::vector<Index> kept;
  for (Index i = 0; i < 20; ++i) {
    if (std::ranges::find(hidden, i) == hidden.end()) kept.push_back(i);
  }
  const auto select = [&](const Matrix& a) {
    Matrix result(std::ssize(kept), std::ssize(kept));
    for (Index i = 0; i < result.rows; ++i) {
      for (Index j = 0; j < result.cols; ++j) {
        result(i, j) = a(kept[static_cast<std::size_t>(i)], kept[static_cast<std::size_t>(j)]);
      }
    }
    return result;
  };
  const auto y = oracle::random_vector(20, 9);
  std::vector<double> flags(20, 0.0), observed;
  for (const Index cell : hidden) flags[static_cast<std::size_t>(cell)] = 1;
  for (const Index cell : kept) observed.push_back(y[static_cast<std::size_t>(cell)]);
  const auto block = local(covariance.layout(), flags);
  const CellMask mask(comm_, covariance.layout(), {block.begin(), block.end()});
  MissingDensity density(1, local(covariance.layout(), y), {}, mask);
  const auto found =
      density.evaluate(covariance, {derivatives.structured_ones, false, Judged::always, 1e-10});
  const Matrix matrix = select(dense(model));
  EXPECT_NEAR(found.density.values[0], oracle::log_density(matrix, observed), 1e-9);
  for (std::size_t p = 0; p < derivatives.dense_ones.size(); ++p) {
    EXPECT_NEAR(found.density.gradient[p],
                oracle::log_density_derivative(matrix, select(derivatives.dense_ones[p]), observed),
                1e-8);
  }
}

TEST_F(OnesTest, KeepsCoordinatesWhileTheGridIsTheSame) {
  BasisCache cache;
  const Model model = models()[2];
  const Covariance first(comm_, workspace_, terms_of(model), cache);
  Model other = model;
  other.terms[0].scale = 0.3;
  const Covariance second(comm_, workspace_, terms_of(other), cache);
  EXPECT_EQ(first.spectrum().bases, second.spectrum().bases);
  // With other noise there is no new decomposition, and no old number either.
  const Index before = factors::decomposition_count();
  CovarianceTerms louder = second.terms();
  louder.noise->scale = 1.4;
  const Covariance third(comm_, workspace_, louder, cache);
  EXPECT_EQ(factors::decomposition_count(), before);
  other.noise = 1.4;
  EXPECT_NEAR(third.log_determinant(), oracle::log_abs_det(dense(other)), 1e-11);
  louder.signal[1].scale = 2;
  const Covariance fourth(comm_, workspace_, louder, cache);
  EXPECT_GT(factors::decomposition_count(), before);
  other.terms[1].scale = 2;
  EXPECT_NEAR(fourth.log_determinant(), oracle::log_abs_det(dense(other)), 1e-11);
  EXPECT_EQ(first.description(), "reflections of ones, dense core of 13 of 24 coordinates");
}

TEST_F(OnesTest, NeedsNoCoreWhereOnesStandAlone) {
  Model model{{4, 3}, {{1.7, "kj"}}, 0.3};
  const auto covariance = make(terms_of(model));
  EXPECT_EQ(covariance.core(), nullptr);
  EXPECT_NEAR(covariance.log_determinant(), oracle::log_abs_det(dense(model)), 1e-12);
}

TEST_F(OnesTest, RefusesByNameWhatItCannotDo) {
  CovarianceTerms terms = terms_of(models()[0]);
  terms.noise->chains[1] = diagonal({1, 2, 3, 4});
  EXPECT_NE(message_of<core::ConfigurationError>([&] { make(terms); }).find("its factor 'D' is a"),
            std::string::npos);
  terms = terms_of({{101, 100}, {{1, "ij"}, {1, "ji"}}, 0.3});
  terms.signal[0].chains[0] = diagonal(std::vector<double>(101, 2.0));
  terms.signal[0].chains[1] = diagonal(std::vector<double>(100, 2.0));
  terms.signal[1].chains[1] = diagonal(std::vector<double>(100, 2.0));
  const std::string message = message_of<core::ConfigurationError>([&] { make(terms); });
  EXPECT_NE(message.find("acts on more than 10000"), std::string::npos) << message;
  terms = terms_of(models()[0]);
  Matrix wrong = oracle::identity(4);
  wrong(1, 1) = -1;
  terms.signal[1].chains[1] = chain(wrong, "Kt");
  EXPECT_NE(message_of<core::DataError>([&] { make(terms); }).find("'Kt'"), std::string::npos);
}

}  // namespace
}  // namespace kronwerk::models
