#include "application/check/check.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "application/command_line/commands.hpp"
#include "kronwerk/core/error.hpp"
#include "support/shared_directory.hpp"

namespace kronwerk::application {
namespace {

namespace fs = std::filesystem;

class CheckTest : public testing::Test {
 protected:
  communication::Communicator comm_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
  communication::Communicator failures_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
  SharedDirectory directory_{comm_};
  fs::path folder_ = directory_.name();
};

TEST_F(CheckTest, PassesOnThisMachineAndLeavesNothing) {
  testing::internal::CaptureStdout();
  const int failed = run_checks(comm_, failures_, folder_.string());
  const std::string output = testing::internal::GetCapturedStdout();
  EXPECT_EQ(failed, 0) << output;
  if (comm_.is_root()) {
    for (const Check& check : all_checks()) {
      EXPECT_NE(output.find(check.name), std::string::npos) << check.name;
    }
  } else {
    EXPECT_EQ(output, "");
  }
  comm_.barrier();
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(CheckTest, SaysWhatFailsAndWhatToDoAndGoesOn) {
  // No directory can be made below a file.
  const std::string file = (folder_ / "file").string();
  communication::on_root(comm_, [&] { fs::copy_file("/proc/self/status", file); });
  testing::internal::CaptureStdout();
  const int failed = run_checks(comm_, failures_, file + "/folder");
  const std::string output = testing::internal::GetCapturedStdout();
  EXPECT_EQ(failed, 2) << output;  // the file, and the job, which has its data there
  if (comm_.is_root()) {
    EXPECT_NE(output.find("files       FAILED"), std::string::npos) << output;
    EXPECT_NE(output.find("give --folder a directory"), std::string::npos) << output;
    EXPECT_NE(output.find("blas        ok"), std::string::npos) << output;
  }
  CommandLine line;
  line.folder = file + "/folder";
  testing::internal::CaptureStdout();
  EXPECT_THROW(check_installation(comm_, failures_, line), core::InternalError);
  testing::internal::GetCapturedStdout();
}

}  // namespace
}  // namespace kronwerk::application
