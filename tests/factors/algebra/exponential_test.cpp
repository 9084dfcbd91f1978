#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "factors/dense/dense_case.hpp"
#include "factors/sparse/sparse_cases.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/factors/spectra/bases.hpp"

namespace kronwerk::factors::test {
namespace {

Matrix dense_of(const Factor& factor) {
  Matrix result(factor.rows(), factor.cols());
  factor.add_to_dense(1.0, result.values);
  return result;
}

// The Taylor series of exp(A / 64), squared six times.
Matrix oracle_exponential(const Matrix& a) {
  const Matrix small = oracle::add(1.0 / 64, a, 0.0, a);
  Matrix term = oracle::identity(a.rows);
  Matrix sum = term;
  for (int k = 1; k < 25; ++k) {
    term = oracle::multiply(term, small);
    for (double& value : term.values) value /= k;
    sum = oracle::add(1.0, sum, 1.0, term);
  }
  for (int k = 0; k < 6; ++k) sum = oracle::multiply(sum, sum);
  return sum;
}

TEST(Exponential, OfDenseAndSparseMatrices) {
  const auto comm = world();
  for (const Index n : {1, 2, 11, 47}) {
    const Matrix a = oracle::random_matrix(n, n, 7);
    for (const double t : {0.7, -0.3}) {
      const Matrix expected = oracle_exponential(oracle::add(t, a, 0, a));
      const FactorPtr result = exponential(comm, "E", t, {Link{dense_factor(a)}});
      EXPECT_EQ(result->name(), "E");
      EXPECT_LT(oracle::relative_error(dense_of(*result), expected), 1e-12) << n;
      EXPECT_LT(oracle::relative_error(
                    dense_of(*exponential(comm, "E", t, {Link{sparse_factor("A", a)}})), expected),
                1e-12);
      EXPECT_LT(oracle::relative_error(
                    dense_of(*exponential(comm, "E", t, {Link{dense_factor(a), true}})),
                    oracle::transpose(expected)),
                1e-12);
    }
  }
}

TEST(Exponential, OfChains) {
  const auto comm = world();
  const Matrix a = oracle::random_regular(9, 1);
  const Matrix b = oracle::random_matrix(9, 9, 2);
  const Chain chain{Link{dense_factor(a), false, true}, Link{dense_factor(b), true}};
  const Matrix product = oracle::solve(a, oracle::transpose(b));
  EXPECT_LT(oracle::relative_error(dense_of(*exponential(comm, "E", 2, chain)),
                                   oracle_exponential(oracle::add(2, product, 0, product))),
            1e-12);
}

TEST(Exponential, OfATransposedInverse) {
  const auto comm = world();
  const Matrix a = oracle::random_regular(7, 3);
  const Matrix inverse = oracle::transpose(oracle::inverse(a));
  EXPECT_LT(oracle::relative_error(
                dense_of(*exponential(comm, "E", -0.5, {Link{dense_factor(a), true, true}})),
                oracle_exponential(oracle::add(-0.5, inverse, 0, inverse))),
            1e-12);
}

TEST(Exponential, OfDiagonalsIsDiagonal) {
  const auto comm = world();
  const Chain chain{Link{make_diagonal("D", std::vector<double>{0, 1, -2})},
                    Link{make_identity(3)}};
  const FactorPtr result = exponential(comm, "E", 0.5, chain);
  EXPECT_EQ(result->kind(), Kind::diagonal);
  const std::vector<double> values = result->diagonal();
  EXPECT_DOUBLE_EQ(values[0], 1);
  EXPECT_DOUBLE_EQ(values[1], std::exp(0.5));
  EXPECT_DOUBLE_EQ(values[2], std::exp(-1));
}

TEST(Exponential, OfANilpotentMatrixIsAPolynomial) {
  const auto comm = world();
  Matrix a(3, 3);
  a(0, 1) = 2, a(1, 2) = 3;
  const Matrix expected(3, 3, {1, 2, 3, 0, 1, 3, 0, 0, 1});
  EXPECT_LT(oracle::relative_error(dense_of(*exponential(comm, "E", 1, {Link{dense_factor(a)}})),
                                   expected),
            1e-15);
}

TEST(Exponential, RefusesWhatIsNotSquareOrNotFinite) {
  const auto comm = world();
  const auto link = [](const Matrix& a) { return Chain{Link{dense_factor(a)}}; };
  EXPECT_THROW(exponential(comm, "E", 1, link(Matrix(2, 3))), core::ShapeError);
  Matrix a = oracle::random_matrix(4, 4, 1);
  EXPECT_THROW(exponential(comm, "E", 1e5, link(oracle::identity(4))), core::DataError);
  a(1, 2) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(exponential(comm, "E", 1, link(a)), core::DataError);
  EXPECT_THROW(exponential(comm, "E", 1e5, {Link{make_diagonal("D", std::vector<double>{0.1})}}),
               core::DataError);
}

}  // namespace
}  // namespace kronwerk::factors::test
