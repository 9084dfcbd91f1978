#include <hwy/highway.h>

#include <cmath>
#include <cstdint>
#include <tuple>

#include "factors/dense/dense_case.hpp"
#include "factors/dense/dense_simd.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::factors {
namespace {

// (left, right, row gap, left gap)
using Shape = std::tuple<Index, Index, Index, Index>;
const std::vector<Shape> shapes = {{1, 1, 0, 0},   {3, 1, 0, 5}, {70, 1, 0, 0}, {9, 1, 2, 1},
                                   {1, 7, 0, 0},   {2, 8, 0, 0}, {3, 25, 4, 6}, {1, 200, 56, 0},
                                   {300, 3, 1, 2}, {1, 64, 0, 0}};

void expect_apply(const oracle::Matrix& matrix, const Shape& shape) {
  const auto [left, right, row_gap, left_gap] = shape;
  const FactorPtr factor = dense_factor(matrix);
  for (const bool transposed : {false, true}) {
    const oracle::Matrix op = transposed ? oracle::transpose(matrix) : matrix;
    StridedBlock x(left, op.cols, right, row_gap, left_gap);
    StridedBlock y(left, op.rows, right, row_gap + 1, left_gap + 3);
    if (right == 1) y = StridedBlock(left, op.rows, right, row_gap, left_gap + 3);
    x.fill(11);
    factor->apply(x.const_view(), y.view(), transposed);
    EXPECT_LT(oracle::relative_error(y.fibres(), oracle::multiply(op, x.fibres())), 1e-14)
        << op.rows << " x " << op.cols << ", left " << left << ", right " << right
        << (transposed ? ", transposed" : "");
    EXPECT_TRUE(y.gaps_untouched()) << op.rows << " x " << op.cols << ", right " << right;
  }
}

void expect_solve(const oracle::Matrix& matrix, const FactorPtr& factor, const Shape& shape,
                  double bound) {
  const auto [left, right, row_gap, left_gap] = shape;
  for (const bool transposed : {false, true}) {
    const oracle::Matrix op = transposed ? oracle::transpose(matrix) : matrix;
    StridedBlock b(left, op.rows, right, row_gap, left_gap);
    StridedBlock x(left, op.rows, right, row_gap, left_gap + 1);
    b.fill(13);
    const oracle::Matrix expected = oracle::solve(op, b.fibres());
    factor->factorisation()->solve(b.const_view(), x.view(), transposed);
    EXPECT_LT(oracle::relative_error(x.fibres(), expected), bound)
        << op.rows << ", left " << left << ", right " << right;
    EXPECT_TRUE(x.gaps_untouched());
    factor->factorisation()->solve(b.const_view(), b.view(), transposed);
    EXPECT_EQ(b.fibres().values, x.fibres().values) << "in place";
    EXPECT_TRUE(b.gaps_untouched());
  }
}

TEST(Dense, AppliesEveryExtentLikeTheOracle) {
  for (const Index n : {1, 2, 3, 5, 7, 8, 13, 16, 31, 64, 100, 130}) {
    for (const Shape& shape : shapes) {
      expect_apply(oracle::random_matrix(n, n, static_cast<std::uint64_t>(n)), shape);
    }
  }
}

TEST(Dense, AppliesRectangularMatricesBothWays) {
  for (const auto& [rows, cols] : std::vector<std::pair<Index, Index>>{
           {1, 7}, {7, 1}, {3, 40}, {40, 3}, {17, 9}, {65, 64}, {129, 33}}) {
    for (const Shape& shape : shapes) expect_apply(oracle::random_matrix(rows, cols, 5), shape);
  }
}

TEST(Dense, AppliesMatricesBeyondTheKernels) {
  for (const auto& [rows, cols] :
       std::vector<std::pair<Index, Index>>{{300, 300}, {20, 400}, {400, 20}}) {
    for (const Shape& shape : shapes) expect_apply(oracle::random_matrix(rows, cols, 6), shape);
  }
  expect_apply(oracle::random_matrix(260, 257, 6), {150, 3, 1, 2});
}

TEST(Dense, AppliesSkinnyMatricesOfAnyLength) {
  // 4096 is where the depth is cut, 24 and 32 are the widths of the panels.
  for (const auto& [rows, cols] : std::vector<std::pair<Index, Index>>{
           {30, 784}, {1, 785}, {25, 300}, {64, 501}, {6, 4096}, {31, 4097}, {2, 9000}}) {
    for (const Shape& shape : std::vector<Shape>{
             {1, 1, 0, 0}, {53, 1, 0, 0}, {13, 1, 0, 7}, {3, 9, 2, 1}, {1, 30, 0, 0}}) {
      expect_apply(oracle::random_matrix(rows, cols, 7), shape);
    }
  }
}

TEST(Dense, AcceptsBlocksWithoutFibres) {
  const FactorPtr factor = dense_factor(oracle::random_matrix(3, 4, 1));
  double untouched = 5.0;
  factor->apply(ConstView{nullptr, 0, 4, 1, 4, 1}, View{&untouched, 0, 3, 1, 3, 1}, false);
  factor->apply(ConstView{nullptr, 2, 4, 0, 4, 1}, View{&untouched, 2, 3, 0, 3, 1}, false);
  EXPECT_EQ(untouched, 5.0);
}

TEST(Dense, RefusesViewsOfAnotherExtent) {
  const FactorPtr factor = dense_factor(oracle::random_matrix(3, 4, 1), "W");
  std::vector<double> x(8);
  std::vector<double> y(8);
  EXPECT_THROW(factor->apply(ConstView::contiguous(x.data(), 1, 3, 1),
                             View::contiguous(y.data(), 1, 3, 1), false),
               core::ShapeError);
  EXPECT_THROW(make_dense("W", {2, 3, communication::SharedArray<double>::from_private(x)}),
               core::ShapeError);
}

TEST(Dense, GivesItsDiagonalAndAddsItself) {
  const oracle::Matrix matrix = oracle::random_matrix(3, 5, 2);
  const FactorPtr factor = dense_factor(matrix);
  EXPECT_EQ(factor->diagonal(), (std::vector<double>{matrix(0, 0), matrix(1, 1), matrix(2, 2)}));
  std::vector<double> sum(15, 1.0);
  factor->add_to_dense(2.0, sum);
  for (std::size_t i = 0; i < sum.size(); ++i) {
    EXPECT_DOUBLE_EQ(sum[i], 1.0 + 2.0 * matrix.values[i]);
  }
}

TEST(DenseKernel, EveryInstructionSetAgreesWithTheOracle) {
  const std::int64_t all = dense_targets();
  ASSERT_NE(all, 0);
  for (std::int64_t rest = all; rest != 0; rest &= rest - 1) {
    const std::int64_t target = rest & -rest;
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    SCOPED_TRACE(hwy::TargetName(target));
    ASSERT_STREQ(dense_target(), hwy::TargetName(target));
    for (const Index n : {1, 2, 5, 8, 13, 24, 31, 100}) {
      for (const Shape& shape : shapes) {
        expect_apply(oracle::random_matrix(n, n + 2, 3), shape);
      }
    }
    expect_apply(oracle::random_matrix(30, 4103, 3), {70, 1, 0, 0});
    expect_apply(oracle::random_matrix(9, 300, 3), {70, 1, 0, 0});
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

TEST(DenseFactorisation, SolvesWithLuLikeTheOracle) {
  for (const Index n : {1, 2, 3, 5, 7, 8, 13, 16, 31, 64, 100, 130}) {
    const oracle::Matrix matrix = oracle::random_regular(n, static_cast<std::uint64_t>(n));
    const FactorPtr factor = dense_factor(matrix);
    factorise_all({factor});
    ASSERT_NE(factor->factorisation(), nullptr);
    for (const Shape& shape : shapes) expect_solve(matrix, factor, shape, 1e-13);
  }
}

TEST(DenseFactorisation, SolvesWithExchangesOfRows) {
  // A cyclic permutation plus a little: every pivot is elsewhere.
  for (const Index n : {5, 70}) {
    oracle::Matrix matrix = oracle::random_matrix(n, n, 9);
    for (double& value : matrix.values) value *= 0.1 / static_cast<double>(n);
    for (Index i = 0; i < n; ++i) matrix(i, (i + 3) % n) += 1.0;
    const FactorPtr factor = dense_factor(matrix);
    factorise_all({factor});
    for (const Shape& shape : shapes) expect_solve(matrix, factor, shape, 1e-13);
    const Determinant determinant = factor->factorisation()->determinant();
    EXPECT_NEAR(determinant.log_abs, oracle::log_abs_det(matrix), 1e-12);
    EXPECT_EQ(determinant.sign, oracle::sign_of_det(matrix));
  }
}

TEST(DenseFactorisation, TakesCholeskyForPositiveDefiniteMatricesOnly) {
  for (const Index n : {6, 80}) {
    const oracle::Matrix root = oracle::random_matrix(n, n, 4);
    oracle::Matrix matrix = oracle::multiply(oracle::transpose(root), root);
    for (Index i = 0; i < n; ++i) {
      matrix(i, i) += 1.0;
      for (Index j = 0; j < i; ++j) matrix(i, j) = matrix(j, i);
    }
    const FactorPtr factor = dense_factor(matrix);
    oracle::Matrix indefinite = matrix;
    indefinite(0, n - 1) = indefinite(n - 1, 0) = 100.0 * static_cast<double>(n);
    const FactorPtr other = dense_factor(indefinite);
    factorise_all({factor, other});
    EXPECT_NE(factor->factorisation()->description().find("Cholesky"), std::string::npos);
    EXPECT_NE(other->factorisation()->description().find("LU"), std::string::npos);
    for (const Shape& shape : shapes) {
      expect_solve(matrix, factor, shape, 1e-12);
      expect_solve(indefinite, other, shape, 1e-11);
    }
    EXPECT_NEAR(factor->factorisation()->determinant().log_abs, oracle::log_abs_det(matrix), 1e-10);
    EXPECT_EQ(other->factorisation()->determinant().sign, -1);
  }
}

TEST(DenseFactorisation, GivesSignedDeterminantAndCondition) {
  for (const Index n : {1, 3, 7, 65}) {
    const oracle::Matrix matrix = oracle::random_matrix(n, n, static_cast<std::uint64_t>(n + 20));
    const FactorPtr factor = dense_factor(matrix);
    factorise_all({factor});
    const Factorisation& factorisation = *factor->factorisation();
    EXPECT_NEAR(factorisation.determinant().log_abs, oracle::log_abs_det(matrix), 1e-10);
    EXPECT_EQ(factorisation.determinant().sign, oracle::sign_of_det(matrix));
    EXPECT_GE(factorisation.condition(), 1.0 - 1e-12);
    EXPECT_GT(factorisation.bytes(), 0);
  }
}

TEST(DenseFactorisation, UsesNoInverseWhereItWouldLoseDigits) {
  // Hilbert-like: condition about 1e13, so that an explicit inverse has a residual of 1e-4.
  const Index n = 10;
  oracle::Matrix matrix(n, n);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) matrix(i, j) = 1.0 / static_cast<double>(i + j + 1);
  }
  matrix(0, 1) += 1e-3;
  const FactorPtr factor = dense_factor(matrix);
  const FactorPtr good = dense_factor(oracle::random_regular(n, 1));
  factorise_all({factor, good});
  EXPECT_EQ(factor->factorisation()->description().find("inverse"), std::string::npos);
  EXPECT_NE(good->factorisation()->description().find("inverse"), std::string::npos);
  StridedBlock b(4, n, 3, 0, 0);
  StridedBlock x(4, n, 3, 0, 0);
  b.fill(3);
  factor->factorisation()->solve(b.const_view(), x.view(), false);
  // Small residual relative to |A| |x|, as a backward stable solve promises.
  const oracle::Matrix product = oracle::multiply(matrix, x.fibres());
  double largest = 0;
  for (const double value : x.fibres().values) largest = std::max(largest, std::abs(value));
  for (std::size_t i = 0; i < product.values.size(); ++i) {
    EXPECT_LT(std::abs(product.values[i] - b.fibres().values[i]), 1e-14 * largest);
  }
}

TEST(DenseFactorisation, RefusesSingularMatricesByName) {
  oracle::Matrix matrix = oracle::random_matrix(4, 4, 1);
  for (Index j = 0; j < 4; ++j) matrix(2, j) = matrix(0, j) + matrix(1, j);
  const std::vector<FactorPtr> factors = {dense_factor(oracle::random_regular(5, 2), "fine"),
                                          dense_factor(matrix, "I - rho*W"),
                                          dense_factor(oracle::Matrix(3, 3), "zero")};
  try {
    factorise_all({factors[0], factors[1]});
    ADD_FAILURE() << "not refused";
  } catch (const core::DataError& error) {
    EXPECT_NE(std::string(error.what()).find("'I - rho*W' (4 x 4)"), std::string::npos)
        << error.what();
  }
  EXPECT_THROW(factorise_all({factors[2]}), core::DataError);
}

}  // namespace
}  // namespace kronwerk::factors
