#include "kronwerk/operators/base/linear_operator.hpp"

#include <gtest/gtest.h>

#include "operators/base/operator_fixture.hpp"

namespace kronwerk::operators {
namespace {

class LinearOperatorTest : public OperatorFixture {};

TEST_F(LinearOperatorTest, RefusesVectorsThatAreNotTheRanksBlocksOnEveryRank) {
  const MatrixOperator op(comm_, {3, 2}, {5}, oracle::random_matrix(5, 6, 1));
  std::vector<double> x(static_cast<std::size_t>(op.input_layout().home_size(comm_.rank())));
  std::vector<double> y(static_cast<std::size_t>(op.output_layout().home_size(comm_.rank())));
  if (comm_.rank() == comm_.size() - 1) x.push_back(0);
  EXPECT_THROW(op.apply(x, y), core::ShapeError);
  if (comm_.rank() == comm_.size() - 1) x.pop_back();
  if (comm_.is_root()) y.push_back(0);
  EXPECT_THROW(op.apply(x, y), core::ShapeError);
  EXPECT_THROW(op.apply_transposed(y, x), core::ShapeError);
}

TEST_F(LinearOperatorTest, NamesBothGridsOfAWrongApplication) {
  const MatrixOperator op(comm_, {3, 2}, {5}, oracle::random_matrix(5, 6, 1));
  try {
    op.apply(std::vector<double>(99), {});
    FAIL() << "99 values were accepted";
  } catch (const core::ShapeError& error) {
    EXPECT_NE(std::string(error.what()).find("3 x 2"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("99 values"), std::string::npos) << error.what();
  }
}

TEST_F(LinearOperatorTest, AGridDiagonalMultipliesEveryPoint) {
  const distribution::Layout layout({3, 5}, 1, comm_.size());
  const auto d = oracle::random_vector(15, 3);
  const auto x = oracle::random_vector(15, 4);
  const auto op = make_grid_diagonal(comm_, layout, local(layout, d));
  std::vector<double> expected;
  for (std::size_t i = 0; i < 15; ++i) expected.push_back(d[i] * x[i]);
  expect_close(apply(*op, x), expected, 1e-15);
  expect_close(apply_transposed(*op, x), expected, 1e-15);
  expect_accumulates(*op, 1e-15);
}

TEST_F(LinearOperatorTest, AGridDiagonalOfTheWrongSizeIsRefusedOnEveryRank) {
  const distribution::Layout layout({3, 5}, 1, comm_.size());
  std::vector<double> values(static_cast<std::size_t>(layout.home_size(comm_.rank())));
  if (comm_.is_root()) values.push_back(1);
  EXPECT_THROW(make_grid_diagonal(comm_, layout, values), core::ShapeError);
}

}  // namespace
}  // namespace kronwerk::operators
