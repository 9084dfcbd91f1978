#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "application/command_line/commands.hpp"
#include "application/session/session.hpp"
#include "kronwerk/io/hdf5/read.hpp"
#include "kronwerk/operators/petsc/petsc.hpp"
#include "support/shared_directory.hpp"

namespace kronwerk::application {

/// Runs whole jobs in this process, in a directory of their own. All collective.
class JobTest : public testing::Test {
 protected:
  explicit JobTest(const std::filesystem::path& parent = std::filesystem::temp_directory_path())
      : temporary_(comm_, parent) {
    // As the program does: PETSc's errors become exceptions and are not printed.
    operators::check_petsc(PetscPushErrorHandler(PetscReturnErrorHandler, nullptr));
  }
  ~JobTest() override { PetscPopErrorHandler(); }

  /// Runs the job file that is there.
  Outcome run_file() const {
    comm_.barrier();
    CommandLine line;
    line.command = Command::run;
    line.file = directory_ + "/job.yaml";
    line.quiet = true;
    Outcome outcome =
        agree_on_outcome(failures_, [&] { run_job(comm_, load_job(comm_, line), true); });
    const bool speaks = !outcome.message.empty();
    const int speaker = static_cast<int>(comm_.max(speaks ? core::Index{comm_.rank()} : -1));
    if (speaker >= 0) outcome.message = comm_.broadcast(outcome.message, speaker);
    return outcome;
  }
  /// @param text  of the job file but for its output, which may exist
  Outcome run(const std::string& text, const std::string& output = "out.h5") const {
    if (comm_.is_root()) {
      std::ofstream(directory_ + "/job.yaml")
          << text << "\noutput: {file: " << output << ", overwrite: true}\n";
    }
    return run_file();
  }
  /// A whole dataset, on every rank.
  std::vector<double> read(const std::string& dataset, const std::string& file = "out.h5") const {
    const io::Location location{directory_ + "/" + file, dataset};
    std::vector<double> values(
        static_cast<std::size_t>(core::product(io::inspect(comm_, location).shape)));
    io::read_range(comm_, location, 0, values);
    return values;
  }
  void expect_refused(const std::string& text, const std::string& part, int code = 2) const {
    const Outcome outcome = run(text);
    EXPECT_EQ(outcome.code, code) << text;
    EXPECT_NE(outcome.message.find(part), std::string::npos) << outcome.message;
  }

  communication::Communicator comm_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
  communication::Communicator failures_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
  SharedDirectory temporary_;
  const std::string& directory_ = temporary_.name();
};

}  // namespace kronwerk::application
