#include "application/measure/measure.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "support/shared_directory.hpp"

namespace kronwerk::application {
namespace {

class MeasureTest : public testing::Test {
 protected:
  communication::Communicator comm_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
  Bench bench_{comm_};
};

TEST_F(MeasureTest, WorkIsDoneByOneRankAloneAndThenByAll) {
  int calls = 0;
  const auto seconds = bench_.time([&] { ++calls; });
  EXPECT_GT(calls, 3);
  EXPECT_EQ(seconds.one_rank, comm_.max(seconds.one_rank));
  EXPECT_EQ(seconds.all_ranks, comm_.max(seconds.all_ranks));
  EXPECT_GT(seconds.all_ranks, 0);
}

TEST_F(MeasureTest, AFailureOfTheRankAloneIsThatOfAll) {
  EXPECT_THROW(static_cast<void>(bench_.time([&] {
                 if (comm_.is_root()) throw core::ResourceError("no memory");
               })),
               core::ResourceError);
  comm_.barrier();
}

TEST_F(MeasureTest, AFailureOfAnyRankIsThatOfAll) {
  if (comm_.size() == 1) return;
  EXPECT_THROW(static_cast<void>(bench_.time([&] {
                 if (!comm_.is_root()) throw core::ResourceError("no memory");
               })),
               core::ResourceError);
  comm_.barrier();
}

TEST_F(MeasureTest, MessagesArePricedWhereThereAreSome) {
  configuration::Machine machine;
  measure_messages(bench_, machine);
  ASSERT_FALSE(machine.reduction_ranks.empty());
  EXPECT_EQ(machine.reduction_ranks.back(), comm_.size());
  EXPECT_EQ(machine.reduction_ranks.size(), machine.reduction_microseconds.size());
  EXPECT_EQ(machine.between_nodes.latency_microseconds > 0, comm_.node_count() > 1);
  const bool neighbours = comm_.node_count() < comm_.size();
  EXPECT_EQ(machine.within_node.gigabytes_per_second > 0, neighbours);
}

TEST_F(MeasureTest, FilesAreMeasuredAndLeaveNothing) {
  const SharedDirectory directory(comm_);
  const std::string& folder = directory.name();
  configuration::Machine machine;
  measure_files(bench_, folder, machine);
  EXPECT_GT(machine.file_read.one_rank, 0);
  EXPECT_GT(machine.file_write.all_ranks, 0);
  EXPECT_GT(machine.file_open_milliseconds, 0);
  comm_.barrier();
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

}  // namespace
}  // namespace kronwerk::application
