#include "kronwerk/models/density/log_density.hpp"

#include "models/covariance/gaussian_fixture.hpp"

namespace kronwerk::models {
namespace {

/// K(η, l_1, …, l_d, σ) = η² ⊗ exp(−d/l_k) + σ² ⊗ D_k and its derivatives, structured and dense.
struct Model {
  std::vector<Index> extents;
  double eta = 1.3;
  std::vector<double> lengths;
  double sigma = 0.4;
  std::vector<std::vector<double>> noise{};  ///< per mode; none: identities
};

class LogDensityTest : public GaussianFixture {
 protected:
  static std::vector<Matrix> factors_of(const Model& model, std::size_t derivative = 99) {
    std::vector<Matrix> result;
    for (std::size_t k = 0; k < model.extents.size(); ++k) {
      result.push_back(k == derivative ? exponential_derivative(model.extents[k], model.lengths[k])
                                       : exponential(model.extents[k], model.lengths[k]));
    }
    return result;
  }
  static Matrix dense_noise(const Model& model) {
    std::vector<Matrix> result;
    for (std::size_t k = 0; k < model.extents.size(); ++k) {
      result.push_back(model.noise.empty() ? oracle::identity(model.extents[k])
                                           : dense_diagonal(model.noise[k]));
    }
    return oracle::kron(result);
  }
  static Matrix dense(const Model& model) {
    return oracle::add(model.eta * model.eta, oracle::kron(factors_of(model)),
                       model.sigma * model.sigma, dense_noise(model));
  }
  static std::vector<Matrix> dense_derivatives(const Model& model) {
    const auto zero = Matrix(core::product(model.extents), core::product(model.extents));
    std::vector<Matrix> result{
        oracle::add(2 * model.eta, oracle::kron(factors_of(model)), 0, zero)};
    for (std::size_t k = 0; k < model.extents.size(); ++k) {
      result.push_back(
          oracle::add(model.eta * model.eta, oracle::kron(factors_of(model, k)), 0, zero));
    }
    result.push_back(oracle::add(2 * model.sigma, dense_noise(model), 0, zero));
    return result;
  }

  struct Structured {
    CovarianceTerms terms;
    std::vector<CovarianceDerivative> derivatives;
  };
  static Structured structured(const Model& model) {
    std::vector<factors::Chain> signal, noise;
    for (std::size_t k = 0; k < model.extents.size(); ++k) {
      signal.push_back(chain(exponential(model.extents[k], model.lengths[k])));
      noise.push_back(model.noise.empty() ? identity(model.extents[k]) : diagonal(model.noise[k]));
    }
    Structured result;
    result.terms.signal = {{model.eta * model.eta, signal}};
    if (model.sigma > 0) result.terms.noise = ScaledProduct{model.sigma * model.sigma, noise};
    result.derivatives.push_back({{2 * model.eta, signal}});
    for (std::size_t k = 0; k < model.extents.size(); ++k) {
      auto chains = signal;
      chains[k] = chain(exponential_derivative(model.extents[k], model.lengths[k]));
      result.derivatives.push_back({{model.eta * model.eta, chains}});
    }
    result.derivatives.push_back({{2 * model.sigma, noise}});
    return result;
  }

  LogDensity evaluate(const Model& model, Index observations, const std::vector<double>& y,
                      std::vector<MeanColumn> mean = {}) const {
    auto parts = structured(model);
    const auto covariance = make(parts.terms);
    GaussianDensity density(observations, local(covariance.layout(observations), y),
                            std::move(mean));
    auto result = density.evaluate(covariance, {parts.derivatives, true});
    result.input_gradient = whole(covariance.layout(observations), result.input_gradient);
    return result;
  }

