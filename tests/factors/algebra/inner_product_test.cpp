#include <gtest/gtest.h>

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

TEST(InnerProduct, OfEveryPairOfKinds) {
  const auto comm = world();
  const Index n = 13;
  const std::vector<FactorPtr> factors{
      make_identity(n),
      make_diagonal("D", oracle::random_vector(n, 5)),
      dense_factor(oracle::random_matrix(n, n, 1), "A"),
      dense_factor(oracle::random_matrix(n, n, 2), "B"),
      sparse_factor("S", weights(Graph::random_directed, n)),
      sparse_factor("T", shifted(weights(Graph::line, n), 0.3)),
  };
  for (const FactorPtr& a : factors) {
    for (const FactorPtr& b : factors) {
      const Matrix left = dense_of(*a);
      const Matrix right = dense_of(*b);
      double expected = 0;
      for (std::size_t i = 0; i < left.values.size(); ++i) {
        expected += left.values[i] * right.values[i];
      }
      EXPECT_NEAR(inner_product(comm, *a, *b), expected, 1e-13) << a->name() << " " << b->name();
    }
  }
}

TEST(InnerProduct, OfRectangles) {
  const auto comm = world();
  const Matrix a = oracle::random_matrix(5, 11, 3);
  Matrix b = oracle::random_matrix(5, 11, 4);
  for (std::size_t i = 0; i < b.values.size(); i += 3) b.values[i] = 0;
  double expected = 0;
  for (std::size_t i = 0; i < a.values.size(); ++i) expected += a.values[i] * b.values[i];
  EXPECT_NEAR(inner_product(comm, *dense_factor(a), *sparse_factor("B", b)), expected, 1e-14);
  EXPECT_NEAR(inner_product(comm, *sparse_factor("A", a), *sparse_factor("B", b)), expected, 1e-14);
  EXPECT_THROW(inner_product(comm, *dense_factor(a), *make_identity(5)), core::ShapeError);
}

TEST(Trace, OfEveryKind) {
  const auto comm = world();
  EXPECT_EQ(trace(comm, *make_identity(6)), 6);
  EXPECT_EQ(trace(comm, *make_diagonal("D", std::vector<double>{1, -4, 0.5})), -2.5);
  EXPECT_EQ(trace(comm, *dense_factor(Matrix(2, 2, {1, 7, 9, 2}))), 3);
  EXPECT_EQ(trace(comm, *sparse_factor("S", Matrix(2, 2, {1, 7, 9, -2}))), -1);
  EXPECT_THROW(trace(comm, *dense_factor(Matrix(1, 2, {1, 7}))), core::ShapeError);
}

}  // namespace
}  // namespace kronwerk::factors::test
