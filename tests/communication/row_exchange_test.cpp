#include "kronwerk/communication/row_exchange.hpp"

#include <gtest/gtest.h>

namespace kronwerk::communication {
namespace {

using core::Index;
using Placement = SharedBlocks::Placement;

class RowExchangeTest : public testing::TestWithParam<Placement> {
 protected:
  Communicator comm_ = Communicator::duplicate(MPI_COMM_WORLD);

  /// Row r of the vector is r, r + 0.5, r + 1, … in round `round`.
  static double value(Index row, Index column, int round) {
    return static_cast<double>(row) + 0.5 * static_cast<double>(column) + 100.0 * round;
  }

  void expect_rows(const distribution::BlockPartition& owners, const std::vector<Index>& needed,
                   Index length) {
    SharedBlocks blocks(comm_, GetParam());
    const RowExchange exchange(comm_, owners, needed);
    EXPECT_EQ(comm_.sum(exchange.needed()), comm_.sum(exchange.given()));
    for (int round = 0; round < 2; ++round) {
      std::vector<double> own;
      for (Index row = owners.begin(comm_.rank()); row < owners.end(comm_.rank()); ++row) {
        for (Index c = 0; c < length; ++c) own.push_back(value(row, c, round));
      }
      RowExchange::Transfer transfer(exchange, blocks, own.data(), length);
      const auto rows = transfer.wait();
      ASSERT_EQ(rows.size(), needed.size());
      for (std::size_t i = 0; i < needed.size(); ++i) {
        for (Index c = 0; c < length; ++c) EXPECT_EQ(rows[i][c], value(needed[i], c, round));
      }
      transfer.finish();
    }
  }

  std::vector<Index> all_others(const distribution::BlockPartition& owners) const {
    std::vector<Index> rows;
    for (Index row = 0; row < owners.size(); ++row) {
      if (owners.owner(row) != comm_.rank()) rows.push_back(row);
    }
    return rows;
  }
};

TEST_P(RowExchangeTest, BringsTheRowsThatWereAskedFor) {
  const distribution::BlockPartition owners(11, comm_.size());
  expect_rows(owners, all_others(owners), 3);
}

TEST_P(RowExchangeTest, RanksMayNeedDifferentNumbersOfRowsAndNone) {
  const distribution::BlockPartition owners(13, comm_.size());
  std::vector<Index> needed;
  if (comm_.rank() == comm_.size() - 1 && comm_.size() > 1) needed = {0};
  expect_rows(owners, needed, 5);
}

TEST_P(RowExchangeTest, RanksThatOwnNothingMayNeedRows) {
  const distribution::BlockPartition owners(1, comm_.size());
  expect_rows(owners, all_others(owners), 4);
  expect_rows(owners, all_others(owners), 0);
}

TEST_P(RowExchangeTest, RowsThatNobodyElseOwnsAreRefusedOnEveryRank) {
  const distribution::BlockPartition owners(8, comm_.size());
  std::vector<Index> needed;
  if (comm_.is_root()) needed = {0};
  EXPECT_THROW(RowExchange(comm_, owners, needed), core::InternalError);
  if (comm_.is_root()) needed = {8};
  EXPECT_THROW(RowExchange(comm_, owners, needed), core::InternalError);
}

INSTANTIATE_TEST_SUITE_P(Placements, RowExchangeTest,
                         testing::Values(Placement::automatic, Placement::private_memory));

}  // namespace
}  // namespace kronwerk::communication