  /// Values, gradients by every parameter and by y against the dense formulas.
  void expect_exact(const Model& model, Index observations) const {
    const Index size = core::product(model.extents);
    const auto y = oracle::random_vector(observations * size, 17);
    const auto found = evaluate(model, observations, y);
    const auto covariance = dense(model);
    const auto derivatives = dense_derivatives(model);
    std::vector<double> gradient(derivatives.size(), 0.0);
    std::vector<double> input_gradient;
    ASSERT_EQ(std::ssize(found.values), observations);
    for (Index i = 0; i < observations; ++i) {
      const std::span<const double> one(y.data() + i * size, static_cast<std::size_t>(size));
      const double expected = oracle::log_density(covariance, one);
      EXPECT_NEAR(found.values[static_cast<std::size_t>(i)], expected, 1e-11 * std::abs(expected));
      for (std::size_t p = 0; p < gradient.size(); ++p) {
        gradient[p] += oracle::log_density_derivative(covariance, derivatives[p], one);
      }
      for (const double value : oracle::solve(covariance, one)) input_gradient.push_back(-value);
    }
    expect_close(found.gradient, gradient, 1e-11);
    expect_close(found.input_gradient, input_gradient, 1e-11);
  }
};

TEST_F(LogDensityTest, WithNoiseIsTheDenseOne) {
  expect_exact({{5, 3}, 1.3, {1.5, 0.8}}, 1);
  expect_exact({{3, 7, 4}, 1.3, {1.5, 0.8, 2}}, 1);
  expect_exact({{3, 4, 3, 5}, 1.3, {1.5, 0.8, 2, 1}}, 1);
  expect_exact({{1, 6}, 1.3, {1.5, 0.8}}, 1);
  expect_exact({{6}, 1.3, {1.5}}, 1);
}

TEST_F(LogDensityTest, WithoutNoiseIsTheDenseOne) {
  expect_exact({{5, 3}, 1.3, {1.5, 0.8}, 0}, 1);
  expect_exact({{3, 7, 4}, 1.3, {1.5, 0.8, 2}, 0}, 1);
  expect_exact({{3, 4, 3, 5}, 1.3, {1.5, 0.8, 2, 1}, 0}, 2);
}

TEST_F(LogDensityTest, OfSeveralObservationsIsTheDenseOne) {
  expect_exact({{5, 3}, 1.3, {1.5, 0.8}}, 4);
  expect_exact({{3, 4, 5}, 1.3, {1.5, 0.8, 2}}, 3);
}

TEST_F(LogDensityTest, WithNoiseOfDiagonalsIsTheDenseOne) {
  const std::vector<std::vector<double>> noise{{0.5, 1, 2, 0.7, 1.1}, {0.3, 0.9, 1.5, 2}};
  expect_exact({{5, 4}, 1.3, {1.5, 0.8}, 0.6, noise}, 1);
  expect_exact({{5, 4}, 1.3, {1.5, 0.8}, 0.6, noise}, 3);
}

// The quadratic form by products along the mode, not by Gram matrices: few fibres, many points.
TEST_F(LogDensityTest, OfOneLongAndOneShortModeIsTheDenseOne) {
  expect_exact({{31, 2}, 1.3, {1.5, 0.8}}, 1);
  expect_exact({{2, 31}, 1.3, {1.5, 0.8}}, 1);
  expect_exact({{2, 31}, 1.3, {1.5, 0.8}}, 3);
}

/// Eigenvectors that are taken as given, and are wrong by some part of them: the density of the
/// matrix that they stand for is found by refinement, or refused.
class GivenDensityTest : public GaussianFixture {
 protected:
  static constexpr Index first = 4, second = 3;

  void make_model(double error) {
    vectors_ = oracle::identity(first);
    const auto v = oracle::random_vector(first, 31);
    for (Index i = 0; i < first; ++i) {
      for (Index j = 0; j < first; ++j) {
        vectors_(i, j) -=
            2 * v[static_cast<std::size_t>(i)] * v[static_cast<std::size_t>(j)] / oracle::dot(v, v);
      }
    }
    const Matrix wrong = oracle::random_matrix(first, first, 32);
    vectors_ = oracle::add(1, vectors_, error, wrong);
    const std::vector<double> values{0.4, 1.1, 2.3, 3.2};
    const auto q = factor(vectors_);
    terms_.signal = {{1.7,
                      {{factors::Link{q}, factors::Link{factors::make_diagonal("λ", values)},
                        factors::Link{q, true}},
                       chain(exponential(second, 1.2))}}};
    terms_.noise = ScaledProduct{0.3, {identity(first), identity(second)}};
    const Matrix given = oracle::multiply(
        vectors_, oracle::multiply(dense_diagonal(values), oracle::transpose(vectors_)));
    dense_ = oracle::add(1.7, oracle::kron(given, exponential(second, 1.2)), 0.3,
                         oracle::identity(first * second));
  }
  LogDensity evaluate(Judged judged, double tolerance = 1e-10) {
    const auto covariance = make(terms_);
    GaussianDensity density(2, local(covariance.layout(2), y_), {});
    auto result = density.evaluate(covariance, {{}, true, judged, tolerance});
    result.input_gradient = whole(covariance.layout(2), result.input_gradient);
    return result;
  }
  /// −K⁻¹y of both observations.
  std::vector<double> expected() const {
    std::vector<double> result;
    for (int i = 0; i < 2; ++i) {
      const std::vector<double> one(y_.begin() + 12 * i, y_.begin() + 12 * (i + 1));
      for (const double value : oracle::solve(dense_, one)) result.push_back(-value);
    }
    return result;
  }

