#include "kronwerk/communication/traffic.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/communication/redistribution.hpp"
#include "kronwerk/communication/requests.hpp"
#include "kronwerk/distribution/node_map.hpp"

namespace kronwerk::communication {
namespace {

/// What MPI is handed while `work` runs.
template <typename Work>
Traffic traffic_of(Work&& work) {
  const Traffic before = traffic();
  work();
  const Traffic& now = traffic();
  return {now.messages - before.messages, now.message_bytes - before.message_bytes,
          now.collectives - before.collectives, now.shared_bytes - before.shared_bytes,
          now.waiting_nanoseconds - before.waiting_nanoseconds};
}

class TrafficTest : public testing::Test {
 protected:
  Communicator comm_ = Communicator::duplicate(MPI_COMM_WORLD);
};

TEST_F(TrafficTest, CountsCollectivesOfSeveralRanksOnly) {
  std::vector<double> values(5, 1.0);
  const Traffic used = traffic_of([&] {
    MPI_Allreduce(MPI_IN_PLACE, values.data(), 5, MPI_DOUBLE, MPI_SUM, comm_.get());
    MPI_Barrier(comm_.get());
    MPI_Barrier(MPI_COMM_SELF);
  });
  EXPECT_EQ(used.collectives, comm_.size() > 1 ? 2 : 0);
  EXPECT_EQ(used.message_bytes, comm_.size() > 1 ? 40 : 0);
  EXPECT_EQ(used.messages, 0);
}

TEST_F(TrafficTest, CountsTheRootOfABroadcast) {
  std::vector<double> values(7, 1.0);
  const Traffic used = traffic_of([&] { MPI_Bcast(values.data(), 7, MPI_DOUBLE, 0, comm_.get()); });
  EXPECT_EQ(used.message_bytes, comm_.is_root() && comm_.size() > 1 ? 56 : 0);
}

TEST_F(TrafficTest, CountsMessagesAndTheirBytes) {
  // Round the ring, in pieces of two values at most.
  const int next = (comm_.rank() + 1) % comm_.size();
  const int previous = (comm_.rank() + comm_.size() - 1) % comm_.size();
  const std::vector<double> sent(5, comm_.rank());
  std::vector<double> received(5, -1);
  const Traffic used = traffic_of([&] {
    Requests requests(2);
    requests.receive(received.data(), 5, previous, comm_.get());
    requests.send(sent.data(), 5, next, comm_.get());
    requests.wait();
  });
  EXPECT_EQ(received, std::vector<double>(5, previous));
  EXPECT_EQ(used.messages, 3);
  EXPECT_EQ(used.message_bytes, 40);
  EXPECT_EQ(used.collectives, 0);
}

TEST_F(TrafficTest, TimesCallsThatWaitForOtherRanks) {
  EXPECT_GT(traffic_of([&] { MPI_Barrier(comm_.get()); }).waiting_nanoseconds, 0);
}

TEST_F(TrafficTest, CountsWhatLeavesARankInARedistribution) {
  const distribution::Layout layout({6, 10}, 1, comm_.size());
  SharedBlocks blocks(comm_);
  Redistribution redistribution(blocks, layout);
  const auto size = static_cast<std::size_t>(layout.home_size(comm_.rank()));
  const std::vector<double> block(size, 1.0);
  const Traffic used = traffic_of([&] {
    redistribution.to_away(2, [&](core::Index first, core::Index) {
      return block.data() + first * layout.trailing();
    });
  });
  // Every value whose column another rank owns leaves: by messages or through shared memory.
  const core::Index kept = layout.home().count(comm_.rank()) * layout.away().count(comm_.rank());
  const core::Index leaving = (layout.home_size(comm_.rank()) - kept) * 8;
  const bool one_node = comm_.node().size() == comm_.size();
  EXPECT_TRUE(!one_node || used.messages == 0);
  const core::Index left = used.shared_bytes + (used.messages > 0 ? used.message_bytes : 0);
  EXPECT_GE(left, leaving);
  EXPECT_LE(left, leaving + 8 * used.collectives);  // where these are compared before, by a number
}

TEST_F(TrafficTest, OneMessageGoesToEachOtherNodeByNode) {
  const distribution::Layout layout({60, 100}, 1, comm_.size());
  SharedBlocks blocks(comm_);
  Redistribution redistribution(blocks, layout, 0, Redistribution::Form::by_node);
  const std::vector<double> block(static_cast<std::size_t>(layout.home_size(comm_.rank())), 1.0);
  const Traffic used = traffic_of([&] {
    redistribution.to_away(8, [&](core::Index first, core::Index) {
      return block.data() + first * layout.trailing();
    });
  });
  EXPECT_EQ(used.messages, comm_.node_count() - 1);
  const auto& nodes = comm_.nodes();
  const core::Index rows = layout.home().count(comm_.rank());
  core::Index bytes = 0;
  for (int rank = 0; rank < comm_.size(); ++rank) {
    if (nodes.node_of(rank) == nodes.node_of(comm_.rank())) continue;
    bytes += 8 * rows * layout.away().count(rank);
  }
  EXPECT_GE(used.message_bytes, bytes);
  EXPECT_LE(used.message_bytes, bytes + 8 * used.collectives);
}

TEST_F(TrafficTest, WarmRedistributionsAgreeOnNothing) {
  const distribution::Layout layout({6, 10}, 1, comm_.size());
  SharedBlocks blocks(comm_);
  blocks.reserve(layout.largest_away_size());
  const std::vector<double> block(static_cast<std::size_t>(layout.home_size(comm_.rank())), 1.0);
  std::vector<double> result(block.size());
  const Traffic used = traffic_of([&] {
    Redistribution redistribution(blocks, layout);
    redistribution.to_away(2, [&](core::Index first, core::Index) {
      return block.data() + first * layout.trailing();
    });
    redistribution.to_home(
        2,
        [&](core::Index first, core::Index) { return result.data() + first * layout.trailing(); },
        [](core::Index, core::Index) {});
  });
  // Three barriers of the node, each compared before where calls are checked.
  EXPECT_LE(used.collectives, comm_.node().size() > 1 ? 6 : 0);
  EXPECT_EQ(result, block);
}

}  // namespace
}  // namespace kronwerk::communication
