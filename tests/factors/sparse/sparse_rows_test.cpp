#include "kronwerk/factors/sparse/sparse_rows.hpp"

#include <gtest/gtest.h>
#include <hwy/highway.h>

#include "factors/dense/dense_case.hpp"
#include "factors/dense/dense_simd.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::factors {
namespace {

/// Fibres of which about every third entry is there; some are empty, one is full.
struct Fibres {
  Fibres(Index rows, Index cols, std::uint64_t seed) : dense(rows, cols) {
    const auto numbers = oracle::random_vector(rows * cols, seed);
    for (Index row = 0; row < rows; ++row) {
      for (Index col = 0; col < cols; ++col) {
        const auto position = static_cast<std::size_t>(row * cols + col);
        if (row % 7 != 6 && (row % 5 == 4 || (row * 31 + col * 17) % 3 == 0)) {
          add(row, col, numbers[position]);
        }
      }
      offsets.push_back(static_cast<Index>(values.size()));
    }
  }
  void add(Index row, Index col, double value) {
    dense(row, col) += value;
    columns.push_back(static_cast<std::int32_t>(col));
    values.push_back(value);
  }
  CompressedRows view() const { return {offsets, columns, values}; }

  oracle::Matrix dense;
  std::vector<Index> offsets{0};
  std::vector<std::int32_t> columns;
  std::vector<double> values;
};

Chain identity(Index extent) {
  return {{make_identity(extent), false, false}};
}

void expect_product(Index rows, Index cols, Index count, bool transposed) {
  const auto matrix =
      transposed ? oracle::random_matrix(cols, rows, 3) : oracle::random_matrix(rows, cols, 3);
  const oracle::Matrix op = transposed ? oracle::transpose(matrix) : matrix;
  const std::vector<Chain> chains{identity(5), {{dense_factor(matrix), transposed, false}}};
  const auto product = SparseRowsProduct::make(chains, -2.5);
  ASSERT_TRUE(product);
  EXPECT_EQ(product->rows(), rows);
  EXPECT_EQ(product->cols(), cols);
  const Fibres x(count, cols, 5);
  std::vector<double> y(static_cast<std::size_t>(count * rows + 1), 7.25);
  product->apply(x.view(), std::span(y).first(y.size() - 1));
  EXPECT_EQ(y.back(), 7.25) << "writes beyond the last result";
  y.pop_back();
  oracle::Matrix expected = oracle::multiply(x.dense, oracle::transpose(op));
  for (double& value : expected.values) value *= -2.5;
  EXPECT_LT(oracle::relative_error(oracle::Matrix(count, rows, y), expected), 1e-14)
      << rows << " x " << cols << ", " << count << " fibres";
}

TEST(SparseRows, MultiplyLikeTheOracle) {
  for (const auto& [rows, cols] : std::vector<std::pair<Index, Index>>{
           {1, 1}, {1, 40}, {7, 13}, {8, 5}, {30, 97}, {31, 2}, {33, 29}, {71, 64}, {130, 11}}) {
    for (const Index count : {1, 2, 6, 7, 35}) {
      expect_product(rows, cols, count, false);
      expect_product(rows, cols, count, true);
    }
  }
}

TEST(SparseRows, EveryInstructionSetAgreesWithTheOracle) {
  for (std::int64_t rest = dense_targets(); rest != 0; rest &= rest - 1) {
    hwy::SetSupportedTargetsForTest(rest & -rest);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    SCOPED_TRACE(hwy::TargetName(rest & -rest));
    for (const Index rows : {3, 16, 30, 41}) expect_product(rows, 50, 20, false);
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

TEST(SparseRows, EntriesMayComeInAnyOrderAndTwice) {
  const auto matrix = oracle::random_matrix(4, 9, 1);
  Fibres x(0, 9, 1);
  x.dense = oracle::Matrix(1, 9);
  for (const Index col : {8, 0, 3, 0, 5}) x.add(0, col, 1.0 + static_cast<double>(col));
  x.offsets.push_back(5);
  const std::vector<Chain> chains{{{dense_factor(matrix), false, false}}};
  std::vector<double> y(4);
  SparseRowsProduct::make(chains, 1.0)->apply(x.view(), y);
  EXPECT_LT(oracle::relative_error(oracle::Matrix(1, 4, y),
                                   oracle::multiply(x.dense, oracle::transpose(matrix))),
            1e-15);
}

TEST(SparseRows, IsMadeForOneDenseFactorAtTheEndOnly) {
  const Chain dense{{dense_factor(oracle::random_matrix(3, 4, 1)), false, false}};
  const Chain square{{dense_factor(oracle::random_matrix(3, 3, 1)), false, true}};
  Chain two = dense;
  two.push_back({dense_factor(oracle::random_matrix(4, 4, 1)), false, false});
  EXPECT_TRUE(SparseRowsProduct::make(std::vector<Chain>{identity(2), dense}, 1));
  EXPECT_FALSE(SparseRowsProduct::make(std::vector<Chain>{}, 1));
  EXPECT_FALSE(SparseRowsProduct::make(std::vector<Chain>{dense, identity(2)}, 1));
  EXPECT_FALSE(SparseRowsProduct::make(std::vector<Chain>{dense, dense}, 1));
  EXPECT_FALSE(SparseRowsProduct::make(std::vector<Chain>{identity(2), square}, 1));
  EXPECT_FALSE(SparseRowsProduct::make(std::vector<Chain>{identity(2), two}, 1));
  EXPECT_FALSE(SparseRowsProduct::make(std::vector<Chain>{identity(2), identity(3)}, 1));
}

TEST(SparseRows, RefuseAResultOfAnotherSize) {
  const std::vector<Chain> chains{{{dense_factor(oracle::random_matrix(3, 4, 1)), false, false}}};
  const Fibres x(2, 4, 1);
  std::vector<double> y(5);
  EXPECT_THROW(SparseRowsProduct::make(chains, 1)->apply(x.view(), y), core::ShapeError);
}

}  // namespace
}  // namespace kronwerk::factors
