#include <gtest/gtest.h>

#include <cmath>

#include "kronwerk/operators/base/random.hpp"
#include "operators/products/product_fixture.hpp"

namespace kronwerk::operators {
namespace {

using oracle::Matrix;

class ProductScalarsTest : public ProductFixture {};

TEST_F(ProductScalarsTest, TheDeterminantHasSizeAndSign) {
  // An odd extent beside a negative determinant: the sign is (-1)^(N/n_k).
  Matrix negative = oracle::random_regular(3, 5);
  for (Index i = 0; i < 3; ++i) std::swap(negative.values[i], negative.values[3 + i]);
  for (const Index other : {2, 3, 5}) {
    const std::vector<Matrix> matrices{negative, oracle::random_regular(other, 9)};
    const Matrix dense = oracle::kron(matrices);
    const auto determinant = make(matrices).determinant();
    EXPECT_NEAR(determinant.log_abs, oracle::log_abs_det(dense), 1e-11);
    EXPECT_EQ(determinant.sign, oracle::sign_of_det(dense));
  }
}

TEST_F(ProductScalarsTest, TheDeterminantCountsTheScale) {
  const Matrix a = oracle::random_regular(3, 1);
  const auto determinant = make({a}, -2.0).determinant();
  EXPECT_NEAR(determinant.log_abs, oracle::log_abs_det(a) + 3 * std::log(2.0), 1e-12);
  EXPECT_EQ(determinant.sign, -oracle::sign_of_det(a));
}

TEST_F(ProductScalarsTest, TheDeterminantOfASquareChainOfRectangularLinks) {
  const Matrix b = oracle::random_matrix(5, 3, 4);
  const factors::FactorPtr factor = make_factor(b);
  const KroneckerProduct product(comm_, workspace_, 1,
                                 {{{factor, true, false}, {factor, false, false}}});
  const Matrix gram = oracle::multiply(oracle::transpose(b), b);
  EXPECT_NEAR(product.determinant().log_abs, oracle::log_abs_det(gram), 1e-11);
  EXPECT_EQ(product.determinant().sign, 1);
}

TEST_F(ProductScalarsTest, TraceAndDiagonalAreThoseOfTheDenseMatrix) {
  const std::vector<Matrix> matrices{oracle::random_matrix(3, 3, 1), oracle::random_matrix(4, 4, 2),
                                     oracle::random_matrix(2, 2, 3)};
  const Matrix dense = oracle::kron(matrices);
  const auto product = make(matrices, 3.0);
  double trace = 0;
  std::vector<double> expected;
  for (Index i = 0; i < dense.rows; ++i) {
    expected.push_back(3.0 * dense(i, i));
    trace += expected.back();
  }
  EXPECT_NEAR(product.trace(), trace, 1e-12);
  std::vector<double> block(
      static_cast<std::size_t>(product.output_layout().home_size(comm_.rank())));
  product.diagonal(block);
  expect_close(whole(product.output_layout(), block), expected, 1e-14);
}

TEST_F(ProductScalarsTest, TheTraceOfARatioNeedsTheFactorsOnly) {
  const std::vector<Matrix> a{oracle::random_regular(70, 1), oracle::random_regular(4, 2)};
  const std::vector<Matrix> d{oracle::random_matrix(70, 70, 3), oracle::random_matrix(4, 4, 4)};
  double expected = 0.5;
  for (std::size_t mode = 0; mode < a.size(); ++mode) {
    const Matrix ratio = oracle::solve(a[mode], d[mode]);
    double trace = 0;
    for (Index i = 0; i < ratio.rows; ++i) trace += ratio(i, i);
    expected *= trace;
  }
  const auto op = make(a, 2.0);
  static_cast<void>(op.inverse());
  EXPECT_NEAR(trace_of_ratio(op, make(d)), expected, 1e-10 * std::abs(expected));
}

TEST_F(ProductScalarsTest, RefusesRectangularFactors) {
  const auto product = make(random_matrices({{2, 3}, {3, 2}}));
  EXPECT_THROW(static_cast<void>(product.determinant()), core::ShapeError);
  EXPECT_THROW(static_cast<void>(product.trace()), core::ShapeError);
}

TEST_F(ProductScalarsTest, RandomVectorsDoNotDependOnWhoMakesThem) {
  std::vector<double> all(1001);
  fill_random(RandomKind::normal, 1, 0, all);
  for (const Index first : {0, 1, 2, 7, 500}) {
    std::vector<double> piece(13);
    fill_random(RandomKind::normal, 1, first, piece);
    for (std::size_t i = 0; i < piece.size(); ++i) {
      EXPECT_EQ(piece[i], all[static_cast<std::size_t>(first) + i]);
    }
  }
  std::vector<double> other(1001);
  fill_random(RandomKind::normal, 2, 0, other);
  EXPECT_NE(all, other);
}

TEST_F(ProductScalarsTest, RandomVectorsHaveTheMomentsOfTheirDistribution) {
  std::vector<double> values(200'000);
  fill_random(RandomKind::normal, 3, 0, values);
  double mean = 0;
  double square = 0;
  for (const double value : values) {
    mean += value / 200'000;
    square += value * value / 200'000;
  }
  EXPECT_NEAR(mean, 0, 0.01);
  EXPECT_NEAR(square, 1, 0.02);
  fill_random(RandomKind::uniform, 3, 0, values);
  mean = 0;
  for (const double value : values) {
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
    mean += value / 200'000;
  }
  EXPECT_NEAR(mean, 0.5, 0.005);
}

}  // namespace
}  // namespace kronwerk::operators
