#include "kronwerk/communication/communicator.hpp"

#include <gtest/gtest.h>

namespace kronwerk::communication {
namespace {

class CommunicatorTest : public testing::Test {
 protected:
  Communicator comm_ = Communicator::duplicate(MPI_COMM_WORLD);
};

TEST_F(CommunicatorTest, ReturnsErrorsInsteadOfAborting) {
  MPI_Errhandler handler = MPI_ERRHANDLER_NULL;
  MPI_Comm_get_errhandler(comm_.get(), &handler);
  EXPECT_EQ(handler, MPI_ERRORS_RETURN);
  EXPECT_THROW(check_mpi(MPI_Bcast(nullptr, 1, MPI_DATATYPE_NULL, 0, comm_.get())), core::MpiError);
}

TEST_F(CommunicatorTest, AFailureOfOneRankIsThrownOnEveryRank) {
  for (int failing = 0; failing < comm_.size(); ++failing) {
    try {
      collectively(comm_, [&] {
        if (comm_.rank() >= failing) {
          throw core::DataError("rank " + std::to_string(comm_.rank()) + " failed");
        }
      });
      FAIL() << "nothing was thrown";
    } catch (const core::DataError& error) {
      EXPECT_EQ(error.what(), "rank " + std::to_string(failing) + " failed");
    }
  }
}

TEST_F(CommunicatorTest, RunningOutOfMemoryBecomesAResourceError) {
  EXPECT_THROW(on_root(comm_, [] { throw std::bad_alloc(); }), core::ResourceError);
}

TEST_F(CommunicatorTest, CollectiveWorkThatSucceedsThrowsNothing) {
  int ran = 0;
  collectively(comm_, [&] { ++ran; });
  EXPECT_EQ(ran, 1);
}

TEST_F(CommunicatorTest, BroadcastsTextAndReduces) {
  EXPECT_EQ(comm_.broadcast(comm_.is_root() ? "a formula" : ""), "a formula");
  EXPECT_EQ(comm_.sum(core::Index{1}), comm_.size());
  EXPECT_EQ(comm_.max(core::Index{comm_.rank()}), comm_.size() - 1);
  EXPECT_TRUE(comm_.any(comm_.rank() == comm_.size() - 1));
  EXPECT_FALSE(comm_.any(false));
  EXPECT_EQ(comm_.node_count(), 1);
}

TEST_F(CommunicatorTest, MovingKeepsTheHandleOnce) {
  Communicator moved = std::move(comm_);
  EXPECT_EQ(comm_.get(), MPI_COMM_NULL);
  moved.barrier();
  comm_ = std::move(moved);
  comm_.barrier();
}

}  // namespace
}  // namespace kronwerk::communication
