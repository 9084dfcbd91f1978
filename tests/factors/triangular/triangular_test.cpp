#include "factors/triangular/triangular.hpp"

#include <gtest/gtest.h>

#include "factors/sparse/sparse_cases.hpp"
#include "kronwerk/factors/base/scratch.hpp"

namespace kronwerk::factors::test {
namespace {

// Columns of a random strictly lower triangle, as make_triangular_blocks() takes them.
SparseArrays random_columns(Index n, double density, Matrix& lower) {
  SparseArrays columns;
  columns.rows = columns.cols = n;
  lower = oracle::identity(n);
  const std::vector<double> random = oracle::random_vector(2 * n * n, 11);
  for (Index j = 0; j < n; ++j) {
    for (Index i = j + 1; i < n; ++i) {
      const auto k = static_cast<std::size_t>(2 * (i * n + j));
      if (random[k] + 1.0 > 2.0 * density) continue;
      lower(i, j) = random[k + 1] / 2;
      columns.indices.push_back(static_cast<std::int32_t>(i));
      columns.values.push_back(lower(i, j));
    }
    columns.offsets.push_back(static_cast<Index>(columns.indices.size()));
  }
  return columns;
}

void expect_both_substitutions(Index n, double density, Index width) {
  Matrix dense;
  const SparseArrays columns = random_columns(n, density, dense);
  const TriangularBlocks blocks = make_triangular_blocks(columns.view());
  const Panel panel{scratch(Scratch::panel, n * width), width};
  const std::vector<double> b = oracle::random_vector(n * width, 5);
  const std::vector<double> scale = oracle::random_vector(n, 6);
  const Matrix rhs(n, width, b);

  std::copy(b.begin(), b.end(), panel.data);
  Prefetcher nothing;
  solve_lower(blocks.view(), panel, nothing);
  const std::vector<double> forth(panel.data, panel.data + n * width);
  EXPECT_LT(oracle::relative_error(forth, oracle::solve(dense, rhs).values), 1e-13);

  Matrix scaled = rhs;
  for (Index i = 0; i < n; ++i) {
    for (Index k = 0; k < width; ++k) scaled(i, k) *= scale[static_cast<std::size_t>(i)];
  }
  std::copy(b.begin(), b.end(), panel.data);
  solve_lower_transposed(blocks.view(), scale, panel, nothing);
  const std::vector<double> back(panel.data, panel.data + n * width);
  EXPECT_LT(oracle::relative_error(back, oracle::solve(oracle::transpose(dense), scaled).values),
            1e-13);
}

TEST(Triangular, SubstitutesInPanelsOfAnyWidth) {
  with_each_target([] {
    for (const Index n : {1, 2, 3, 4, 5, 9, 30}) {
      for (const double density : {0.0, 0.1, 0.5, 1.0}) {
        for (Index vectors = 1; vectors <= 9; ++vectors) {
          expect_both_substitutions(n, density, vectors * panel_lanes());
        }
      }
    }
  });
}

TEST(Triangular, BlocksCoverEveryColumnOnce) {
  Matrix dense;
  const SparseArrays columns = random_columns(41, 0.3, dense);
  const TriangularBlocks blocks = make_triangular_blocks(columns.view());
  std::int32_t next = 0;
  for (const TriangularBlock& block : blocks.blocks) {
    EXPECT_EQ(block.first, next);
    EXPECT_GE(block.width, 1);
    EXPECT_LE(block.width, widest_block);
    next += block.width;
  }
  EXPECT_EQ(next, 41);
}

TEST(Triangular, ADenseTriangleIsCutIntoWideBlocks) {
  Matrix dense;
  const SparseArrays columns = random_columns(40, 1.0, dense);
  EXPECT_LE(make_triangular_blocks(columns.view()).blocks.size(), 12U);
}

}  // namespace
}  // namespace kronwerk::factors::test
