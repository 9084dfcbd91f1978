#include "kronwerk/prediction/products.hpp"

#include <gtest/gtest.h>

#include "prediction/some_machine.hpp"

namespace kronwerk::prediction {
namespace {

const configuration::Machine machine = some_machine();

PricedMode dense(Index n) {
  return {n, n, {{Action::dense, 2.0 * static_cast<double>(n * n)}}};
}
PricedMode sparse(Index n) {
  return {n, n, {{Action::sparse, 16.0 * static_cast<double>(n)}}};
}
PricedMode identity(Index n) {
  return {n, n, {}};
}

TEST(PricedProducts, OfOneRankAreTheFlopsOfAllModes) {
  const std::vector<PricedMode> modes{dense(1024), dense(1024)};
  const auto product = price_product(Pricing(machine, {1, 1, 1}), modes);
  EXPECT_NEAR(product.cost.total(), 2 * 2048.0 * 1024 * 1024 / 40e9, 1e-12);
  EXPECT_EQ(product.away_bytes, 0);
}

TEST(PricedProducts, HaveArithmeticThatShrinksAndMessagesThatDoNot) {
  const std::vector<PricedMode> modes{dense(4096), dense(4096)};
  const auto at = [&](int ranks) {
    return price_product(Pricing(machine, {ranks, std::min(ranks, 4), 1}), modes).cost;
  };
  for (int ranks = 4; ranks <= 2048; ranks *= 2) {
    EXPECT_NEAR(at(2 * ranks).arithmetic, at(ranks).arithmetic / 2, 1e-9) << ranks;
  }
  EXPECT_GT(at(64).latency, at(8).latency);
  EXPECT_GT(at(100'000).latency, at(1024).latency);
  EXPECT_GT(at(100'000).latency, at(100'000).arithmetic);
}

TEST(PricedProducts, WithoutLeadingFactorsExchangeNothing) {
  const std::vector<PricedMode> modes{identity(512), dense(64)};
  const auto product = price_product(Pricing(machine, {64, 4, 1}), modes);
  EXPECT_EQ(product.cost.exchange, 0);
  EXPECT_EQ(product.leading_modes, 1);
}

TEST(PricedSums, ApplyEveryMatrixOnceAndMoveTheVectorsOfTheirRank) {
  PricedSum sum;
  sum.modes = {{identity(1000), sparse(1000)}, {identity(1000), sparse(1000)}};
  sum.terms = {{1, {0, 0}}, {-0.3, {0, 1}}, {-0.3, {1, 0}}, {0.1, {1, 1}}};
  const Pricing pricing(machine, {8, 4, 1});
  const auto all = price_sum(pricing, sum);
  const double values = 1e6 / 8;
  const double one = pricing.along_mode(sparse(1000), values, true).total();
  const double other = pricing.along_mode(sparse(1000), values, false).total();
  EXPECT_NEAR(all.cost.arithmetic, one + other, 1e-12);
  EXPECT_NEAR(all.cost.exchange, 2 * pricing.redistribution(8 * values, 125).exchange, 1e-12);
  sum.terms = {{1, {0, 0}}, {-0.3, {0, 1}}};
  EXPECT_EQ(price_sum(pricing, sum).cost.exchange, 0);
}

TEST(PricedSums, TakeNeighboursWhereFewRowsTravel) {
  PricedSum sum;
  sum.modes = {{identity(1000), sparse(1000)}, {identity(1000), sparse(1000)}};
  sum.terms = {{1, {0, 0}}, {-0.3, {0, 1}}, {-0.3, {1, 0}}};
  const Pricing pricing(machine, {8, 4, 1});
  const double before = price_sum(pricing, sum).cost.exchange;
  sum.needs = [](int /*parts*/) { return distribution::NeighbourNeeds{10, 10, 1000}; };
  EXPECT_LT(price_sum(pricing, sum).cost.exchange, before);
}

TEST(PricedSums, OfOneTermAreProducts) {
  const std::vector<PricedMode> modes{dense(100), dense(50)};
  const Pricing pricing(machine, {16, 4, 1});
  EXPECT_DOUBLE_EQ(price_sum(pricing, as_sum(modes)).cost.total(),
                   price_product(pricing, modes).cost.total());
}

}  // namespace
}  // namespace kronwerk::prediction
