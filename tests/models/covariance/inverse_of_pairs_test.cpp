// Inverses of sums whose modes have pairs of matrices, against dense formulas.
#include "kronwerk/models/draws/prediction.hpp"
#include "kronwerk/models/missing/missing.hpp"
#include "models/covariance/field_fixture.hpp"

namespace kronwerk::models {
namespace {

/// 0.6 (2 A⊗C + B⊗D)⁻¹ over 5 x 4, A singular.
class InverseOfPairsTest : public FieldFixture {
 protected:
  InverseOfPairsTest() {
    terms_.inverses.push_back({0.6, {{2, {first_, third_}}, {1, {second_, fourth_}}}});
  }

  /// Column by column.
  Matrix whole_matrix(const operators::LinearOperator& op) const {
    const Index n = op.input_layout().size();
    Matrix result(n, n);
    for (Index j = 0; j < n; ++j) {
      std::vector<double> unit(static_cast<std::size_t>(n), 0.0);
      unit[static_cast<std::size_t>(j)] = 1;
      const auto column = apply(op, unit);
      for (Index i = 0; i < n; ++i) result(i, j) = column[static_cast<std::size_t>(i)];
    }
    return result;
  }

  Matrix a_ = oracle::laplacian(5);
  Matrix b_ = exponential(5, 1.5);
  Matrix c_ = exponential(4, 0.7);
  Matrix d_ = oracle::add(1, oracle::laplacian(4), 0.3, oracle::identity(4));
  Matrix sum_ = oracle::add(2, oracle::kron(a_, c_), 1, oracle::kron(b_, d_));
  Matrix inverse_ = oracle::inverse(sum_);
  Matrix dense_ = oracle::add(0.6, inverse_, 0, sum_);
  factors::Chain first_ = chain(a_, "A");
  factors::Chain second_ = chain(b_, "B");
  factors::Chain third_ = chain(c_, "C");
  factors::Chain fourth_ = chain(d_, "D");
  CovarianceTerms terms_;
};

TEST_F(InverseOfPairsTest, IsDiagonalInTheDualsOfThePairs) {
  const auto covariance = make(terms_);
  for (const Index batch : {1, 3}) {
    const auto wide = [&](const Matrix& one) { return oracle::kron(oracle::identity(batch), one); };
    expect_is(*covariance.forward(batch), wide(dense_), 1e-11);
    expect_is(*covariance.inverse(batch), wide(oracle::inverse(dense_)), 1e-11);
    expect_is(*covariance.from_matrix_basis(batch),
              wide(oracle::inverse(oracle::transpose(whole_matrix(*covariance.from_basis())))),
              1e-11);
  }
  const Matrix root = whole_matrix(*covariance.root(1, covariance.layout().leading_modes()));
  expect_close(oracle::multiply(root, oracle::transpose(root)).values, dense_.values, 1e-11);
  EXPECT_NEAR(covariance.log_determinant(), oracle::log_abs_det(dense_), 1e-11 * 20);
}

TEST_F(InverseOfPairsTest, OneModeMayHaveOneMatrixBesideIdentities) {
  // A⊗I + B⊗D, and the sum of two inverses of the same matrices.
  terms_.inverses = {{0.6, {{1, {first_, identity(4)}}, {1, {second_, fourth_}}}},
                     {1.3, {{2, {second_, identity(4)}}, {0.5, {first_, fourth_}}}}};
  const Matrix one = oracle::inverse(
      oracle::add(1, oracle::kron(a_, oracle::identity(4)), 1, oracle::kron(b_, d_)));
  const Matrix other = oracle::inverse(
      oracle::add(2, oracle::kron(b_, oracle::identity(4)), 0.5, oracle::kron(a_, d_)));
  const Matrix dense = oracle::add(0.6, one, 1.3, other);
  const auto covariance = make(terms_);
  expect_is(*covariance.forward(), dense, 1e-11);
  expect_is(*covariance.inverse(), oracle::inverse(dense), 1e-11);
  EXPECT_NEAR(covariance.log_determinant(), oracle::log_abs_det(dense), 1e-11 * 20);
}

TEST_F(InverseOfPairsTest, TheLogDensityAndItsGradientAreTheDenseOnes) {
  // ∂/∂s, ∂/∂(the coefficient of A⊗C), a change of B and s at once, one of matrices in both modes.
  Matrix direction(5, 5), other(4, 4);
  direction(1, 3) = direction(3, 1) = 0.7;
  direction(2, 2) = 1;
  other(0, 3) = other(3, 0) = -0.4;
  const factors::Chain change = chain(direction, "E"), second_change = chain(other, "F");
  std::vector<CovarianceDerivative> derivatives(4);
  derivatives[0].inverses = {{1, {}}};
  derivatives[1].inverses = {{0, {{1, {first_, third_}}}}};
  derivatives[2].inverses = {{-0.4, {{1, {change, fourth_}}}}};
  derivatives[3].inverses = {{0, {{0.3, {change, second_change}}}}};
  const auto of_sum = [&](double scale, const Matrix& change_of_sum) {
    return oracle::add(scale, inverse_, -0.6,
                       oracle::multiply(inverse_, oracle::multiply(change_of_sum, inverse_)));
  };
  const std::vector<Matrix> dense{
      inverse_, of_sum(0, oracle::kron(a_, c_)), of_sum(-0.4, oracle::kron(direction, d_)),
      of_sum(0, oracle::add(0.3, oracle::kron(direction, other), 0, sum_))};
  expect_density(terms_, dense_, derivatives, dense);
}

TEST_F(InverseOfPairsTest, PredictsWhatItWasGiven) {
  const auto covariance = make(terms_);
  const Prediction prediction(covariance, {});
  const auto y = oracle::random_vector(20, 8);
  GaussianDensity density(1, local(covariance.layout(), y), {});
  const auto weights = density.solve(covariance, {});
  std::vector<double> mean(weights.size(), 0.0), variance(weights.size());
  prediction.add_mean(1, weights, mean);
  expect_close(whole(prediction.layout(), mean), y, 1e-11);
  prediction.variance(variance);
  for (const double value : variance) EXPECT_NEAR(value, 0, 1e-12);
  prediction.prior_variance(variance);
  std::vector<double> diagonal;
  for (Index i = 0; i < 20; ++i) diagonal.push_back(dense_(i, i));
  expect_close(whole(prediction.layout(), variance), diagonal, 1e-11);
}

TEST_F(InverseOfPairsTest, CellsMayBeMissing) {
  const std::vector<Index> hidden{1, 6, 7, 18};
  std::vector<Index> seen, all;
  for (Index i = 0; i < 20; ++i) {
    all.push_back(i);
    if (std::ranges::find(hidden, i) == hidden.end()) seen.push_back(i);
  }
  auto y = oracle::random_vector(20, 8);
  const auto residual = oracle::select(y, seen);
  for (const Index i : hidden) y[static_cast<std::size_t>(i)] = std::nan("");
  const auto covariance = make(terms_);
  std::vector<CovarianceDerivative> derivatives(1);
  derivatives[0].inverses = {{0.3, {{1, {first_, third_}}}}};
  const Matrix change =
      oracle::multiply(inverse_, oracle::multiply(oracle::kron(a_, c_), inverse_));
  const auto mask = CellMask::of_nan(comm_, covariance.layout(), local(covariance.layout(), y));
  MissingSettings settings;
  settings.tolerance = 1e-13;
  MissingDensity density(1, local(covariance.layout(), y), {}, mask, settings);
  const auto found = density.evaluate(covariance, {derivatives});
  const Matrix observed = oracle::select(dense_, seen, seen);
  const double value = oracle::log_density(observed, residual);
  EXPECT_NEAR(found.density.values[0], value, 1e-10 * std::abs(value));
  const double slope = oracle::log_density_derivative(
      observed, oracle::select(oracle::add(0.3, inverse_, -0.6, change), seen, seen), residual);
  EXPECT_NEAR(found.density.gradient[0], slope, 1e-10 * (1 + std::abs(slope)));
  const auto posterior =
      oracle::posterior(observed, oracle::select(dense_, all, seen), dense_, residual);
  const Prediction prediction(covariance, {});
  for (const Index limit : {Index{1000}, Index{0}}) {
    settings.exact_limit = limit;
    settings.stochastic.probes = 4000;
    MissingCells cells(covariance, mask, settings);
    std::vector<double> variance(
        static_cast<std::size_t>(prediction.layout().home_size(comm_.rank())));
    prediction.variance(variance);
    const double error = cells.add_variance({}, variance);
    const auto given = whole(prediction.layout(), variance);
    for (Index i = 0; i < 20; ++i) {
      const double expected = posterior.covariance(i, i);
      EXPECT_NEAR(given[static_cast<std::size_t>(i)], expected, 1e-10 + 5 * error * expected);
    }
  }
}

TEST_F(InverseOfPairsTest, DrawsHaveTheCovariance) {
  const Sampler sampler(comm_, workspace_, terms_);
  expect_draws(sampler, dense_);
}

TEST_F(InverseOfPairsTest, NewScalesTakeNoNewDecomposition) {
  BasisCache cache;
  const Covariance before(comm_, workspace_, terms_, cache);
  const Index count = factors::decomposition_count();
  terms_.inverses[0].sum[0].scale = 3;
  const Covariance after(comm_, workspace_, terms_, cache);
  EXPECT_EQ(factors::decomposition_count(), count);
  EXPECT_EQ(after.spectrum().bases, before.spectrum().bases);
}

TEST_F(InverseOfPairsTest, RefusesNoiseAndPairsWithoutADefiniteMatrix) {
  terms_.noise = ScaledProduct{0.3, {identity(5), identity(4)}};
  auto message = message_of<core::ConfigurationError>([&] { make(terms_); });
  EXPECT_NE(message.find("mode 1 has the matrices 'A', 'B' and an identity; one matrix and its "
                         "powers beside identities, where inverses of sums stand beside products"),
            std::string::npos)
      << message;
  terms_.noise.reset();
  terms_.inverses[0].sum[1].chains[0] = chain(oracle::add(1, a_, -0.5, oracle::identity(5)), "E");
  message = message_of<core::DataError>([&] { make(terms_); });
  EXPECT_NE(message.find("mode 1 of the covariance: "), std::string::npos) << message;
}

}  // namespace
}  // namespace kronwerk::models
