// Covariances with inverses of sums against dense formulas: everything that is done with them.
#include "kronwerk/models/draws/prediction.hpp"
#include "kronwerk/models/missing/missing.hpp"
#include "models/covariance/field_fixture.hpp"

namespace kronwerk::models {
namespace {

/// s (a I + P ⊕ Q)⁻¹ + t R + σ² I over 5 x 4, Q with negative eigenvalues.
class InverseOfSumTest : public FieldFixture {
 protected:
  InverseOfSumTest() {
    q_ = oracle::add(1, oracle::laplacian(4), -0.2, oracle::identity(4));
    sum_ = oracle::add(1, oracle::kron(p_, oracle::identity(4)), 1,
                       oracle::kron(oracle::identity(5), q_));
    sum_ = oracle::add(1, sum_, shift_, oracle::identity(20));
    inverse_ = oracle::inverse(sum_);
    terms_.inverses.push_back({1.7,
                               {{shift_, {identity(5), identity(4)}},
                                {1, {first_, identity(4)}},
                                {1, {identity(5), second_}}}});
    dense_ = oracle::add(1.7, inverse_, 0.3, oracle::identity(20));
    terms_.noise = ScaledProduct{0.3, {identity(5), identity(4)}};
  }

  std::vector<double> block(const Layout& layout, const std::vector<double>& x) const {
    return local(layout, x);
  }

