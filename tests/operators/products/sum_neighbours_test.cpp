#include "operators/products/sum_neighbours.hpp"

#include <gtest/gtest.h>

#include "operators/base/operator_fixture.hpp"

namespace kronwerk::operators {
namespace {

using factors::Chain;

/// Sums with banded sparse leading factors, beside their dense forms.
class SumNeighboursTest : public OperatorFixture {
 protected:
  /// Entries below, on and above the diagonal, and one in the corner; row 2 is empty.
  static oracle::Matrix banded(Index rows, Index cols, std::uint64_t seed) {
    auto result = oracle::random_matrix(rows, cols, seed);
    for (Index i = 0; i < rows; ++i) {
      for (Index j = 0; j < cols; ++j) {
        const bool corner = i == 0 && j == cols - 1;
        if ((std::abs(i - j) > 1 && !corner) || i == 2) result(i, j) = 0;
      }
    }
    return result;
  }

  static Chain sparse(const oracle::Matrix& matrix, bool transposed = false) {
    std::vector<Index> offsets{0};
    std::vector<std::int32_t> columns;
    std::vector<double> values;
    for (Index i = 0; i < matrix.rows; ++i) {
      for (Index j = 0; j < matrix.cols; ++j) {
        if (matrix(i, j) == 0) continue;
        columns.push_back(static_cast<std::int32_t>(j));
        values.push_back(matrix(i, j));
      }
      offsets.push_back(static_cast<Index>(values.size()));
    }
    communication::SharedSparse shared{
        matrix.rows, matrix.cols, communication::SharedArray<Index>::from_private(offsets),
        communication::SharedArray<std::int32_t>::from_private(columns),
        communication::SharedArray<double>::from_private(values)};
    return {{factors::make_sparse("W", std::move(shared)), transposed, false}};
  }
  static Chain eye(Index extent) { return {{factors::make_identity(extent), false, false}}; }
  Chain dense(const oracle::Matrix& matrix) const { return {{make_factor(matrix), false, false}}; }

  /// Whatever the estimate says.
  void expect_applies(const std::vector<ScaledProduct>& terms, const oracle::Matrix& matrix,
                      int leading_modes, const std::shared_ptr<Workspace>& workspace) const {
    const auto op = SumNeighbours::make(comm_, workspace, collect_terms(terms), leading_modes);
    ASSERT_TRUE(op.has_value());
    const auto x = oracle::random_vector(matrix.cols, 5);
    const auto start = oracle::random_vector(matrix.rows, 6);
    auto expected = oracle::multiply(matrix, x);
    auto y = local(op->output(), start);
    op->apply(local(op->input(), x), y, false);
    expect_close(whole(op->output(), y), expected, 1e-13);
    y = local(op->output(), start);
    op->apply(local(op->input(), x), y, true);
    for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += start[i];
    expect_close(whole(op->output(), y), expected, 1e-13);
  }

