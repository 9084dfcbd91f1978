#include "kronwerk/factors/sparse/sparse_cholesky_factor.hpp"

#include <gtest/gtest.h>

#include "factors/sparse/sparse_cases.hpp"

namespace kronwerk::factors::test {
namespace {

/// I + the Laplacian of a graph, symmetric positive definite.
Matrix precision(Graph graph, Index n) {
  const Matrix w = weights(graph, n);
  Matrix result(n, n);
  for (Index i = 0; i < n; ++i) {
    result(i, i) += 1;
    for (Index j = 0; j < n; ++j) {
      const double weight = w(i, j) + w(j, i);
      if (i == j || weight == 0) continue;
      result(i, i) += weight;
      result(i, j) -= weight;
    }
  }
  return result;
}

TEST(SparseCholeskyFactor, TimesItsTransposeIsTheMatrix) {
  const auto comm = world();
  for (const Graph graph : all_graphs()) {
    for (const Index n : {1, 2, 7, 40}) {
      const Matrix matrix = precision(graph, n);
      const auto found = sparse_cholesky(comm, sparse_factor("Q", matrix));
      ASSERT_TRUE(found.factor);
      EXPECT_TRUE(found.symmetric);
      EXPECT_EQ(found.factor->kind(), Kind::sparse);
      Matrix root(n, n);
      found.factor->add_to_dense(1, root.values);
      EXPECT_LT(oracle::relative_error(oracle::multiply(root, oracle::transpose(root)), matrix),
                1e-14);
      EXPECT_NEAR(found.log_abs_det, oracle::log_abs_det(matrix), 1e-11);
      EXPECT_LE(found.least_pivot, found.greatest_pivot);
      EXPECT_GT(found.least_pivot, 0);
    }
  }
}

TEST(SparseCholeskyFactor, IsAbsentForOtherMatrices) {
  const auto comm = world();
  Matrix matrix = precision(Graph::ring, 7);
  matrix(0, 1) -= 0.5;
  auto found = sparse_cholesky(comm, sparse_factor("Q", matrix));
  EXPECT_FALSE(found.symmetric);
  EXPECT_FALSE(found.factor);
  matrix = precision(Graph::ring, 7);
  for (Index i = 0; i < 7; ++i) matrix(i, i) -= 1.5;
  found = sparse_cholesky(comm, sparse_factor("Q", matrix));
  EXPECT_TRUE(found.symmetric);
  EXPECT_FALSE(found.factor);
}

}  // namespace
}  // namespace kronwerk::factors::test
