#include "kronwerk/communication/communicator.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

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

TEST_F(CommunicatorTest, AFailureIsNeverWithoutAMessage) {
  const auto message_of = [&](const std::function<void()>& work) -> std::string {
    try {
      collectively(comm_, [&] {
        if (comm_.rank() == comm_.size() - 1) work();
      });
    } catch (const core::Error& error) {
      return error.what();
    }
    return "nothing was thrown";
  };
  const std::string last = "rank " + std::to_string(comm_.size() - 1) + " failed in the work at ";
  for (const std::string& message :
       {message_of([] { throw std::runtime_error(""); }), message_of([] { throw 5; }),
        message_of([] { throw core::DataError(""); })}) {
    EXPECT_EQ(message.substr(0, last.size()), last);
    EXPECT_NE(message.find("communicator_test.cpp:"), std::string::npos) << message;
  }
}

TEST_F(CommunicatorTest, AnAgreedErrorHasThePlaceOfTheAgreement) {
  const auto line = core::SourceLocation::current().line() + 2;
  try {
    collectively(comm_, [&] {
      if (comm_.is_root()) throw core::DataError("no good");
    });
    FAIL() << "nothing was thrown";
  } catch (const core::DataError& error) {
    EXPECT_EQ(error.where().line(), line);
  }
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
