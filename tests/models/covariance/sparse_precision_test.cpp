// Gaussian Markov fields whose precision is one product of sparse factors, against dense formulas.
#include "factors/sparse/sparse_cases.hpp"
#include "kronwerk/models/covariance/square_root.hpp"
#include "kronwerk/models/density/log_density.hpp"
#include "kronwerk/models/draws/sampler.hpp"
#include "models/covariance/gaussian_fixture.hpp"
#include "models/draws/sample_moments.hpp"

namespace kronwerk::models {
namespace {

using factors::test::sparse_factor;

/// 1.7 Q⁻¹ ⊗ A⁻¹A⁻ᵀ over 6 x 4: a conditional autoregression on a ring with a chord, and a
/// simultaneous one with asymmetric neighbours.
class SparsePrecisionTest : public GaussianFixture {
 protected:
  SparsePrecisionTest() {
    for (Index i = 0; i < 6; ++i) {
      const Index next = (i + 1) % 6;
      q_(i, i) += 0.6 + 0.1 * static_cast<double>(i);
      q_(i, i) += 1;
      q_(next, next) += 1;
      q_(i, next) -= 1;
      q_(next, i) -= 1;
    }
    q_(1, 4) = q_(4, 1) = -0.3;
    for (Index i = 0; i < 4; ++i) {
      a_(i, i) = 1;
      if (i > 0) a_(i, i - 1) = -0.6;
      if (i + 2 < 4) a_(i, i + 2) = -0.2;
    }
    const Matrix second = oracle::inverse(oracle::multiply(oracle::transpose(a_), a_));
    dense_ = oracle::add(1.7, oracle::kron(oracle::inverse(q_), second), 0, Matrix(24, 24));
    const auto factor = sparse_factor("A", a_);
    precision_ = sparse_factor("Q", q_);
    first_ = {{precision_, false, true}};
    second_ = {{factor, false, true}, {factor, true, true}};
  }

  Matrix q_ = Matrix(6, 6);
  Matrix a_ = Matrix(4, 4);
  Matrix dense_ = Matrix(24, 24);
  factors::FactorPtr precision_;
  factors::Chain first_, second_;
};

TEST_F(SparsePrecisionTest, HasNeitherEigenvectorsNorDenseFactors) {
  const Index before = factors::decomposition_count();
  const auto covariance = make({{{1.7, {first_, second_}}}, {}});
  expect_is(*covariance.forward(), dense_, 1e-11);
  expect_is(*covariance.inverse(), oracle::inverse(dense_), 1e-11);
  expect_is(*covariance.inverse(2), oracle::kron(oracle::identity(2), oracle::inverse(dense_)),
            1e-11);
  EXPECT_NEAR(covariance.log_determinant(), oracle::log_abs_det(dense_), 1e-11 * 24);
  EXPECT_EQ(factors::decomposition_count(), before);
  for (const auto& basis : covariance.spectrum().bases) {
    EXPECT_EQ(basis->from_basis.front().factor->kind(), factors::Kind::sparse);
  }
  EXPECT_NE(covariance.description().find("sparse Cholesky factorisation (6 x 6)"),
            std::string::npos)
      << covariance.description();
}

TEST_F(SparsePrecisionTest, TheLogDensityAndItsGradientAreTheDenseOnes) {
  Matrix direction(6, 6);
  direction(0, 1) = direction(1, 0) = -0.5;
  direction(3, 3) = 1;
  const auto change = sparse_factor("D", direction);
  // ∂/∂scale, and by Q: −Q⁻¹ D Q⁻¹.
  const std::vector<CovarianceDerivative> derivatives{
      {{1, {first_, second_}}},
      {{-1.7, {{{precision_, false, true}, {change}, {precision_, false, true}}, second_}}}};
  const Matrix inverse = oracle::inverse(q_);
  const Matrix moved = oracle::multiply(inverse, oracle::multiply(direction, inverse));
  const Matrix second = oracle::inverse(oracle::multiply(oracle::transpose(a_), a_));
  const Matrix dense[] = {oracle::add(1 / 1.7, dense_, 0, dense_),
                          oracle::add(-1.7, oracle::kron(moved, second), 0, dense_)};
  for (const Index observations : {1, 3}) {
    const auto covariance = make({{{1.7, {first_, second_}}}, {}});
    const auto y = oracle::random_vector(24 * observations, 8);
    GaussianDensity density(observations, local(covariance.layout(observations), y), {});
    const auto found = density.evaluate(covariance, {derivatives, false, Judged::always});
    std::vector<double> expected(2, 0.0);
    for (Index i = 0; i < observations; ++i) {
      const std::vector<double> part(y.begin() + 24 * i, y.begin() + 24 * (i + 1));
      const double value = oracle::log_density(dense_, part);
      EXPECT_NEAR(found.values[static_cast<std::size_t>(i)], value, 1e-11 * std::abs(value));
      for (std::size_t p = 0; p < 2; ++p) {
        expected[p] += oracle::log_density_derivative(dense_, dense[p], part);
      }
    }
    expect_close(found.gradient, expected, 1e-11);
    EXPECT_TRUE(found.verdict->accepted);
  }
}

TEST_F(SparsePrecisionTest, DrawsHaveTheCovariance) {
  const auto roots = square_roots(comm_, {first_, second_});
  for (const auto& root : roots) EXPECT_EQ(root.front().factor->kind(), factors::Kind::sparse);
  const Sampler sampler(comm_, workspace_, {{{1.7, {first_, second_}}}, {}});
  SampleMoments moments(std::vector<double>(24, 0.0));
  for (Index first = 0; first < 20000; first += 2000) {
    const Layout layout = sampler.layout(2000);
    std::vector<double> values(static_cast<std::size_t>(layout.home_size(comm_.rank())));
    sampler.draw(5, first, 2000, values);
    moments.add(whole(layout, values));
  }
  moments.expect(dense_);
}

TEST_F(SparsePrecisionTest, RefusesWhatIsNoPrecision) {
  const auto refused = [&](const Matrix& matrix) {
    const factors::Chain chain{{sparse_factor("Q", matrix), false, true}};
    return message_of<core::DataError>([&] { make({{{1, {chain, second_}}}, {}}); });
  };
  Matrix matrix = q_;
  matrix(0, 1) += 0.1;
  EXPECT_NE(refused(matrix).find("'Q' (6 x 6) is no precision matrix: it is not symmetric"),
            std::string::npos);
  matrix = q_;
  matrix(2, 2) -= 4;
  EXPECT_NE(refused(matrix).find("not positive definite"), std::string::npos);
  matrix = Matrix(6, 6);
  for (Index i = 0; i < 5; ++i) {
    matrix(i, i) += 1;
    matrix(i + 1, i + 1) += 1;
    matrix(i, i + 1) = matrix(i + 1, i) = -1;
  }
  const auto message = refused(matrix);
  EXPECT_TRUE(message.find("singular") != std::string::npos ||
              message.find("not positive definite") != std::string::npos)
      << message;
}

}  // namespace
}  // namespace kronwerk::models
