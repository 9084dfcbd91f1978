#include <gtest/gtest.h>

#include "factors/dense/dense_case.hpp"
#include "factors/sparse/sparse_cases.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::factors::test {
namespace {

using Terms = std::vector<std::pair<double, FactorPtr>>;

std::vector<double> to_dense(const Factor& factor) {
  std::vector<double> result(static_cast<std::size_t>(factor.rows() * factor.cols()), 0.0);
  factor.add_to_dense(1.0, result);
  return result;
}

TEST(LinearCombination, TakesTheSimplestKindThatHoldsTheSum) {
  const auto comm = world();
  const Matrix w = weights(Graph::directed, 6);
  const Matrix full = oracle::random_matrix(6, 6, 4);
  const FactorPtr identity = make_identity(6);
  const FactorPtr diagonal = make_diagonal("d", std::vector<double>{1, 2, 3, 4, 5, 6});
  const FactorPtr sparse = sparse_factor("W", w);
  const FactorPtr dense = dense_factor(full, "F");

  const FactorPtr a = linear_combination(comm, "a", Terms{{2.0, identity}, {-1.0, diagonal}});
  EXPECT_EQ(a->kind(), Kind::diagonal);
  EXPECT_EQ(a->diagonal(), (std::vector<double>{1, 0, -1, -2, -3, -4}));

  const FactorPtr b = linear_combination(comm, "I - rho*W", Terms{{1.0, identity}, {-0.4, sparse}});
  EXPECT_EQ(b->kind(), Kind::sparse);
  EXPECT_EQ(b->name(), "I - rho*W");
  EXPECT_LT(oracle::relative_error(to_dense(*b), shifted(w, 0.4).values), 1e-15);

  const FactorPtr c =
      linear_combination(comm, "c", Terms{{1.0, identity}, {0.5, sparse}, {3.0, dense}});
  EXPECT_EQ(c->kind(), Kind::dense);
  const Matrix expected = oracle::add(1.0, shifted(w, -0.5), 3.0, full);
  EXPECT_LT(oracle::relative_error(to_dense(*c), expected.values), 1e-14);

  EXPECT_EQ(linear_combination(comm, "I", Terms{{1.0, identity}})->kind(), Kind::identity);
}

TEST(LinearCombination, RefusesDifferentShapes) {
  const auto comm = world();
  EXPECT_THROW(
      linear_combination(comm, "s", Terms{{1.0, make_identity(3)}, {1.0, make_identity(4)}}),
      core::ShapeError);
  EXPECT_THROW(linear_combination(comm, "s", Terms{}), core::ShapeError);
}

TEST(Multiply, GivesTheProductOfAnyKinds) {
  const auto comm = world();
  Matrix s = oracle::random_matrix(4, 7, 1);
  Matrix t = oracle::random_matrix(7, 5, 2);
  for (double& value : s.values) value = value > 0 ? value : 0.0;
  for (double& value : t.values) value = value > 0 ? value : 0.0;
  const Matrix f = oracle::random_matrix(5, 4, 3);
  const FactorPtr sparse_s = sparse_factor("S", s);
  const FactorPtr sparse_t = sparse_factor("T", t);
  const FactorPtr dense = dense_factor(f, "F");
  const FactorPtr diagonal = make_diagonal("d", std::vector<double>{1, 2, 3, 4, 5});
  Matrix d(5, 5);
  for (Index i = 0; i < 5; ++i) d(i, i) = static_cast<double>(i + 1);

  const FactorPtr st = multiply(comm, "S T", std::vector<FactorPtr>{sparse_s, sparse_t});
  EXPECT_EQ(st->kind(), Kind::sparse);
  EXPECT_LT(oracle::relative_error(to_dense(*st), oracle::multiply(s, t).values), 1e-14);

  const FactorPtr all = multiply(
      comm, "S T d F S", std::vector<FactorPtr>{sparse_s, sparse_t, diagonal, dense, sparse_s});
  EXPECT_EQ(all->kind(), Kind::dense);
  const Matrix expected =
      oracle::multiply(oracle::multiply(oracle::multiply(oracle::multiply(s, t), d), f), s);
  EXPECT_LT(oracle::relative_error(to_dense(*all), expected.values), 1e-13);

  const FactorPtr dd = multiply(comm, "d d", std::vector<FactorPtr>{diagonal, diagonal});
  EXPECT_EQ(dd->kind(), Kind::diagonal);
  EXPECT_EQ(dd->diagonal(), (std::vector<double>{1, 4, 9, 16, 25}));
}

TEST(Multiply, RefusesShapesThatDoNotMatch) {
  const auto comm = world();
  EXPECT_THROW(multiply(comm, "p", std::vector<FactorPtr>{make_identity(3), make_identity(4)}),
               core::ShapeError);
}

}  // namespace
}  // namespace kronwerk::factors::test
