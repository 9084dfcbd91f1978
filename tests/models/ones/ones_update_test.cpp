// Terms of ones beside terms without, against the dense matrix.
#include "models/ones/ones_update.hpp"

#include "models/draws/sample_moments.hpp"
#include "models/ones/ones_fixture.hpp"

namespace kronwerk::models {
namespace {

class OnesUpdateTest : public OnesFixture {
 protected:
  static std::vector<Model> models() {
    return {
        {{5, 4}, {{0.9, "cc"}, {1.7, "cj"}, {0.6, "jc"}}, 0.3},
        {{4, 7}, {{0.9, "cc"}, {1.7, "cj"}, {0.6, "jc"}, {0.4, "ij"}, {0.2, "jj"}}, 0.3},
        {{4, 3}, {{0.5, "ks"}, {1.1, "kj"}, {0.8, "jk"}}, 0.25},
        {{6, 5}, {{0.5, "cc"}, {1.1, "kj"}, {0.8, "jc"}, {0.3, "sj"}}, 0.25},
        {{5, 4}, {{0.5, "ci"}, {0.7, "ic"}, {1.1, "cj"}}, 0.4},
        {{4, 3, 5}, {{0.7, "ccc"}, {1.7, "cjj"}, {0.6, "jcj"}, {0.9, "jjc"}, {0.5, "ccj"}}, 0.4},
        {{3, 4, 2}, {{0.7, "ccc"}, {1.7, "kjc"}, {0.6, "jkc"}, {0.9, "jjc"}}, 0.4},
        {{3, 4, 2}, {{0.7, "ccj"}, {1.7, "cjj"}, {0.6, "jcj"}}, 0.4},
        {{1, 5}, {{0.8, "cc"}, {1.2, "cj"}, {0.5, "jc"}}, 0.3, {}, {{2}, {1, 2, 3, 1, 2}}},
        {{2, 1, 3}, {{0.8, "ccc"}, {0.5, "jcc"}}, 0.3, {}, {{1, 3}, {1}, {1, 2, 3}}},
        {{5, 4}, {{0.9, "cc"}, {40, "cj"}, {60, "jc"}}, 1e-3},
        {{3, 4}, {{0.9, "cc"}, {1.7, "cj"}, {0.6, "jc"}}, 0.3, {}, {{0.5, 1, 2}, {1, 0.7, 3, 1.5}}},
        {{4, 3}, {{1.7, "cj"}, {0.6, "jc"}}, 0.3, {}, {{0.5, 1, 2, 1}, {1, 0.7, 3}}}};
  }
};

TEST_F(OnesUpdateTest, IsTheDenseMatrixItsInverseAndItsDeterminant) {
  for_models(models(), [&](const Model& model) {
    ASSERT_NE(make(terms_of(model)).update(), nullptr);
    expect_matrix(model);
  });
}

TEST_F(OnesUpdateTest, HasTheDensityAndTheGradientOfTheDenseMatrix) {
  for_models(models(), [&](const Model& model) { expect_density(model); });
}

TEST_F(OnesUpdateTest, PredictsAsTheDenseMatrixDoes) {
  for_models(models(), [&](const Model& model) { expect_prediction(model); });
}

TEST_F(OnesUpdateTest, HasDerivativesWithOnesInModesWithoutThem) {
  const Model model{{3, 4, 2}, {{0.6, "ccc"}, {1.7, "cjc"}}, 0.3};
  const auto covariance = make(terms_of(model));
  ASSERT_NE(covariance.update(), nullptr);
  const Model change{{3, 4, 2}, {{0.8, "jkj"}, {0.3, "jjj"}}, 0};
  const auto y = oracle::random_vector(24, 7);
  GaussianDensity density(1, local(covariance.layout(), y), {});
  EXPECT_NEAR(density.evaluate(covariance, {{{terms_of(change).signal}}}).gradient[0],
              oracle::log_density_derivative(dense(model), dense_signal(change), y), 1e-10);
  const Model other{{3, 4, 2}, {{0, "ccc"}, {0.8, "kkc"}}, 0};
  const std::string message = message_of<core::ConfigurationError>(
      [&] { density.evaluate(covariance, {{{terms_of(other).signal}}}); });
  EXPECT_NE(message.find("has matrices of its own in several modes"), std::string::npos);
}

TEST_F(OnesUpdateTest, EstimatesAMeanByGeneralisedLeastSquares) {
  const Model model = models()[0];
  const auto covariance = make(terms_of(model));
  const auto slope = oracle::random_vector(5, 4);
  Matrix columns(20, 2);
  for (Index i = 0; i < 20; ++i) {
    columns(i, 0) = 1;
    columns(i, 1) = slope[static_cast<std::size_t>(i / 4)];
  }
  const auto y = oracle::random_vector(20, 11);
  GaussianDensity density(1, local(covariance.layout(), y), {{{{}, {}}}, {{slope, {}}}});
  const auto found = density.evaluate(covariance, {});
  const auto expected = oracle::least_squares(dense(model), columns, y);
  expect_close(found.mean.coefficients, expected.coefficients, 1e-11);
  expect_close(found.mean.covariance, expected.covariance.values, 1e-11);
}

TEST_F(OnesUpdateTest, DrawsPosteriorsWithTheirMoments) {
  Model model{{3, 2}, {{0.8, "cc"}, {1.7, "cj"}, {0.6, "jc"}}, 0.3, {2, 3}};
  constexpr Index count = 4000;
  const auto covariance = make(terms_of(model));
  ASSERT_NE(covariance.update(), nullptr);
  const Prediction prediction(covariance, grid_of(model));
  const PosteriorSampler posterior(prediction);
  const auto fresh = prediction.layout(count);
  std::vector<double> draws(static_cast<std::size_t>(fresh.home_size(comm_.rank())));
  posterior.deviations(3, 0, count, draws);
  SampleMoments deviations(std::vector<double>(6, 0.0));
  deviations.add(whole(fresh, draws));
  deviations.expect(oracle::posterior(dense(model), dense_signal(model, true),
                                      dense_signal(model, true, true), std::vector<double>(6, 0.0))
                        .covariance);
}

TEST_F(OnesUpdateTest, HasARootOfItsInverse) {
  for_models(models(), [&](const Model& model) {
    const auto covariance = make(terms_of(model));
    const Index n = covariance.size();
    // X of the unit vectors, one after the other; then X Xᵀ.
    std::vector<double> units(static_cast<std::size_t>(n * n), 0.0);
    for (Index i = 0; i < n; ++i) units[static_cast<std::size_t>(i * (n + 1))] = 1;
    auto block = local(covariance.layout(n), units);
    covariance.divide_by_root(n, block);
    const auto root = whole(covariance.layout(n), block);
    block = local(covariance.layout(n), units);
    covariance.divide(n, block);
    const auto inverse = whole(covariance.layout(n), block);
    std::vector<double> square(units.size(), 0.0);
    for (Index k = 0; k < n; ++k) {
      for (Index i = 0; i < n; ++i) {
        for (Index j = 0; j < n; ++j) {
          square[static_cast<std::size_t>(i * n + j)] +=
              root[static_cast<std::size_t>(k * n + i)] * root[static_cast<std::size_t>(k * n + j)];
        }
      }
    }
    expect_close(square, inverse, 1e-14 * covariance.largest() / covariance.smallest());
  });
}

TEST_F(OnesUpdateTest, HasTheDensityOfWhatWasObserved) {
  ASSERT_NE(make(terms_of(models()[0])).update(), nullptr);
  expect_density_of_observed(models()[0]);
}

/// Where a core of all cells would have more coordinates than are taken.
TEST_F(OnesUpdateTest, TakesLargeGrids) {
  Model model{{131, 83}, {{0.9, "cc"}, {1.7, "cj"}, {0.6, "jc"}}, 0.3};
  const auto covariance = make(terms_of(model));
  EXPECT_TRUE(covariance.description().ends_with("; 214 columns of ones"))
      << covariance.description();
  const auto y = oracle::random_vector(covariance.size(), 3);
  GaussianDensity density(1, local(covariance.layout(), y), {});
  const auto terms = terms_of(model);
  std::vector<CovarianceDerivative> derivatives{{{1, terms.signal[0].chains}},
                                                {{1, terms.signal[1].chains}}};
  const auto found = density.evaluate(covariance, {derivatives, false, Judged::always, 1e-12});
  EXPECT_TRUE(found.verdict->accepted);
  EXPECT_EQ(found.verdict->refinements, 0);
  for (const std::size_t t : {0, 1}) {
    const auto moved = [&](double by) {
      Model other = model;
      other.terms[t].scale += by;
      return density.evaluate(make(terms_of(other)), {}).values[0];
    };
    EXPECT_NEAR(found.gradient[t], (moved(1e-5) - moved(-1e-5)) / 2e-5,
                1e-6 * std::abs(found.gradient[t]));
  }
}

TEST_F(OnesUpdateTest, StandsLargeEffectsAndLittleNoise) {
  // Effects of a size at which their own variance is 1e12 times that of the noise.
  const Model model{{5, 4}, {{1, "cc"}, {1e6, "cj"}, {1e6, "jc"}}, 1e-5};
  const auto covariance = make(terms_of(model));
  const Matrix matrix = dense(model);
  std::vector<double> y = oracle::random_vector(20, 3);
  for (std::size_t i = 0; i < 20; ++i) y[i] += 1e3 * static_cast<double>(i / 4);
  GaussianDensity density(1, local(covariance.layout(), y), {});
  const auto found = density.evaluate(covariance, {{}, false, Judged::always, 1e-10});
  EXPECT_TRUE(found.verdict->accepted);
  EXPECT_NEAR(found.values[0], oracle::log_density(matrix, y), 1e-9 * std::abs(found.values[0]));
  Model silent = model;
  silent.noise = 1e-12;
  silent.terms[0].scale = 1e-12;
  EXPECT_NE(message_of<core::DataError>([&] { make(terms_of(silent)); }).find("need noise"),
            std::string::npos);
}

TEST_F(OnesUpdateTest, TakesOnesBesideIdentitiesWithDiagonalNoise) {
  const Model model{
      {4, 3}, {{1.7, "ij"}, {0.6, "ji"}, {0.3, "jj"}}, 0.3, {}, {{0.5, 1, 2, 1}, {1, 0.7, 3}}};
  ASSERT_NE(make(terms_of(model)).update(), nullptr);
  expect_matrix(model);
  expect_density(model);
}

TEST_F(OnesUpdateTest, RefusesMatricesOfEffectsThatAreNoCovariances) {
  CovarianceTerms terms = terms_of(models()[0]);
  Matrix wrong = oracle::identity(4);
  wrong(1, 1) = -1;
  terms.signal[2].chains[1] = chain(wrong, "Kt");
  EXPECT_NE(message_of<core::DataError>([&] { make(terms); }).find("'Kt'"), std::string::npos);
}

}  // namespace
}  // namespace kronwerk::models