  Matrix vectors_, dense_;
  CovarianceTerms terms_;
  std::vector<double> y_ = oracle::random_vector(2 * first * second, 33);
};

TEST_F(GivenDensityTest, IsRefinedWhereItsSolveIsInaccurate) {
  make_model(1e-3);
  EXPECT_FALSE(evaluate(Judged::never).verdict.has_value());
  EXPECT_GT(oracle::relative_error(evaluate(Judged::never).input_gradient, expected()), 1e-5);
  const auto found = evaluate(Judged::always);
  ASSERT_TRUE(found.verdict.has_value());
  EXPECT_TRUE(found.verdict->accepted);
  EXPECT_GE(found.verdict->refinements, 1);
  EXPECT_EQ(found.verdict->residuals.size(), 2);
  expect_close(found.input_gradient, expected(), 1e-9);
  const auto solved = expected();
  double difference = found.values[0] - found.values[1];
  for (std::size_t i = 0; i < solved.size(); ++i) {
    difference -= (i < 12 ? 0.5 : -0.5) * solved[i] * y_[i];
  }
  EXPECT_NEAR(difference, 0, 1e-8);
}

TEST_F(GivenDensityTest, IsNotAcceptedWhereRefinementDoesNotHelp) {
  make_model(0.7);
  const auto found = evaluate(Judged::always);
  ASSERT_TRUE(found.verdict.has_value());
  EXPECT_FALSE(found.verdict->accepted);
  EXPECT_GT(found.verdict->worst(), 1e-3);
}

TEST_F(GivenDensityTest, IsJudgedAtTheFirstUseOfABasis) {
  make_model(0);
  terms_.signal[0].chains[0] = chain(exponential(first, 0.8));
  BasisCache cache;
  const Covariance covariance(comm_, workspace_, terms_, cache);
  GaussianDensity density(2, local(covariance.layout(2), y_), {});
  const DensityRequest request{{}, false, Judged::first_use, 1e-10};
  const auto judged = density.evaluate(covariance, request);
  EXPECT_TRUE(judged.verdict.has_value());
  const auto again = density.evaluate(covariance, request);
  EXPECT_FALSE(again.verdict.has_value());
  EXPECT_EQ(again.values, judged.values);
  terms_.signal[0].scale = 1.9;  // other eigenvalues in the same basis
  const Covariance scaled(comm_, workspace_, terms_, cache);
  EXPECT_FALSE(density.evaluate(scaled, request).verdict.has_value());
  terms_.signal[0].chains[1] = chain(exponential(second, 1.3));
  const Covariance other(comm_, workspace_, terms_, cache);
  EXPECT_TRUE(density.evaluate(other, request).verdict.has_value());
}

TEST_F(GivenDensityTest, IsNotChangedByTheJudgementOfAFirstUse) {
  make_model(1e-3);
  const auto judged = evaluate(Judged::first_use);
  ASSERT_TRUE(judged.verdict.has_value());
  EXPECT_GE(judged.verdict->refinements, 1);
  EXPECT_EQ(judged.values, evaluate(Judged::never).values);
}

TEST_F(GivenDensityTest, WeightsOfPredictionsAreRefinedToo) {
  make_model(1e-3);
  const auto covariance = make(terms_);
  GaussianDensity density(2, local(covariance.layout(2), y_), {});
  operators::Verdict verdict;
  const auto weights = density.solve(covariance, {}, 1e-10, verdict);
  EXPECT_TRUE(verdict.accepted);
  EXPECT_GE(verdict.refinements, 1);
  // K⁻¹y = V α̃ in the basis as it is given.
  std::vector<double> solution(weights.size());
  covariance.from_basis(2)->apply(weights, solution);
  for (double& each : solution) each = -each;
  EXPECT_LT(oracle::relative_error(whole(covariance.layout(2), solution), expected()), 1e-9);
}

TEST_F(LogDensityTest, GradientAgreesWithCentralDifferences) {
  const Model model{{4, 5}, 1.3, {1.5, 0.8}, 0.4};
  const auto y = oracle::random_vector(20, 5);
  const auto found = evaluate(model, 1, y);
  const auto difference = [&](const std::function<double&(Model&)>& parameter) {
    const double step = 1e-5;
    Model up = model, down = model;
    parameter(up) += step;
    parameter(down) -= step;
    return (evaluate(up, 1, y).total() - evaluate(down, 1, y).total()) / (2 * step);
  };
  const std::vector<double> expected{difference([](Model& m) -> double& { return m.eta; }),
                                     difference([](Model& m) -> double& { return m.lengths[0]; }),
                                     difference([](Model& m) -> double& { return m.lengths[1]; }),
                                     difference([](Model& m) -> double& { return m.sigma; })};
  expect_close(found.gradient, expected, 1e-7);
}

TEST_F(LogDensityTest, TakesDerivativesWithSeveralNewMatricesAndSeveralTerms) {
  const Model model{{4, 5}, 1.3, {1.5, 0.8}, 0.4};
  const auto parts = structured(model);
  const auto covariance = make(parts.terms);
  const auto y = oracle::random_vector(40, 5);
  GaussianDensity density(2, local(covariance.layout(2), y), {});
  const auto a = exponential_derivative(4, 0.9), b = exponential_derivative(5, 1.1);
  // The last has a negative weight beside a new matrix.
  const auto c = oracle::add(1, oracle::identity(4), -2, exponential(4, 1.5));
  const std::vector<ScaledProduct> terms{
      {0.7, {chain(a), chain(b)}}, {-0.4, {identity(4), chain(b)}}, {0.3, {chain(c), identity(5)}}};
  const auto found = density.evaluate(covariance, {{terms}, false});
  auto derivative =
      oracle::add(0.7, oracle::kron(a, b), -0.4, oracle::kron(oracle::identity(4), b));
  derivative = oracle::add(1, derivative, 0.3, oracle::kron(c, oracle::identity(5)));
  double expected = 0;
  for (const std::size_t i : {0, 1}) {
    expected +=
        oracle::log_density_derivative(dense(model), derivative, std::span(y).subspan(20 * i, 20));
  }
  EXPECT_NEAR(found.gradient[0], expected, 1e-11 * std::abs(expected));
}

TEST_F(LogDensityTest, FollowsCovariancesThatChangeInScaleAndThenInFactors) {
  Model model{{4, 5}, 1.3, {1.5, 0.8}, 0.4};
  const auto y = oracle::random_vector(20, 5);
  auto parts = structured(model);
  BasisCache cache;
  Covariance covariance(comm_, workspace_, parts.terms, cache);
  GaussianDensity density(1, local(covariance.layout(), y), {});
  density.evaluate(covariance, {parts.derivatives, false});
  // Scales of K and of its derivatives, as if the parameters were others.
  parts.terms.signal[0].scale *= 2;
  parts.terms.noise->scale *= 0.25;
  for (std::size_t p : {1, 2}) parts.derivatives[p].products[0].scale *= 2;
  const auto found = density.evaluate(Covariance(comm_, workspace_, parts.terms, cache),
                                      {parts.derivatives, false});
  model.eta *= std::sqrt(2);
  model.sigma *= 0.5;
  const auto derivatives = dense_derivatives(model);
  EXPECT_NEAR(found.total(), oracle::log_density(dense(model), y), 1e-10);
  for (const std::size_t p : {1, 2}) {
    const double expected = oracle::log_density_derivative(dense(model), derivatives[p], y);
    EXPECT_NEAR(found.gradient[p], expected, 1e-11 * std::abs(expected)) << p;
  }
  model.lengths[1] = 1.7;
  parts = structured(model);
  EXPECT_NEAR(density.evaluate(Covariance(comm_, workspace_, parts.terms, cache), {}).total(),
              oracle::log_density(dense(model), y), 1e-10);
}

TEST_F(LogDensityTest, EstimatesTheMeanByGeneralisedLeastSquares) {
  for (const double sigma : {0.4, 0.0}) {
    const Model model{{4, 5}, 1.3, {1.5, 0.8}, sigma};
    const auto u = oracle::random_vector(4, 1), v = oracle::random_vector(5, 2);
    const std::vector<MeanColumn> columns{{{{}, {}}}, {{u, {}}}, {{u, v}}};
    Matrix design(20, 3);
    for (Index i = 0; i < 20; ++i) {
      const double left = u[static_cast<std::size_t>(i / 5)];
      design(i, 0) = 1;
      design(i, 1) = left;
      design(i, 2) = left * v[static_cast<std::size_t>(i % 5)];
    }
    const auto y = oracle::random_vector(40, 5);
    const std::vector<double> first(y.begin(), y.begin() + 20), second(y.begin() + 20, y.end());
    const auto one = oracle::least_squares(dense(model), design, first);
    const auto two = oracle::least_squares(dense(model), design, second);

    auto found = evaluate(model, 1, first, columns);
    expect_close(found.mean.coefficients, one.coefficients, 1e-11);
    expect_close(found.mean.covariance, one.covariance.values, 1e-11);
    const auto residual = oracle::minus(first, oracle::multiply(design, one.coefficients));
    EXPECT_NEAR(found.total(), oracle::log_density(dense(model), residual), 1e-10);
    std::vector<double> gradient;
    for (const auto& derivative : dense_derivatives(model)) {
      gradient.push_back(oracle::log_density_derivative(dense(model), derivative, residual));
    }
    expect_close(found.gradient, gradient, 1e-11);

    // The same coefficients for all observations.
    found = evaluate(model, 2, y, columns);
    for (std::size_t c = 0; c < 3; ++c) {
      EXPECT_NEAR(found.mean.coefficients[c], (one.coefficients[c] + two.coefficients[c]) / 2,
                  1e-11);
    }
    EXPECT_NEAR(found.mean.covariance[0], one.covariance(0, 0) / 2, 1e-11);

    // One row of coefficients for each.
    const auto parts = structured(model);
    const auto covariance = make(parts.terms);
    GaussianDensity density(2, local(covariance.layout(2), y), columns);
    const std::vector<NormalEquations> equations{density.normal_equations(covariance)};
    const auto own = estimate_mean(columns, equations, MeanPooling::per_observation);
    const std::vector<double> row(own.row(1).begin(), own.row(1).end());
    expect_close(row, two.coefficients, 1e-11);
    EXPECT_EQ(own.part(1, 1).coefficients, row);
    ASSERT_EQ(own.covariance.size(), 18u);
    EXPECT_NEAR(own.covariance_of(1)[4], two.covariance(1, 1), 1e-11);
    found = density.evaluate(covariance, {parts.derivatives, false}, own);
    std::fill(gradient.begin(), gradient.end(), 0.0);
    for (std::size_t o = 0; o < 2; ++o) {
      const auto& its = o == 0 ? one : two;
      const auto left =
          oracle::minus(o == 0 ? first : second, oracle::multiply(design, its.coefficients));
      EXPECT_NEAR(found.values[o], oracle::log_density(dense(model), left), 1e-10);
      const auto derivatives = dense_derivatives(model);
      for (std::size_t p = 0; p < gradient.size(); ++p) {
        gradient[p] += oracle::log_density_derivative(dense(model), derivatives[p], left);
      }
    }
    expect_close(found.gradient, gradient, 1e-11);
  }
}

TEST_F(LogDensityTest, TakesGivenCoefficientsAndDifferentiatesByThem) {
  const Model model{{4, 5}, 1.3, {1.5, 0.8}, 0.4};
  const auto u = oracle::random_vector(4, 1);
  const auto y = oracle::random_vector(40, 5);
  const auto parts = structured(model);
  const auto covariance = make(parts.terms);
  GaussianDensity density(2, local(covariance.layout(2), y), {{{{}, {}}, 0.5}, {{u, {}}, -1.5}});
  const auto value = [&](double coefficient) {
    density.set_coefficient(1, coefficient);
    return density.evaluate(covariance, {}).total();
  };
  const auto found = density.evaluate(covariance, {});
  EXPECT_NEAR(found.mean_gradient[1], (value(-1.5 + 1e-4) - value(-1.5 - 1e-4)) / 2e-4, 1e-7);
  double expected = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    std::vector<double> residual;
    for (std::size_t j = 0; j < 20; ++j) residual.push_back(y[20 * i + j] - 0.5 + 1.5 * u[j / 5]);
    expected += oracle::log_density(dense(model), residual);
  }
  EXPECT_NEAR(found.total(), expected, 1e-10);
}

TEST_F(LogDensityTest, RefusesDependentColumnsWrongSizesAndValuesThatAreNotFinite) {
  const Model model{{4, 5}, 1.3, {1.5, 0.8}, 0.4};
  auto y = oracle::random_vector(20, 5);
  const std::vector<double> twos(4, 2.0), three(3, 1.0);
  const auto dependent = message_of<core::DataError>([&] {
    evaluate(model, 1, y, {{{{}, {}}}, {{twos, {}}}});
  });
  EXPECT_NE(dependent.find("linearly dependent"), std::string::npos) << dependent;
  message_of<core::ShapeError>([&] { evaluate(model, 1, y, {{{three, {}}}}); });
  message_of<core::ShapeError>([&] { evaluate(model, 1, y, {{{{}}}}); });
  const auto covariance = make(structured(model).terms);
  GaussianDensity density(1, std::vector<double>(3), {});
  message_of<core::ShapeError>([&] { density.evaluate(covariance, {}); });
  y[7] = std::nan("");
  message_of<core::DataError>([&] { evaluate(model, 1, y); });
}

}  // namespace
}  // namespace kronwerk::models
