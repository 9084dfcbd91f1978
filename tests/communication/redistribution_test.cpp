#include "kronwerk/communication/redistribution.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace kronwerk::communication {
namespace {

using core::Extents;
using core::Index;
using distribution::Layout;
using Placement = SharedBlocks::Placement;
using Form = Redistribution::Form;

struct Way {
  const char* name;
  Placement placement;
  Form form;
};

/// Every entry holds its own global index, so that a misplaced one names itself.
std::vector<double> indexed_rows(const Layout& layout, int rank) {
  std::vector<double> rows(static_cast<std::size_t>(layout.home_size(rank)));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i] = static_cast<double>(layout.home_begin(rank)) + static_cast<double>(i);
  }
  return rows;
}

void check_round_trip(const Communicator& comm, const Way& way, const Layout& layout,
                      Index chunk_rows) {
  SharedBlocks blocks(comm, way.placement);
  Redistribution redistribution(blocks, layout, 0, way.form);
  const int rank = comm.rank();
  const auto x = indexed_rows(layout, rank);
  redistribution.to_away(chunk_rows,
                         [&](Index first, Index) { return x.data() + first * layout.trailing(); });
  const Index columns = layout.away().count(rank);
  for (Index row = 0; row < layout.leading(); ++row) {
    for (Index column = 0; column < columns; ++column) {
      const Index global = row * layout.trailing() + layout.away().begin(rank) + column;
      ASSERT_EQ(blocks.local()[row * columns + column], static_cast<double>(global));
    }
  }
  // What comes home is what the away side made of it.
  for (Index i = 0; i < layout.away_size(rank); ++i) blocks.local()[i] += 0.5;
  std::vector<double> y(x.size(), -1);
  Index done = 0;
  redistribution.to_home(
      chunk_rows, [&](Index first, Index) { return y.data() + first * layout.trailing(); },
      [&](Index first, Index count) {
        ASSERT_EQ(first, done);
        done += count;
      });
  EXPECT_EQ(done, layout.home().count(rank));
  for (std::size_t i = 0; i < x.size(); ++i) ASSERT_EQ(y[i], x[i] + 0.5);
}

class RedistributionTest : public testing::TestWithParam<Way> {
 protected:
  Communicator comm_ = Communicator::duplicate(MPI_COMM_WORLD);
};

TEST_P(RedistributionTest, BringsEveryEntryThereAndBack) {
  const std::vector<Extents> grids{{1, 1},   {1, 9},  {9, 1},    {2, 3},  {7, 5},
                                   {13, 31}, {64, 3}, {3, 1000}, {50, 61}};
  for (const Extents& grid : grids) {
    for (const Index chunk : {1, 4, 1000}) {
      check_round_trip(comm_, GetParam(), Layout(grid, 1, comm_.size()), chunk);
    }
  }
}

TEST_P(RedistributionTest, WorksForAnyGroupingOfManyModes) {
  for (int split = 0; split <= 5; ++split) {
    check_round_trip(comm_, GetParam(), Layout({3, 1, 4, 2, 5}, split, comm_.size()), 2);
  }
}

TEST_P(RedistributionTest, SendsLongRowsInSeveralRounds) {
  check_round_trip(comm_, GetParam(), Layout({11, 300'001}, 1, comm_.size()), 3);
  check_round_trip(comm_, GetParam(), Layout({5, 700'001}, 1, comm_.size()), 3);
  check_round_trip(comm_, GetParam(), Layout({9001, 101}, 1, comm_.size()), 32);
}

TEST_P(RedistributionTest, ReusesTheBlocksForLayoutsOfOtherSizes) {
  SharedBlocks blocks(comm_, GetParam().placement);
  for (const Extents& grid : {Extents{4, 6}, Extents{40, 7}, Extents{3, 2}}) {
    const Layout layout(grid, 1, comm_.size());
    Redistribution redistribution(blocks, layout, 0, GetParam().form);
    const auto x = indexed_rows(layout, comm_.rank());
    std::vector<double> y(x.size());
    redistribution.to_away(
        2, [&](Index first, Index) { return x.data() + first * layout.trailing(); });
    redistribution.to_home(
        3, [&](Index first, Index) { return y.data() + first * layout.trailing(); },
        [](Index, Index) {});
    EXPECT_EQ(x, y);
  }
}

TEST(Redistribution, LeavesTheOtherVectorOfItsBlocksAlone) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const Layout layout({9, 14}, 1, comm.size());
  for (const Form form : {Form::by_rank, Form::by_node}) {
    SharedBlocks blocks(comm);
    const Index offset = layout.largest_away_size();
    blocks.reserve(2 * offset);
    std::fill_n(blocks.local(), offset, -7.0);
    comm.barrier();
    Redistribution redistribution(blocks, layout, offset, form);
    const auto x = indexed_rows(layout, comm.rank());
    redistribution.to_away(
        4, [&](Index first, Index) { return x.data() + first * layout.trailing(); });
    for (Index i = 0; i < offset; ++i) ASSERT_EQ(blocks.local()[i], -7.0);
    if (layout.away_size(comm.rank()) > 0) {
      EXPECT_EQ(blocks.local()[offset], static_cast<double>(layout.away().begin(comm.rank())));
    }
    comm.barrier();
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, RedistributionTest,
                         testing::Values(Way{"Shared", Placement::automatic, Form::by_rank},
                                         Way{"Messages", Placement::private_memory, Form::by_rank},
                                         Way{"ByNode", Placement::automatic, Form::by_node},
                                         Way{"Faster", Placement::automatic, Form::faster}),
                         [](const auto& way) { return way.param.name; });

}  // namespace
}  // namespace kronwerk::communication
