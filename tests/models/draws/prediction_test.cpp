#include "kronwerk/models/draws/prediction.hpp"

#include "kronwerk/models/density/log_density.hpp"
#include "models/covariance/gaussian_fixture.hpp"
#include "models/draws/sample_moments.hpp"

namespace kronwerk::models {
namespace {

using Kernel = std::function<double(double)>;

/// One mode: data at points 0, 1, …, new points shifted; none new: the mode stays.
struct ModePoints {
  Index data;
  Index fresh;
  double shift;
};

class PredictionTest : public GaussianFixture {
 protected:
  static Kernel decay(double l) {
    return [l](double d) { return std::exp(-d / l); };
  }

  /// One signal term: its kernels per mode.
  struct Signal {
    double scale;
    std::vector<Kernel> kernels;
  };

  /// A model with new points, structured and dense.
  struct Case {
    CovarianceTerms terms;
    PredictionGrid grid;
    Matrix covariance, cross, prior;
    Index size = 1;
    Index fresh = 1;
  };

  /// Terms with the same kernel object share a factor.
  static Case make_case(const std::vector<ModePoints>& modes, const std::vector<Signal>& signals,
                        double noise) {
    Case result;
    for (const ModePoints& mode : modes) {
      result.size *= mode.data;
      result.fresh *= mode.fresh == 0 ? mode.data : mode.fresh;
    }
    result.covariance = Matrix(result.size, result.size);
    result.cross = Matrix(result.fresh, result.size);
    result.prior = Matrix(result.fresh, result.fresh);
    for (const Signal& signal : signals) {
      ScaledProduct term{signal.scale, {}};
      auto& points = result.grid.terms.emplace_back();
      std::vector<Matrix> k, c, p;
      for (std::size_t m = 0; m < modes.size(); ++m) {
        const ModePoints& mode = modes[m];
        k.push_back(kernel(mode.data, mode.data, 0, signal.kernels[m]));
        term.chains.push_back(chain(k.back(), "K" + std::to_string(m + 1)));
        NewPoints& fresh = points.emplace_back();
        if (mode.fresh == 0) {
          c.push_back(k.back());
          p.push_back(k.back());
          continue;
        }
        c.push_back(kernel(mode.fresh, mode.data, mode.shift, signal.kernels[m]));
        p.push_back(kernel(mode.fresh, mode.fresh, 0, signal.kernels[m]));
        fresh.cross = chain(c.back(), "C");
        fresh.prior = chain(p.back(), "P");
      }
      result.terms.signal.push_back(std::move(term));
      result.covariance = oracle::add(1, result.covariance, signal.scale, oracle::kron(k));
      result.cross = oracle::add(1, result.cross, signal.scale, oracle::kron(c));
      result.prior = oracle::add(1, result.prior, signal.scale, oracle::kron(p));
    }
    if (noise > 0) {
      ScaledProduct term{noise, {}};
      for (const ModePoints& mode : modes) term.chains.push_back(identity(mode.data));
      result.terms.noise = term;
      result.covariance = oracle::add(1, result.covariance, noise, oracle::identity(result.size));
    }
    return result;
  }

  /// Mean of `observations`, variance and all covariances against the dense posterior.
  void expect_exact(const Case& model, Index observations, double tolerance = 1e-11) const {
    const auto covariance = make(model.terms);
    const Prediction prediction(covariance, model.grid);
    const auto y = oracle::random_vector(observations * model.size, 9);
    GaussianDensity density(observations, local(covariance.layout(observations), y), {});
    const auto mean = predict(prediction, observations, density.solve(covariance, {}));
    std::vector<double> expected;
    Matrix posterior;
    for (Index i = 0; i < observations; ++i) {
      const auto one =
          oracle::posterior(model.covariance, model.cross, model.prior,
                            std::span(y).subspan(static_cast<std::size_t>(i * model.size),
                                                 static_cast<std::size_t>(model.size)));
      expected.insert(expected.end(), one.mean.begin(), one.mean.end());
      posterior = one.covariance;
    }
    expect_close(mean, expected, tolerance);

    const auto variance = variance_of(prediction);
    const auto factored = prediction.covariance();
    for (Index a = 0; a < model.fresh; ++a) {
      EXPECT_NEAR(variance[static_cast<std::size_t>(a)], posterior(a, a),
                  tolerance * model.prior(a, a));
      for (Index b = 0; b < model.fresh; b += 3) {
        EXPECT_NEAR(factored.at(a, b), posterior(a, b), tolerance * model.prior(a, a));
      }
    }
  }

  std::vector<double> predict(const Prediction& prediction, Index observations,
                              const std::vector<double>& weights) const {
    const auto layout = prediction.layout(observations);
    std::vector<double> mean(static_cast<std::size_t>(layout.home_size(comm_.rank())), 0.0);
    prediction.add_mean(observations, weights, mean);
    return whole(layout, mean);
  }

