#include "application/check/check.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "application/command_line/commands.hpp"
#include "application/command_line/terminal.hpp"
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

TEST_F(CheckTest, IsAnObjectForEachPartWhereThatIsAskedFor) {
  const std::string file = (folder_ / "file").string();
  communication::on_root(comm_, [&] { fs::copy_file("/proc/self/status", file); });
  set_output_style(OutputStyle::json);
  testing::internal::CaptureStdout();
  run_checks(comm_, failures_, file + "/folder");
  const std::string output = testing::internal::GetCapturedStdout();
  set_output_style(OutputStyle::text);
  if (!comm_.is_root()) return;
  EXPECT_EQ(std::ranges::count(output, '\n'), std::ssize(all_checks())) << output;
  EXPECT_NE(output.find("{\"check\": \"blas\", \"passed\": true, \"text\": "), std::string::npos);
  EXPECT_NE(output.find("{\"check\": \"files\", \"passed\": false, "), std::string::npos);
  EXPECT_NE(output.find("\"advice\": \"give --folder a directory"), std::string::npos) << output;
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