  void expect_applies(const std::vector<ScaledProduct>& terms, const oracle::Matrix& matrix,
                      int leading_modes = 1) const {
    expect_applies(terms, matrix, leading_modes, workspace_);
    expect_applies(
        terms, matrix, leading_modes,
        std::make_shared<Workspace>(comm_, communication::SharedBlocks::Placement::private_memory));
  }
};

TEST_F(SumNeighboursTest, AppliesTheGeneralFlowOperator) {
  const auto w = banded(7, 7, 1);
  const auto v = banded(90, 90, 2);
  const auto a = sparse(w);
  const auto b = sparse(v);
  auto expected = oracle::kron(oracle::identity(7), oracle::identity(90));
  expected = oracle::add(1, expected, -0.3, oracle::kron(oracle::identity(7), v));
  expected = oracle::add(1, expected, -0.4, oracle::kron(w, oracle::identity(90)));
  expected = oracle::add(1, expected, -0.1, oracle::kron(w, v));
  const std::vector<ScaledProduct> flow{
      {1, {eye(7), eye(90)}}, {-0.3, {eye(7), b}}, {-0.4, {a, eye(90)}}, {-0.1, {a, b}}};
  expect_applies(flow, expected);
}

TEST_F(SumNeighboursTest, TakesTransposesAndRectangularModes) {
  const auto a = banded(6, 9, 1);
  const auto b = banded(9, 6, 2);
  const auto c = oracle::random_matrix(3, 80, 3);
  const auto d = oracle::random_matrix(3, 80, 4);
  auto expected = oracle::kron(a, c);
  expected = oracle::add(1, expected, 2, oracle::kron(oracle::transpose(b), d));
  expect_applies({{1, {sparse(a), dense(c)}}, {2, {sparse(b, true), dense(d)}}}, expected);
}

TEST_F(SumNeighboursTest, TakesSeveralLeadingModesAndDiagonals) {
  const auto a = banded(3, 3, 1);
  const auto b = banded(5, 5, 2);
  const auto c = oracle::random_matrix(60, 60, 3);
  const std::vector<double> values{1, -2, 3};
  const Chain diagonal{{factors::make_diagonal("D", values), false, false}};
  auto d = oracle::identity(3);
  for (Index i = 0; i < 3; ++i) d(i, i) = values[static_cast<std::size_t>(i)];
  auto expected = oracle::kron({a, oracle::identity(5), oracle::identity(60)});
  expected = oracle::add(1, expected, 2, oracle::kron({d, b, oracle::identity(60)}));
  expected =
      oracle::add(1, expected, 3, oracle::kron({oracle::identity(3), oracle::identity(5), c}));
  expect_applies({{1, {sparse(a), eye(5), eye(60)}},
                  {2, {diagonal, sparse(b), eye(60)}},
                  {3, {eye(3), eye(5), dense(c)}}},
                 expected, 2);
}

TEST_F(SumNeighboursTest, RowsWithoutEntriesAreZero) {
  const auto w = banded(5, 5, 1);
  const auto c = oracle::random_matrix(60, 60, 3);
  expect_applies({{2, {sparse(w), dense(c)}}},
                 oracle::add(2, oracle::kron(w, c), 0, oracle::kron(w, c)));
  expect_applies({{2, {sparse(w), eye(60)}}},
                 oracle::add(2, oracle::kron(w, oracle::identity(60)), 0,
                             oracle::kron(w, oracle::identity(60))));
}

TEST_F(SumNeighboursTest, KnowsWhatTheBusiestRankNeeds) {
  auto ring = oracle::Matrix(12, 12);
  for (Index i = 0; i < 12; ++i) ring(i, (i + 1) % 12) = 1;
  const auto op = SumNeighbours::make(
      comm_, workspace_, collect_terms(std::vector<ScaledProduct>{{1, {sparse(ring), eye(50)}}}),
      1);
  ASSERT_TRUE(op.has_value());
  EXPECT_EQ(op->needs().rows_received, comm_.size() > 1 ? 1 : 0);
  EXPECT_EQ(op->needs().rows_given, comm_.size() > 1 ? 1 : 0);
  EXPECT_EQ(op->needs().entries, (12 + comm_.size() - 1) / comm_.size());
}

TEST_F(SumNeighboursTest, HasNothingForDenseOrInvertedLeadingFactors) {
  const auto matrix = oracle::random_regular(6, 1);
  const auto make = [&](const Chain& leading) {
    return SumNeighbours::make(
        comm_, workspace_, collect_terms(std::vector<ScaledProduct>{{1, {leading, eye(50)}}}), 1);
  };
  EXPECT_FALSE(make(dense(matrix)).has_value());
  Chain inverse = sparse(banded(6, 6, 1));
  inverse.front().inverse = true;
  EXPECT_FALSE(make(inverse).has_value());
}

TEST_F(SumNeighboursTest, IsChosenWhereFewRowsTravel) {
  // A band of 400 rows: two rows travel instead of two vectors.
  const auto w = banded(400, 400, 1);
  const auto c = oracle::random_matrix(6, 6, 3);
  const std::vector<ScaledProduct> terms{
      {1, {eye(400), eye(6)}}, {-0.3, {sparse(w), eye(6)}}, {2, {eye(400), dense(c)}}};
  const std::vector<ScaledProduct> wide{{1, {eye(400), eye(60)}},
                                        {-0.3, {sparse(w), eye(60)}},
                                        {2, {eye(400), dense(oracle::random_matrix(60, 60, 3))}}};
  const ProductSum sum(comm_, workspace_, wide, 1);
  EXPECT_TRUE(sum.estimate().neighbours);
  EXPECT_EQ(sum.exchanges(), comm_.size() > 1 ? 1 : 0);
  // Too short rows for so many entries: as before.
  EXPECT_FALSE(ProductSum(comm_, workspace_, terms, 1).estimate().neighbours);
  const auto x = oracle::random_vector(400 * 60, 7);
  const auto w_x = apply(ProductSum(comm_, workspace_, wide, 2), x);
  expect_close(apply(sum, x), w_x, 1e-13);
  const auto z = oracle::random_vector(400 * 60, 8);
  expect_close(apply_transposed(sum, z),
               apply_transposed(ProductSum(comm_, workspace_, wide, 0), z), 1e-13);
}

}  // namespace
}  // namespace kronwerk::operators
