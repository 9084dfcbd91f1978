// The debug mode that compares what the ranks do together.
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>

#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::communication {
namespace {

class CallCheckTest : public testing::Test {
 protected:
  static Communicator checked() {
    const char* before = std::getenv("KRONWERK_CHECK_COLLECTIVES");
    const std::string kept = before != nullptr ? before : "";
    setenv("KRONWERK_CHECK_COLLECTIVES", "1", 1);
    Communicator comm = Communicator::duplicate(MPI_COMM_WORLD);
    if (before != nullptr) {
      setenv("KRONWERK_CHECK_COLLECTIVES", kept.c_str(), 1);
    } else {
      unsetenv("KRONWERK_CHECK_COLLECTIVES");
    }
    return comm;
  }

  /// The message with which every rank is refused; "" if this one is not.
  static std::string refusal(const std::function<void()>& work) {
    try {
      work();
    } catch (const core::InternalError& error) {
      return error.what();
    }
    return "";
  }

  static std::string place(int line) {
    return "tests/communication/call_check_test.cpp:" + std::to_string(line);
  }

  Communicator comm_ = checked();
};

TEST_F(CallCheckTest, RanksInDifferentPlacesAreToldBoth) {
  if (comm_.size() == 1) GTEST_SKIP() << "needs two ranks";
  const int line = __LINE__;
  const std::string message = refusal([&] {
    if (comm_.rank() + 1 < comm_.size()) {
      collectively(comm_, [] {});
    }
    comm_.sum(1.0);
  });
  EXPECT_NE(message.find("collectively at " + place(line + 3)), std::string::npos) << message;
  EXPECT_NE(message.find("sum of 1 at " + place(line + 5)), std::string::npos) << message;
  EXPECT_NE(message.find("rank " + std::to_string(comm_.size() - 1)), std::string::npos) << message;
}

TEST_F(CallCheckTest, RanksWithDifferentCountsOrRootsAreRefused) {
  if (comm_.size() == 1) GTEST_SKIP() << "needs two ranks";
  std::vector<double> values(comm_.rank() == 1 ? 3U : 2U);
  EXPECT_NE(refusal([&] { comm_.sum(values); }).find("rank 1 makes 'sum of 3"), std::string::npos);
  EXPECT_NE(
      refusal([&] { comm_.broadcast("text", comm_.rank() == 1 ? 1 : 0); }).find("from rank 1"),
      std::string::npos);
}

TEST_F(CallCheckTest, ALineThatSomeRanksReachOnceMoreIsFound) {
  if (comm_.size() == 1) GTEST_SKIP() << "needs two ranks";
  const std::string message = refusal([&] {
    for (int i = 0; i < (comm_.is_root() ? 2 : 1); ++i) on_root(comm_, [] {});
    comm_.barrier();
  });
  EXPECT_NE(message.find("collectively at "), std::string::npos) << message;
  EXPECT_NE(message.find("barrier at "), std::string::npos) << message;
}

TEST_F(CallCheckTest, WorkThatIsAgreedOnMustNotCommunicate) {
  const std::string message =
      refusal([&] { collectively(comm_, [&] { static_cast<void>(comm_.any(true)); }); });
  EXPECT_NE(message.find("inside the work"), std::string::npos) << message;
  EXPECT_EQ(comm_.sum(core::Index{1}), comm_.size());
}

TEST_F(CallCheckTest, CallsThatFitGoThrough) {
  for (int i = 0; i < 3; ++i) {
    collectively(comm_, [] {});
    EXPECT_EQ(comm_.max(core::Index{i}), i);
    comm_.barrier();
  }
  EXPECT_EQ(comm_.node().size() > 0, true);
  const Communicator moved = std::move(comm_);
  EXPECT_EQ(moved.gather_all(1.0).size(), static_cast<std::size_t>(moved.size()));
}

TEST_F(CallCheckTest, OneRankThatAsksForItIsEnough) {
  const int last = comm_.size() - 1;
  const char* before = std::getenv("KRONWERK_CHECK_COLLECTIVES");
  if (before != nullptr) GTEST_SKIP() << "every rank asks for it";
  if (comm_.rank() == last) setenv("KRONWERK_CHECK_COLLECTIVES", "1", 1);
  const Communicator comm = Communicator::duplicate(MPI_COMM_WORLD);
  unsetenv("KRONWERK_CHECK_COLLECTIVES");
  EXPECT_NE(refusal([&] { collectively(comm, [&] { comm.barrier(); }); }), "");
}

}  // namespace
}  // namespace kronwerk::communication
