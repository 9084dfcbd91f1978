#include "kronwerk/operators/products/kronecker_product.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "kronwerk/operators/base/dot.hpp"
#include "operators/products/product_fixture.hpp"

namespace kronwerk::operators {
namespace {

using oracle::Matrix;

class KroneckerProductTest : public ProductFixture {};

/// Extents that are unequal, prime, 1, and fewer than the ranks.
const std::vector<std::vector<std::pair<Index, Index>>> grids{
    {{5, 5}},
    {{1, 1}},
    {{4, 7}},
    {{7, 5}, {3, 6}},
    {{3, 3}, {8, 8}},
    {{1, 1}, {1, 1}},
    {{2, 2}, {1, 1}, {3, 3}},
    {{3, 5}, {4, 2}, {6, 3}},
    {{2, 3}, {3, 2}, {1, 4}, {5, 2}},
    {{2, 2}, {3, 3}, {1, 1}, {2, 3}, {3, 2}, {2, 2}},
};

TEST_F(KroneckerProductTest, AppliesEveryGridAsTheDenseProductDoes) {
  for (const auto& shapes : grids) {
    const auto matrices = random_matrices(shapes);
    const auto product = make(matrices, 1.5);
    const Matrix dense = oracle::kron(matrices);
    const auto x = oracle::random_vector(dense.cols, 7);
    auto expected = oracle::multiply(dense, x);
    for (double& value : expected) value *= 1.5;
    expect_close(apply(product, x), expected, 1e-13);
    // The adjoint is the transposed matrix.
    const auto z = oracle::random_vector(dense.rows, 8);
    auto adjoint = oracle::multiply(oracle::transpose(dense), z);
    for (double& value : adjoint) value *= 1.5;
    expect_close(apply(product.transposed(), z), adjoint, 1e-13);
  }
}

TEST_F(KroneckerProductTest, WorksForEverySplit) {
  const auto matrices = random_matrices({{3, 5}, {4, 2}, {6, 3}});
  const Matrix dense = oracle::kron(matrices);
  const auto x = oracle::random_vector(dense.cols, 3);
  const auto expected = oracle::multiply(dense, x);
  for (int split = 0; split <= 3; ++split) {
    const KroneckerProduct product(comm_, workspace_, 1, chains(matrices), split);
    EXPECT_EQ(product.input_layout().leading_modes(), split);
    expect_close(apply(product, x), expected, 1e-13);
  }
}

TEST_F(KroneckerProductTest, TheInverseSolves) {
  for (const auto& extents : {std::vector<Index>{5}, {4, 7}, {1, 6}, {2, 3, 5}, {3, 1, 2, 4}}) {
    std::vector<Matrix> matrices;
    for (const Index n : extents) matrices.push_back(oracle::random_regular(n, 11 + n));
    const Matrix dense = oracle::kron(matrices);
    const auto b = oracle::random_vector(dense.rows, 5);
    const auto product = make(matrices, 2.0);
    auto expected = oracle::solve(dense, b);
    for (double& value : expected) value /= 2.0;
    expect_close(apply(product.inverse(), b), expected, 1e-12);
    auto transposed = oracle::solve(oracle::transpose(dense), b);
    for (double& value : transposed) value /= 2.0;
    expect_close(apply(product.inverse().transposed(), b), transposed, 1e-12);
  }
}

TEST_F(KroneckerProductTest, ChainsOfLinksActRightToLeft) {
  const Matrix a = oracle::random_matrix(4, 6, 1);
  const Matrix b = oracle::random_regular(6, 2);
  const Matrix c = oracle::random_matrix(3, 6, 3);
  factors::Chain chain{
      {make_factor(a), false, false}, {make_factor(b), true, true}, {make_factor(c), true, false}};
  const Matrix dense = oracle::multiply(oracle::multiply(a, oracle::inverse(oracle::transpose(b))),
                                        oracle::transpose(c));
  const Matrix other = oracle::random_matrix(5, 5, 4);
  const KroneckerProduct product(comm_, workspace_, 1,
                                 {chain, {{make_factor(other), false, false}}});
  const auto x = oracle::random_vector(15, 9);
  expect_close(apply(product, x), oracle::multiply(oracle::kron(dense, other), x), 1e-12);
}

TEST_F(KroneckerProductTest, BatchesAreALeadingIdentityMode) {
  const auto matrices = random_matrices({{3, 4}, {5, 2}});
  for (const Index batch : {1, 2, 7}) {
    std::vector<Matrix> with_batch = matrices;
    with_batch.insert(with_batch.begin(), oracle::identity(batch));
    const Matrix dense = oracle::kron(with_batch);
    const auto x = oracle::random_vector(dense.cols, 21);
    expect_close(apply(make(matrices).batched(batch), x), oracle::multiply(dense, x), 1e-13);
  }
}

TEST_F(KroneckerProductTest, LeadingIdentitiesNeedNoExchange) {
  std::vector<factors::Chain> list{{{factors::make_identity(64), false, false}},
                                   {{make_factor(oracle::random_matrix(5, 5, 1)), false, false}}};
  const KroneckerProduct product(comm_, workspace_, 1, list);
  EXPECT_EQ(product.estimate().exchanges, 0);
}

TEST_F(KroneckerProductTest, AccumulatesAndIsLinear) {
  const auto matrices = random_matrices({{4, 3}, {2, 5}});
  const auto product = make(matrices, -0.5);
  const auto x = local(product.input_layout(), oracle::random_vector(15, 1));
  const auto y = local(product.output_layout(), oracle::random_vector(8, 2));
  std::vector<double> sum = y;
  product.apply(x, sum, true);
  std::vector<double> alone(y.size());
  product.apply(x, alone);
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(sum[i], y[i] + alone[i], 1e-14);
}

TEST_F(KroneckerProductTest, TheAdjointIdentityHolds) {
  const auto product = make(random_matrices({{7, 5}, {3, 6}, {2, 2}}));
  const auto x = local(product.input_layout(), oracle::random_vector(60, 1));
  const auto y = local(product.output_layout(), oracle::random_vector(42, 2));
  std::vector<double> forward(y.size());
  std::vector<double> backward(x.size());
  product.apply(x, forward);
  product.transposed().apply(y, backward);
  EXPECT_NEAR(dot(comm_, forward, y), dot(comm_, x, backward), 1e-12);
}

TEST_F(KroneckerProductTest, TwoApplicationsGiveTheSameBits) {
  const auto product = make(random_matrices({{13, 13}, {11, 11}}));
  const auto x = local(product.input_layout(), oracle::random_vector(143, 1));
  std::vector<double> first(x.size());
  std::vector<double> second(x.size());
  product.apply(x, first);
  product.apply(x, second);
  EXPECT_EQ(first, second);
}

TEST_F(KroneckerProductTest, MessagesBetweenNodesGiveTheSame) {
  auto messages = std::make_shared<Workspace>(comm_, Workspace::Placement::private_memory);
  const auto matrices = random_matrices({{17, 19}, {23, 21}});
  const KroneckerProduct product(comm_, messages, 1, chains(matrices));
  const Matrix dense = oracle::kron(matrices);
  const auto x = oracle::random_vector(dense.cols, 3);
  expect_close(apply(product, x), oracle::multiply(dense, x), 1e-13);
}

TEST_F(KroneckerProductTest, RefusesVectorsOfAnotherSizeOnEveryRank) {
  const auto product = make(random_matrices({{4, 4}, {3, 3}}));
  std::vector<double> x(static_cast<std::size_t>(product.input_layout().home_size(comm_.rank())));
  std::vector<double> y = x;
  if (comm_.rank() == 0) y.push_back(0);
  EXPECT_THROW(product.apply(x, y), core::ShapeError);
}

TEST_F(KroneckerProductTest, RefusesToInvertRectangularAndSingularFactors) {
  EXPECT_THROW(make(random_matrices({{4, 3}, {2, 2}})).inverse(), core::ShapeError);
  EXPECT_THROW(make({Matrix(3, 3, std::vector<double>(9, 1.0))}).inverse(), core::DataError);
  EXPECT_THROW(make(random_matrices({{2, 2}}), 0.0).inverse(), core::DataError);
}

TEST_F(KroneckerProductTest, RepeatedSolvesFactoriseOnce) {
  const auto product = make({oracle::random_regular(6, 1), oracle::random_regular(5, 2)});
  const auto before = factors::factorisation_count();
  const auto inverse = product.inverse();
  EXPECT_EQ(factors::factorisation_count(), before + 2);
  const auto b = oracle::random_vector(30, 4);
  for (int i = 0; i < 3; ++i) static_cast<void>(apply(inverse, b));
  static_cast<void>(apply(product.inverse().transposed(), b));
  EXPECT_EQ(factors::factorisation_count(), before + 2);
}

}  // namespace
}  // namespace kronwerk::operators
