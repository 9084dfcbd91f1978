#include "models/ones/ones_core.hpp"

#include "kronwerk/factors/spectra/bases.hpp"
#include "kronwerk/models/draws/sampler.hpp"
#include "models/draws/sample_moments.hpp"
#include "models/ones/ones_fixture.hpp"

namespace kronwerk::models {
namespace {

class OnesTest : public OnesFixture {
 protected:
  static std::vector<Model> models() {
    return {{{5, 4}, {{1.7, "kj"}, {0.6, "jk"}}, 0.3},
            {{4, 5}, {{1.7, "kj"}, {0.6, "jk"}, {0.4, "ij"}, {0.2, "jj"}}, 0.3},
            {{3, 4, 2}, {{1.7, "kjj"}, {0.6, "jkj"}, {0.9, "jjk"}, {0.5, "skj"}}, 0.4},
            {{2, 3, 1, 2}, {{0.7, "kjjk"}, {0.6, "jkjj"}}, 0.2},
            {{1, 5}, {{1.2, "kj"}, {0.5, "jk"}}, 0.3},
            {{7, 1}, {{1.2, "kj"}, {0.5, "jk"}}, 0.3},
            {{5, 3}, {{1.1, "sj"}, {0.8, "js"}}, 1e-6}};
  }
};

TEST_F(OnesTest, IsTheDenseMatrixItsInverseAndItsDeterminant) {
  for_models(models(), [&](const Model& model) {
    ASSERT_NE(make(terms_of(model)).core(), nullptr);
    expect_matrix(model);
  });
}

TEST_F(OnesTest, HasTheDensityAndTheGradientOfTheDenseMatrix) {
  for_models(models(), [&](const Model& model) { expect_density(model); });
}

TEST_F(OnesTest, PredictsAsTheDenseMatrixDoes) {
  for_models(models(), [&](const Model& model) {
    if (model.noise > 1e-3) expect_prediction(model);
  });
}

TEST_F(OnesTest, HasDerivativesWithOnesInModesWithoutThem) {
  const Model model{{3, 4, 2}, {{1.7, "kjk"}, {0.6, "jkk"}}, 0.3};
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
  expect_density_of_observed(models()[0]);
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
  // Terms without ones that no coordinates make diagonal.
  Model model{{4, 3}, {{1, "kk"}, {1, "ks"}, {1, "kj"}, {1, "jk"}}, 0.3};
  EXPECT_NE(make(terms_of(model)).core(), nullptr);
  model.diagonals = {{1, 2, 3, 4}, {1, 1, 2}};
  std::string message = message_of<core::ConfigurationError>([&] { make(terms_of(model)); });
  EXPECT_NE(message.find("its factor 'D' is a diagonal"), std::string::npos) << message;
  model.diagonals.clear();
  model.extents = {101, 100};
  message = message_of<core::ConfigurationError>([&] { make(terms_of(model)); });
  EXPECT_NE(message.find("'kron(K, K)' acts on more than 10000"), std::string::npos) << message;
  CovarianceTerms terms;
  terms = terms_of(models()[0]);
  Matrix wrong = oracle::identity(4);
  wrong(1, 1) = -1;
  terms.signal[1].chains[1] = chain(wrong, "Kt");
  EXPECT_NE(message_of<core::DataError>([&] { make(terms); }).find("'Kt'"), std::string::npos);
}

}  // namespace
}  // namespace kronwerk::models
