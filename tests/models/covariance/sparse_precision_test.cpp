// Gaussian Markov fields whose precision is one product of sparse factors, against dense formulas.
#include "factors/sparse/sparse_cases.hpp"
#include "kronwerk/models/covariance/square_root.hpp"
#include "models/covariance/field_fixture.hpp"

namespace kronwerk::models {
namespace {

using factors::test::sparse_factor;

/// 1.7 Q⁻¹ ⊗ A⁻¹A⁻ᵀ over 6 x 4: a conditional autoregression on a ring with a chord, and a
/// simultaneous one with asymmetric neighbours.
class SparsePrecisionTest : public FieldFixture {
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
  const std::vector<Matrix> dense{oracle::add(1 / 1.7, dense_, 0, dense_),
                                  oracle::add(-1.7, oracle::kron(moved, second), 0, dense_)};
  expect_density({{{1.7, {first_, second_}}}, {}}, dense_, derivatives, dense);
}

TEST_F(SparsePrecisionTest, DrawsHaveTheCovariance) {
  const auto roots = square_roots(comm_, {first_, second_});
  for (const auto& root : roots) EXPECT_EQ(root.front().factor->kind(), factors::Kind::sparse);
  const Sampler sampler(comm_, workspace_, {{{1.7, {first_, second_}}}, {}});
  expect_draws(sampler, dense_);
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
