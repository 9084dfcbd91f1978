#include <gtest/gtest.h>

#include "factors/sparse/sparse_cases.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::factors::test {
namespace {

void expect_applies(const Matrix& matrix, Index left, Index right, bool transposed) {
  const FactorPtr factor = sparse_factor("A", matrix);
  const Matrix oracle_matrix = transposed ? oracle::transpose(matrix) : matrix;
  Block x(left, oracle_matrix.cols, right, 7);
  Block y(left, oracle_matrix.rows, right, 8);
  const std::vector<double> margins = y.margins();
  factor->apply(x.view(), y.view(), transposed);
  EXPECT_EQ(y.margins(), margins);
  for (Index l = 0; l < left; ++l) {
    for (Index r = 0; r < right; ++r) {
      const auto expected = oracle::multiply(oracle_matrix, fibre(x.view(), l, r));
      ASSERT_LT(oracle::relative_error(fibre(y.view(), l, r), expected), 1e-13)
          << matrix.rows << " x " << matrix.cols << ", left " << left << ", right " << right;
    }
  }
}

TEST(SparseFactor, AppliesAlongTheModeOfAnyBlock) {
  with_each_target([] {
    for (const auto& [rows, cols] : std::vector<std::pair<Index, Index>>{
             {1, 1}, {1, 5}, {5, 1}, {7, 4}, {40, 67}, {130, 70}}) {
      Matrix matrix = oracle::random_matrix(rows, cols, 3);
      for (double& value : matrix.values) value = value > 0.2 ? value : 0.0;
      matrix.values.back() = 1.0;
      for (const bool transposed : {false, true}) {
        for (const auto& [left, right] : std::vector<std::pair<Index, Index>>{
                 {1, 1}, {3, 1}, {37, 1}, {70, 1}, {1, 2}, {5, 3}, {2, 33}, {1, 64}, {3, 16}}) {
          expect_applies(matrix, left, right, transposed);
        }
      }
    }
  });
}

TEST(SparseFactor, DoesNothingWithoutFibres) {
  const FactorPtr factor = sparse_factor("A", oracle::identity(3));
  EXPECT_NO_THROW(
      factor->apply(ConstView{nullptr, 0, 3, 4, 12, 4}, View{nullptr, 0, 3, 4, 12, 4}, false));
  EXPECT_NO_THROW(
      factor->apply(ConstView{nullptr, 4, 3, 0, 0, 0}, View{nullptr, 4, 3, 0, 0, 0}, true));
}

TEST(SparseFactor, RefusesViewsThatDoNotConform) {
  const FactorPtr factor = sparse_factor("W", oracle::random_matrix(3, 4, 1));
  std::vector<double> x(16), y(16);
  const auto view = [](std::vector<double>& values, Index left, Index extent) {
    return View::contiguous(values.data(), left, extent, 1);
  };
  EXPECT_THROW(factor->apply(view(x, 2, 3), view(y, 2, 3), false), core::ShapeError);
  EXPECT_THROW(factor->apply(view(x, 2, 4), view(y, 3, 3), false), core::ShapeError);
  EXPECT_THROW(factor->apply(view(x, 2, 4), view(y, 2, 3), true), core::ShapeError);
  EXPECT_NO_THROW(factor->apply(view(x, 2, 3), view(y, 2, 4), true));
}

TEST(SparseFactor, GivesItsDiagonalAndItsDenseForm) {
  const Matrix matrix = shifted(weights(Graph::random_directed, 9), 0.5);
  const FactorPtr factor = sparse_factor("A", matrix);
  for (Index i = 0; i < 9; ++i)
    EXPECT_EQ(factor->diagonal()[static_cast<std::size_t>(i)], matrix(i, i));
  std::vector<double> dense(81, 1.0);
  factor->add_to_dense(2.0, dense);
  for (std::size_t k = 0; k < dense.size(); ++k) EXPECT_EQ(dense[k], 1.0 + 2.0 * matrix.values[k]);
  EXPECT_EQ(factor->kind(), Kind::sparse);
}

TEST(SparseFactor, RefusesArraysThatDoNotMakeAMatrix) {
  communication::SharedSparse matrix = to_shared(oracle::identity(3));
  matrix.rows = 4;
  EXPECT_THROW(make_sparse("W", std::move(matrix)), core::DataError);
}

}  // namespace
}  // namespace kronwerk::factors::test