  double shift_ = 0.9;
  Matrix p_ = oracle::laplacian(5);
  Matrix q_ = Matrix(4, 4);
  Matrix sum_ = Matrix(20, 20);
  Matrix inverse_ = Matrix(20, 20);
  Matrix dense_ = Matrix(20, 20);
  factors::Chain first_ = chain(p_, "P");
  factors::Chain second_ =
      chain(oracle::add(1, oracle::laplacian(4), -0.2, oracle::identity(4)), "Q");
  CovarianceTerms terms_;
};

TEST_F(InverseOfSumTest, IsDiagonalInTheFactorsEigenvectors) {
  const auto covariance = make(terms_);
  expect_is(*covariance.forward(), dense_, 1e-11);
  expect_is(*covariance.forward(3), oracle::kron(oracle::identity(3), dense_), 1e-11);
  expect_is(*covariance.inverse(), oracle::inverse(dense_), 1e-11);
  expect_is(*covariance.signal(2),
            oracle::kron(oracle::identity(2), oracle::add(1.7, inverse_, 0, inverse_)), 1e-11);
  EXPECT_NEAR(covariance.log_determinant(), oracle::log_abs_det(dense_), 1e-11 * 20);
  const OperatorPtr root = covariance.root(1, covariance.layout().leading_modes());
  const auto x = oracle::random_vector(20, 3);
  expect_close(apply(*root, apply(*root, x)), oracle::multiply(dense_, x), 1e-11);
}

TEST_F(InverseOfSumTest, AloneIsAGaussianMarkovField) {
  terms_.noise.reset();
  const auto covariance = make(terms_);
  expect_is(*covariance.inverse(), oracle::add(1 / 1.7, sum_, 0, sum_), 1e-11);
  EXPECT_NEAR(covariance.log_determinant(),
              oracle::log_abs_det(oracle::add(1.7, inverse_, 0, sum_)), 1e-11 * 20);
}

TEST_F(InverseOfSumTest, StandsBesideProductsOfTheSameMatricesAndTheirPowers) {
  const auto a = exponential(5, 1.5), b = exponential(4, 0.7);
  const auto first = chain(a, "A"), second = chain(b, "B");
  CovarianceTerms terms;
  terms.signal = {{0.8, {first, second}}, {0.4, {identity(5), second}}};
  // (A ⊕ B)² and A² ⊕ B
  const factors::Chain squared{first[0], first[0]}, other{second[0], second[0]};
  terms.inverses = {
      {0.5, {{1, {squared, identity(4)}}, {2, {first, second}}, {1, {identity(5), other}}}},
      {1.1, {{1, {squared, identity(4)}}, {1, {identity(5), second}}}}};
  terms.noise = ScaledProduct{0.2, {identity(5), identity(4)}};
  const auto plus = [](const Matrix& x, const Matrix& y) {
    return oracle::add(1, oracle::kron(x, oracle::identity(4)), 1,
                       oracle::kron(oracle::identity(5), y));
  };
  const auto square = [](const Matrix& x) { return oracle::multiply(x, x); };
  auto dense = oracle::add(0.8, oracle::kron(a, b), 0.4, oracle::kron(oracle::identity(5), b));
  dense = oracle::add(1, dense, 0.5, oracle::inverse(square(plus(a, b))));
  dense = oracle::add(1, dense, 1.1, oracle::inverse(plus(square(a), b)));
  dense = oracle::add(1, dense, 0.2, oracle::identity(20));
  const auto covariance = make(terms);
  expect_is(*covariance.forward(), dense, 1e-11);
  expect_is(*covariance.inverse(), oracle::inverse(dense), 1e-11);
}

TEST_F(InverseOfSumTest, TheLogDensityAndItsGradientAreTheDenseOnes) {
  // ∂/∂s, ∂/∂a, ∂/∂(entries of P), ∂/∂σ², and a change of P and s at once.
  Matrix direction(5, 5);
  direction(1, 3) = direction(3, 1) = 0.7;
  direction(2, 2) = 1;
  const factors::Chain change = chain(direction, "D");
  std::vector<CovarianceDerivative> derivatives(5);
  derivatives[0].inverses = {{1, {}}};
  derivatives[1].inverses = {{0, {{1, {identity(5), identity(4)}}}}};
  derivatives[2].inverses = {{0, {{1, {change, identity(4)}}}}};
  derivatives[3].products = {{1, {identity(5), identity(4)}}};
  derivatives[4].inverses = {{-0.4, {{1, {change, identity(4)}}, {0.3, {first_, second_}}}}};
  const auto of_sum = [&](const Matrix& change_of_sum) {
    return oracle::multiply(inverse_, oracle::multiply(change_of_sum, inverse_));
  };
  const Matrix wide = oracle::kron(direction, oracle::identity(4));
  const Matrix both = oracle::add(1, wide, 0.3, oracle::kron(p_, q_));
  const std::vector<Matrix> dense{inverse_,
                                  oracle::add(-1.7, of_sum(oracle::identity(20)), 0, sum_),
                                  oracle::add(-1.7, of_sum(wide), 0, sum_), oracle::identity(20),
                                  oracle::add(-0.4, inverse_, -1.7, of_sum(both))};
  expect_density(terms_, dense_, derivatives, dense);
}

TEST_F(InverseOfSumTest, PredictsAtTheCellsOfTheGrid) {
  const auto covariance = make(terms_);
  const Prediction prediction(covariance, {});
  const auto y = oracle::random_vector(20, 8);
  const Matrix field = oracle::add(1.7, inverse_, 0, sum_);
  const auto expected = oracle::posterior(dense_, field, field, y);
  GaussianDensity density(1, local(covariance.layout(), y), {});
  const auto weights = density.solve(covariance, {});
  std::vector<double> mean(weights.size(), 0.0), variance(weights.size());
  prediction.add_mean(1, weights, mean);
  expect_close(whole(prediction.layout(), mean), expected.mean, 1e-11);
  prediction.variance(variance);
  std::vector<double> diagonal;
  for (Index i = 0; i < 20; ++i) diagonal.push_back(expected.covariance(i, i));
  expect_close(whole(prediction.layout(), variance), diagonal, 1e-11);
  prediction.prior_variance(variance);
  for (Index i = 0; i < 20; ++i) diagonal[static_cast<std::size_t>(i)] = field(i, i);
  expect_close(whole(prediction.layout(), variance), diagonal, 1e-11);
  const auto message =
      message_of<core::ConfigurationError>([&] { static_cast<void>(prediction.covariance()); });
  EXPECT_NE(message.find("has no factors"), std::string::npos) << message;
  PredictionGrid elsewhere;
  elsewhere.terms = {{NewPoints{first_, first_, {}}, NewPoints()}};
  EXPECT_NE(message_of<core::ConfigurationError>([&] {
              Prediction(covariance, elsewhere);
            }).find("mode 1 has new points"),
            std::string::npos);
}

TEST_F(InverseOfSumTest, DrawsHaveTheCovariance) {
  terms_.signal = {{0.4, {first_, identity(4)}}};
  dense_ = oracle::add(1, dense_, 0.4, oracle::kron(p_, oracle::identity(4)));
  const Sampler sampler(comm_, workspace_, terms_);
  expect_draws(sampler, dense_);
  // As one rank alone draws.
  const auto self = communication::Communicator::duplicate(MPI_COMM_SELF);
  std::vector<double> expected(60),
      values(static_cast<std::size_t>(sampler.layout(3).home_size(comm_.rank())));
  Sampler(self, std::make_shared<Workspace>(self), terms_).draw(5, 7, 3, expected);
  sampler.draw(5, 7, 3, values);
  expect_close(whole(sampler.layout(3), values), expected, 1e-11);
}

TEST_F(InverseOfSumTest, PosteriorDrawsAreConditioned) {
  terms_.noise->scale = 1e-10;
  const auto covariance = make(terms_);
  const Prediction prediction(covariance, {});
  const PosteriorSampler sampler(prediction);
  // Almost without noise nothing is left of the prior's deviations.
  std::vector<double> values(
      static_cast<std::size_t>(prediction.layout(2).home_size(comm_.rank())));
  sampler.deviations(3, 0, 2, values);
  for (const double value : values) EXPECT_NEAR(value, 0, 1e-3);
}

TEST_F(InverseOfSumTest, CellsMayBeMissing) {
  const std::vector<Index> hidden{1, 6, 7, 18};
  std::vector<Index> seen;
  for (Index i = 0; i < 20; ++i) {
    if (std::ranges::find(hidden, i) == hidden.end()) seen.push_back(i);
  }
  auto y = oracle::random_vector(20, 8);
  const auto residual = oracle::select(y, seen);
  for (const Index i : hidden) y[static_cast<std::size_t>(i)] = std::nan("");
  const auto covariance = make(terms_);
  std::vector<CovarianceDerivative> derivatives(2);
  derivatives[0].inverses = {{0.3, {{1, {first_, identity(4)}}}}};
  derivatives[1].products = {{1, {identity(5), identity(4)}}};
  const Matrix change =
      oracle::multiply(inverse_, oracle::multiply(oracle::kron(p_, oracle::identity(4)), inverse_));
  const std::vector<Matrix> dense{oracle::add(0.3, inverse_, -1.7, change), oracle::identity(20)};
  const auto mask = CellMask::of_nan(comm_, covariance.layout(), local(covariance.layout(), y));
  MissingSettings settings;
  settings.tolerance = 1e-13;
  MissingDensity density(1, local(covariance.layout(), y), {}, mask, settings);
  const auto found = density.evaluate(covariance, {derivatives});
  const Matrix observed = oracle::select(dense_, seen, seen);
  const double value = oracle::log_density(observed, residual);
  EXPECT_NEAR(found.density.values[0], value, 1e-10 * std::abs(value));
  for (std::size_t p = 0; p < 2; ++p) {
    const double expected =
        oracle::log_density_derivative(observed, oracle::select(dense[p], seen, seen), residual);
    EXPECT_NEAR(found.density.gradient[p], expected, 1e-10 * (1 + std::abs(expected)));
  }
  // The variance at all cells, and the same gradient by probes within their errors.
  const Prediction prediction(covariance, {});
  MissingCells cells(covariance, mask, settings);
  std::vector<double> variance(
      static_cast<std::size_t>(prediction.layout().home_size(comm_.rank())));
  prediction.variance(variance);
  cells.add_variance({}, variance);
  const Matrix field = oracle::add(1.7, inverse_, 0, sum_);
  std::vector<Index> all;
  for (Index i = 0; i < 20; ++i) all.push_back(i);
  const auto posterior =
      oracle::posterior(observed, oracle::select(field, all, seen), field, residual);
  std::vector<double> diagonal;
  for (Index i = 0; i < 20; ++i) diagonal.push_back(posterior.covariance(i, i));
  expect_close(whole(prediction.layout(), variance), diagonal, 1e-10);
  settings.exact_limit = 0;
  settings.stochastic.probes = 400;
  MissingCells estimated(covariance, mask, settings);
  const auto traces = estimated.traces(derivatives), exact = cells.traces(derivatives);
  for (std::size_t p = 0; p < 2; ++p) {
    EXPECT_NEAR(traces[p].value, exact[p].value, 5 * traces[p].standard_error + 1e-12);
  }
}

TEST_F(InverseOfSumTest, RefusesWhatIsNoPrecision) {
  terms_.inverses[0].sum[0].scale = -0.1;
  auto message = message_of<core::DataError>([&] { make(terms_); });
  EXPECT_NE(message.find("the precision -0.1*kron(I, I) + kron(P, I) + kron(I, Q) is not positive "
                         "definite: its smallest eigenvalue is -0.3"),
            std::string::npos)
      << message;
  EXPECT_NE(message.find("eigenvalue 1 of mode 1"), std::string::npos) << message;
  terms_.inverses[0].sum[0].scale = 0.2;
  message = message_of<core::DataError>([&] { make(terms_); });
  EXPECT_NE(message.find("singular"), std::string::npos) << message;
  terms_.inverses[0].sum[0].scale = 1;
  terms_.inverses[0].scale = -1;
  message = message_of<core::DataError>([&] { make(terms_); });
  EXPECT_NE(message.find("has the variance -1"), std::string::npos) << message;
  terms_.inverses[0].scale = 1;
  terms_.inverses[0].sum[1].chains[0] = chain(Matrix(5, 5, oracle::random_vector(25, 3)), "B");
  message = message_of<core::DataError>([&] { make(terms_); });
  EXPECT_NE(message.find("symmetric"), std::string::npos) << message;
  terms_.inverses[0].sum[1].chains[0] = first_;
  terms_.signal = {{1, {chain(exponential(5, 1.0), "A"), identity(4)}}};
  message = message_of<core::ConfigurationError>([&] { make(terms_); });
  EXPECT_NE(message.find("mode 1 has the matrices 'A', 'P' and an identity"), std::string::npos)
      << message;
}

}  // namespace
}  // namespace kronwerk::models
