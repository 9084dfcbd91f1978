#include "kronwerk/kernels/reductions/ring.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kronwerk::kernels {
namespace {

using communication::Communicator;

/// Variables whose values are their own places: component c of point p of `wide` is 10 p + c.
Side numbered(Index count) {
  Side side{0, count, {}};
  Cloud& wide = side.variables["wide"];
  wide = {3, count, std::vector<double>(static_cast<std::size_t>(3 * count))};
  Cloud& narrow = side.variables["narrow"];
  narrow = {1, count, std::vector<double>(static_cast<std::size_t>(count))};
  for (Index p = 0; p < count; ++p) {
    for (int c = 0; c < 3; ++c) {
      wide.values[static_cast<std::size_t>(c * count + p)] = static_cast<double>(10 * p + c);
    }
    narrow.values[static_cast<std::size_t>(p)] = -static_cast<double>(p);
  }
  return side;
}

class RingTest : public testing::TestWithParam<Index> {
 protected:
  Communicator comm_ = Communicator::duplicate(MPI_COMM_WORLD);
};

TEST_P(RingTest, ShowsEveryRankEveryPointOnceItsOwnFirst) {
  const Index count = GetParam();
  const DistributedSide side = distribute(comm_, numbered(count));
  std::vector<int> seen(static_cast<std::size_t>(count), 0);
  int blocks = 0;
  visit_ring(comm_, side, {"wide", "narrow"},
             [&](const Side& block, const std::function<void()>& progress) {
               if (blocks++ == 0) {
                 EXPECT_EQ(block.first, side.local.first);
               }
               const Cloud& wide = block.variables.at("wide");
               const Cloud& narrow = block.variables.at("narrow");
               ASSERT_EQ(wide.count, block.count);
               ASSERT_EQ(narrow.count, block.count);
               for (Index p = 0; p < block.count; ++p) {
                 const Index point = block.first + p;
                 ++seen.at(static_cast<std::size_t>(point));
                 for (int c = 0; c < 3; ++c) {
                   EXPECT_EQ(wide.values.at(static_cast<std::size_t>(c * block.count + p)),
                             static_cast<double>(10 * point + c));
                 }
                 EXPECT_EQ(narrow.values.at(static_cast<std::size_t>(p)),
                           -static_cast<double>(point));
                 progress();
               }
             });
  EXPECT_EQ(blocks, comm_.size());
  EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), count);
}

TEST_P(RingTest, OnlyTheNamedVariablesTravel) {
  const DistributedSide side = distribute(comm_, numbered(GetParam()));
  int blocks = 0;
  visit_ring(comm_, side, {"narrow"}, [&](const Side& block, const std::function<void()>&) {
    EXPECT_EQ(block.variables.count("narrow"), 1U);
    if (blocks++ > 0) {
      EXPECT_EQ(block.variables.count("wide"), 0U);
    }
  });
}

TEST_P(RingTest, AFailureOnOneRankIsEverybodysAndNobodyWaits) {
  const DistributedSide side = distribute(comm_, numbered(GetParam()));
  const int failing = comm_.size() - 1;
  int visits = 0;
  EXPECT_THROW(visit_ring(comm_, side, {"wide"},
                          [&](const Side&, const std::function<void()>&) {
                            ++visits;
                            if (comm_.rank() == failing)
                              throw core::DataError("the last rank fails");
                          }),
               core::DataError);
  EXPECT_EQ(visits, comm_.rank() == failing ? 1 : comm_.size());
  // The ring is whole again.
  visits = 0;
  visit_ring(comm_, side, {"wide"}, [&](const Side&, const std::function<void()>&) { ++visits; });
  EXPECT_EQ(visits, comm_.size());
}

INSTANTIATE_TEST_SUITE_P(Counts, RingTest, testing::Values(0, 1, 2, 3, 13, 1000));

TEST(Ring, LargeMessagesTravelWhileBlocksAreWorkedOn) {
  // Beyond what MPI sends before it is asked for.
  const Communicator comm = Communicator::duplicate(MPI_COMM_WORLD);
  const Index count = 300'000;
  const DistributedSide side = distribute(comm, numbered(count));
  double total = 0;
  visit_ring(comm, side, {"narrow"}, [&](const Side& block, const std::function<void()>& progress) {
    for (int piece = 0; piece < 10; ++piece) progress();
    const auto& values = block.variables.at("narrow").values;
    total = std::accumulate(values.begin(), values.end(), total);
  });
  EXPECT_EQ(total, -0.5 * static_cast<double>(count) * static_cast<double>(count - 1));
}

TEST(Ring, SidesThatDoNotConformAreRefusedOnEveryRank) {
  const Communicator comm = Communicator::duplicate(MPI_COMM_WORLD);
  const auto ignore = [](const Side&, const std::function<void()>&) {};
  const int last = comm.size() - 1;
  DistributedSide side = distribute(comm, numbered(13));
  EXPECT_THROW(visit_ring(comm, side, {"wide", "missing"}, ignore), core::ShapeError);
  DistributedSide shifted = side;
  if (comm.rank() == last) ++shifted.local.first;
  EXPECT_THROW(visit_ring(comm, shifted, {"wide"}, ignore), core::ShapeError);
  DistributedSide narrow = side;
  if (comm.rank() == last) {
    narrow.local.variables.at("wide") = side.local.variables.at("narrow");
  }
  if (comm.size() > 1) {
    EXPECT_THROW(visit_ring(comm, narrow, {"wide"}, ignore), core::ShapeError);
  }
  DistributedSide cut = side;
  if (comm.rank() == last) cut.local.variables.at("wide").values.pop_back();
  EXPECT_THROW(visit_ring(comm, cut, {"wide"}, ignore), core::ShapeError);
  DistributedSide other = side;
  other.partition = distribution::BlockPartition(13, comm.size() + 1);
  EXPECT_THROW(visit_ring(comm, other, {"wide"}, ignore), core::ShapeError);
}

}  // namespace
}  // namespace kronwerk::kernels
