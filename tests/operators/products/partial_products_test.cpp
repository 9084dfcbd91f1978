#include "operators/products/partial_products.hpp"

#include <gtest/gtest.h>

#include "operators/products/partial_products_plan.hpp"
#include "operators/products/product_fixture.hpp"

namespace kronwerk::operators {
namespace {

using factors::Chain;
using factors::ConstView;
using factors::View;

class LocalCombinationTest : public ProductFixture {
 protected:
  factors::Link link(const oracle::Matrix& matrix) const {
    return {make_factor(matrix), false, false};
  }
  static factors::Link eye(Index extent) { return {factors::make_identity(extent), false, false}; }
};

TEST_F(LocalCombinationTest, GivesSeveralCombinationsOfTheSameProducts) {
  const auto a = oracle::random_matrix(6, 6, 1);
  const auto x = oracle::random_vector(18, 2);
  const Chain w{link(a)};
  const LocalCombination work({{{2, {{eye(6)}}}, {3, {w}}}, {{-1, {w}}}, {{1, {{eye(6)}}}}});
  EXPECT_FALSE(work.is_input(0));
  EXPECT_TRUE(work.is_input(2));
  std::vector<double> y(18), z(18), copy(18);
  const LocalCombination::Output outputs[] = {{View::contiguous(y.data(), 3, 6, 1), false},
                                              {View::contiguous(z.data(), 3, 6, 1), false},
                                              {View::contiguous(copy.data(), 3, 6, 1), false}};
  work.apply(ConstView::contiguous(x.data(), 3, 6, 1), outputs);
  const auto wx = oracle::multiply(oracle::kron(oracle::identity(3), a), x);
  std::vector<double> expected_y, expected_z;
  for (std::size_t i = 0; i < 18; ++i) {
    expected_y.push_back(2 * x[i] + 3 * wx[i]);
    expected_z.push_back(-wx[i]);
  }
  expect_close(y, expected_y, 1e-14);
  expect_close(z, expected_z, 1e-14);
  EXPECT_EQ(copy, x);
}

TEST_F(LocalCombinationTest, WritesOverItsInputWhereItIsTold) {
  const auto a = oracle::random_matrix(5, 5, 1);
  const auto b = oracle::random_matrix(5, 5, 2);
  const auto c = oracle::random_matrix(5, 5, 3);
  const auto d = oracle::random_matrix(5, 5, 4);
  const LocalCombination work(
      {{{1, {{link(a)}}}, {2, {{link(b)}}}, {3, {{link(c)}}}, {4, {{link(d)}}}, {5, {{eye(5)}}}}});
  auto x = oracle::random_vector(35, 5);
  auto sum = oracle::add(1, a, 2, b);
  sum = oracle::add(1, oracle::add(1, sum, 3, c), 4, d);
  sum = oracle::add(1, sum, 5, oracle::identity(5));
  const auto expected = oracle::multiply(oracle::kron(sum, oracle::identity(7)), x);
  const View view = View::contiguous(x.data(), 1, 5, 7);
  const LocalCombination::Output output{view, false};
  work.apply(view, {&output, 1});
  expect_close(x, expected, 1e-14);
}

TEST_F(LocalCombinationTest, StartsProductsFromWhatIsThere) {
  const auto w = link(oracle::random_matrix(6, 6, 1));
  const auto v = link(oracle::random_matrix(6, 6, 2));
  const auto plan = share_steps({steps_of({{w, w, w}}), steps_of({{w}}), steps_of({{v, w}})}, {6});
  ASSERT_EQ(plan.nodes.size(), 3U);
  double flops = 0;
  for (const auto& node : plan.nodes) flops += node.product.flops_per_fibre();
  // W x once, two more products for W³ x, one for V W x.
  EXPECT_DOUBLE_EQ(flops, 4 * 2.0 * 36);
}

TEST_F(LocalCombinationTest, ComputesWhatTwoProductsHaveInCommonOnce) {
  const auto a = link(oracle::random_matrix(30, 30, 1));
  const auto b = link(oracle::random_matrix(30, 30, 2));
  const auto c = link(oracle::random_matrix(30, 30, 3));
  const auto plan = share_steps({steps_of({{a}, {c}}), steps_of({{b}, {c}})}, {30, 30});
  EXPECT_EQ(plan.nodes.size(), 3U);
  double flops = 0;
  for (const auto& node : plan.nodes) flops += node.product.flops_per_fibre();
  EXPECT_DOUBLE_EQ(flops, 3 * 2.0 * 30 * 30 * 30);
}

}  // namespace
}  // namespace kronwerk::operators
