#include "kronwerk/operators/stochastic.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "operators/dense_operator.hpp"

namespace kronwerk::operators {
namespace {

using oracle::Matrix;

class StochasticTest : public testing::Test {
 protected:
  static constexpr std::int64_t size = 42;

  DenseOperator make(const Matrix& matrix) const {
    return {comm_, distribution::Layout({7, 6}, 1, comm_.size()), {matrix}};
  }

  static Matrix positive_definite(std::uint64_t seed) {
    const Matrix a = oracle::random_matrix(size, size, seed);
    return oracle::add(1.0 / size, oracle::multiply(a, oracle::transpose(a)), 0.3,
                       oracle::identity(size));
  }

  communication::Communicator comm_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
};

TEST_F(StochasticTest, LogDeterminantIsWithinItsStandardError) {
  const Matrix a = positive_definite(1);
  const auto op = make(a);
  const auto found = stochastic_logdet(op, false, {40, 42, 5});
  EXPECT_GT(found.standard_error, 0);
  EXPECT_LT(found.standard_error, 3);
  EXPECT_NEAR(found.value, oracle::log_abs_det(a), 4 * found.standard_error);
}

TEST_F(StochasticTest, ADiagonalOperatorHasNoErrorAtAll) {
  // zᵀ log(D) z is tr log(D) for any signs z, so what is left is the quadrature's own error.
  Matrix a = oracle::identity(size);
  for (std::int64_t i = 0; i < size; ++i) a(i, i) = 0.5 + 0.1 * static_cast<double>(i % 11);
  const auto op = make(a);
  const auto found = stochastic_logdet(op, false, {3, 30, 2});
  EXPECT_NEAR(found.value, oracle::log_abs_det(a), 1e-9);
  EXPECT_LE(found.standard_error, 1e-9);
  EXPECT_LE(op.applications(), 3 * 13);  // eleven eigenvalues: it stops by itself
  const auto squared = stochastic_logdet(op, true, {3, 30, 2});
  EXPECT_NEAR(squared.value, oracle::log_abs_det(a), 1e-9);
}

TEST_F(StochasticTest, HalfOfTheSquareServesAnyRegularOperator) {
  const Matrix a = oracle::random_regular(size, 3);  // neither symmetric nor definite
  const auto found = stochastic_logdet(make(a), true, {40, 42, 6});
  EXPECT_NEAR(found.value, oracle::log_abs_det(a), 4 * found.standard_error);
  EXPECT_LT(found.standard_error, 3);
}

TEST_F(StochasticTest, SeedsRepeatAndDiffer) {
  const Matrix a = positive_definite(4);
  const auto one = stochastic_logdet(make(a), false, {5, 30, 7});
  const auto same = stochastic_logdet(make(a), false, {5, 30, 7});
  const auto other = stochastic_logdet(make(a), false, {5, 30, 8});
  EXPECT_EQ(one.value, same.value);
  EXPECT_EQ(one.standard_error, same.standard_error);
  EXPECT_GT(std::abs(one.value - other.value), 1e-6);
}

TEST_F(StochasticTest, TheResultIsTheSameForEveryNumberOfRanks) {
  const Matrix a = positive_definite(9);
  const auto alone = communication::Communicator::duplicate(MPI_COMM_SELF);
  const DenseOperator serial(alone, distribution::Layout({7, 6}, 1, 1), {a});
  const auto expected = stochastic_logdet(serial, false, {6, 20, 10});
  const auto found = stochastic_logdet(make(a), false, {6, 20, 10});
  EXPECT_NEAR(found.value, expected.value, 1e-10 * std::abs(expected.value));
  EXPECT_NEAR(found.standard_error, expected.standard_error, 1e-8);
}

TEST_F(StochasticTest, FewStepsApproximate) {
  const Matrix a = positive_definite(11);
  const auto full = stochastic_logdet(make(a), false, {4, 42, 12});
  const auto few = stochastic_logdet(make(a), false, {4, 8, 12});
  EXPECT_NEAR(few.value, full.value, 0.1);
  EXPECT_NE(few.value, full.value);
}

TEST_F(StochasticTest, IndefiniteAndSingularOperatorsAreRefused) {
  Matrix a = positive_definite(13);
  for (std::int64_t j = 0; j < size; ++j) a(5, j) = a(j, 5) = j == 5 ? -2.0 : 0.0;
  EXPECT_THROW(stochastic_logdet(make(a), false, {3, 42, 1}), core::DataError);
  const Matrix zero(size, size);
  EXPECT_THROW(stochastic_logdet(make(zero), false, {3, 42, 1}), core::DataError);
  EXPECT_THROW(stochastic_logdet(make(zero), true, {3, 42, 1}), core::DataError);
  a(5, 5) = std::nan("");
  EXPECT_THROW(stochastic_logdet(make(a), false, {3, 42, 1}), core::DataError);
  EXPECT_THROW(stochastic_logdet(make(a), false, {0, 42, 1}), core::ConfigurationError);
}

TEST_F(StochasticTest, TheTraceOfARatioIsWithinItsStandardError) {
  const Matrix a = oracle::random_regular(size, 14);
  const Matrix d = oracle::random_matrix(size, size, 15);
  const Matrix inverse = oracle::inverse(a);
  const Matrix ratio = oracle::multiply(inverse, d);
  double exact = 0;
  for (std::int64_t i = 0; i < size; ++i) exact += ratio(i, i);
  const auto found = stochastic_trace(make(inverse), make(d), {200, 1, 16});
  EXPECT_NEAR(found.value, exact, 4 * found.standard_error);
  EXPECT_LT(found.standard_error, 1);
  const auto identity = stochastic_trace(make(inverse), make(a), {3, 1, 16});
  EXPECT_NEAR(identity.value, size, 1e-10);  // tr I, without any spread
  EXPECT_LE(identity.standard_error, 1e-10);
}

}  // namespace
}  // namespace kronwerk::operators