  std::vector<double> variance_of(const Prediction& prediction, bool noise = false) const {
    const auto layout = prediction.layout();
    std::vector<double> variance(static_cast<std::size_t>(layout.home_size(comm_.rank())), 7.0);
    prediction.variance(variance);
    if (noise) prediction.add_noise(variance);
    return whole(layout, variance);
  }

  std::vector<double> deviations(const Prediction& prediction, const PosteriorSampler& sampler,
                                 std::uint64_t seed, Index first, Index count) const {
    const auto layout = prediction.layout(count);
    std::vector<double> block(static_cast<std::size_t>(layout.home_size(comm_.rank())), 7.0);
    sampler.deviations(seed, first, count, block);
    return whole(layout, block);
  }
};

TEST_F(PredictionTest, IsTheDensePosterior) {
  expect_exact(make_case({{4, 3, 0.4}, {3, 5, 0.3}}, {{1.7, {decay(1.5), decay(0.8)}}}, 0.2), 1);
  expect_exact(make_case({{4, 3, 0.4}, {3, 5, 0.3}, {5, 2, 0.6}},
                         {{1.7, {decay(1.5), decay(0.8), decay(2)}}}, 0.2),
               1);
  expect_exact(make_case({{3, 2, 0.4}, {4, 3, 0.3}, {3, 4, 0.6}, {2, 3, 0.1}},
                         {{1.7, {decay(1.5), decay(0.8), decay(2), decay(1)}}}, 0.2),
               1);
}

TEST_F(PredictionTest, WithoutNoiseIsTheDensePosterior) {
  expect_exact(make_case({{4, 3, 0.4}, {3, 5, 0.3}}, {{1.7, {decay(1.5), decay(0.8)}}}, 0), 1);
}

TEST_F(PredictionTest, LeavesModesAtThePointsOfTheData) {
  expect_exact(make_case({{4, 0, 0}, {3, 5, 0.3}}, {{1.7, {decay(1.5), decay(0.8)}}}, 0.2), 1);
  expect_exact(make_case({{4, 3, 0.2}, {5, 0, 0}}, {{1.7, {decay(1.5), decay(0.8)}}}, 0.2), 2);
  expect_exact(make_case({{4, 0, 0}, {3, 0, 0}}, {{1.7, {decay(1.5), decay(0.8)}}}, 0), 1);
}

TEST_F(PredictionTest, TakesSeveralObservationsAndSeveralTerms) {
  expect_exact(make_case({{4, 3, 0.4}, {3, 5, 0.3}}, {{1.7, {decay(1.5), decay(0.8)}}}, 0.2), 3);
  expect_exact(make_case({{4, 3, 0.4}, {3, 5, 0.3}},
                         {{1.7, {decay(1.5), decay(0.8)}}, {0.6, {decay(0.4), decay(3)}}}, 0),
               2);
}

TEST_F(PredictionTest, OfTheIssuesGridAgreesWithDenseRegression) {
  // 7 x 5 x 6 points of the unit cube, rbf with length scale 0.2, mean 0.5, σ = 0.2.
  const auto spaced = [](Index n, double first, double last, Index m, double start) {
    Matrix result(m, n);
    const double width = 1 / static_cast<double>(n - 1);
    for (Index i = 0; i < m; ++i) {
      for (Index j = 0; j < n; ++j) {
        const double x = start + (last - first) * static_cast<double>(i) / static_cast<double>(m);
        const double d = x - width * static_cast<double>(j);
        result(i, j) = std::exp(-d * d / (2 * 0.2 * 0.2));
      }
    }
    return result;
  };
  std::vector<Matrix> k, c;
  CovarianceTerms terms{{{1, {}}}, ScaledProduct{0.04, {}}};
  PredictionGrid grid{{{}}};
  for (const Index n : {7, 5, 6}) {
    const double width = 1 / static_cast<double>(n - 1);
    k.push_back(spaced(n, 0, width * static_cast<double>(n), n, 0));
    c.push_back(spaced(n, 0, 1, 4, 0.07));
    terms.signal[0].chains.push_back(chain(k.back()));
    terms.noise->chains.push_back(identity(n));
    grid.terms[0].push_back({chain(c.back()), std::nullopt, std::vector<double>(4, 1.0)});
  }
  const auto covariance = make(terms);
  const Prediction prediction(covariance, grid);
  const auto y = oracle::random_vector(210, 9);
  const std::vector<MeanColumn> columns{{{{}, {}, {}}, 0.5}};
  GaussianDensity density(1, local(covariance.layout(), y), columns);
  auto mean = predict(prediction, 1,
                      density.solve(covariance, estimate_mean(columns, {}, MeanPooling::pooled)));
  for (double& value : mean) value += 0.5;

  const auto dense = oracle::add(1, oracle::kron(k), 0.04, oracle::identity(210));
  auto shifted = y;
  for (double& value : shifted) value -= 0.5;
  auto expected = oracle::multiply(oracle::kron(c), oracle::solve(dense, shifted));
  for (double& value : expected) value += 0.5;
  expect_close(mean, expected, 1e-10);
  const auto reduction =
      oracle::multiply(oracle::kron(c), oracle::solve(dense, oracle::transpose(oracle::kron(c))));
  const auto variance = variance_of(prediction), noisy = variance_of(prediction, true);
  for (Index i = 0; i < 64; ++i) {
    const auto at = static_cast<std::size_t>(i);
    EXPECT_NEAR(variance[at], 1 - reduction(i, i), 1e-10);
    EXPECT_NEAR(noisy[at] - variance[at], 0.04, 1e-15);
  }
}

TEST_F(PredictionTest, DrawsHaveThePosteriorCovariance) {
  const std::vector<Case> cases{
      make_case({{3, 2, 0.4}, {4, 3, 0.3}}, {{1.7, {decay(1.5), decay(0.8)}}}, 0.3),
      // Some of the new points are the data's.
      make_case({{3, 2, 0}, {3, 0, 0}},
                {{1.7, {decay(1.5), decay(0.8)}}, {0.5, {decay(0.4), decay(2)}}}, 0)};
  for (const Case& model : cases) {
    const auto covariance = make(model.terms);
    const Prediction prediction(covariance, model.grid);
    const PosteriorSampler sampler(prediction);
    SampleMoments moments(std::vector<double>(static_cast<std::size_t>(model.fresh), 0.0));
    for (Index first = 0; first < 20000; first += 2000) {
      moments.add(deviations(prediction, sampler, 5, first, 2000));
    }
    moments.expect(oracle::posterior(model.covariance, model.cross, model.prior,
                                     oracle::random_vector(model.size, 1))
                       .covariance);
  }
}

TEST_F(PredictionTest, DrawsDependOnSeedAndNumberOnly) {
  const auto model = make_case({{3, 2, 0.4}, {4, 3, 0.3}}, {{1.7, {decay(1.5), decay(0.8)}}}, 0.3);
  const auto covariance = make(model.terms);
  const Prediction prediction(covariance, model.grid);
  const PosteriorSampler sampler(prediction);
  const auto many = deviations(prediction, sampler, 5, 2, 4);
  for (Index i = 0; i < 4; ++i) {
    const auto begin = many.begin() + model.fresh * i;
    expect_close(deviations(prediction, sampler, 5, 2 + i, 1), {begin, begin + model.fresh}, 1e-12);
  }
  const auto self = communication::Communicator::duplicate(MPI_COMM_SELF);
  const Covariance own(self, std::make_shared<Workspace>(self), model.terms);
  const Prediction alone(own, model.grid);
  std::vector<double> expected(many.size());
  PosteriorSampler(alone).deviations(5, 2, 4, expected);
  expect_close(many, expected, 1e-12);
}

TEST_F(PredictionTest, RefusesWhatWasNotGivenOrDoesNotFit) {
  auto model = make_case({{4, 3, 0.4}, {3, 5, 0.3}}, {{1.7, {decay(1.5), decay(0.8)}}}, 0.2);
  const auto covariance = make(model.terms);
  auto wrong = model.grid;
  wrong.terms[0][1].cross = model.grid.terms[0][0].cross;
  message_of<core::ShapeError>([&] { Prediction(covariance, wrong); });
  message_of<core::ShapeError>([&] { Prediction(covariance, {}); });
  wrong = model.grid;
  wrong.terms[0][0].prior_diagonal = {1, 2};
  message_of<core::ShapeError>([&] { Prediction(covariance, wrong); });

  auto bare = model.grid;
  bare.terms[0][1].prior.reset();
  const Prediction prediction(covariance, bare);
  const auto message = message_of<core::ConfigurationError>([&] { variance_of(prediction); });
  EXPECT_NE(message.find("mode 2"), std::string::npos) << message;
  message_of<core::ConfigurationError>([&] { prediction.covariance(); });
  message_of<core::ConfigurationError>([&] { PosteriorSampler{prediction}; });

  model.terms.noise->chains[0] = diagonal({1, 2, 3, 4});
  const auto diagonal_noise = make(model.terms);
  const Prediction without(diagonal_noise, model.grid);
  message_of<core::ConfigurationError>([&] { variance_of(without, true); });
}

}  // namespace
}  // namespace kronwerk::models
