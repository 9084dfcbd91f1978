#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "application/command_line/commands.hpp"
#include "application/session/session.hpp"
#include "kronwerk/io/files/data_file.hpp"
#include "kronwerk/io/hdf5/read.hpp"
#include "kronwerk/operators/petsc/petsc.hpp"
#include "support/shared_directory.hpp"

namespace kronwerk::application {

/// Runs whole jobs in this process, in a directory of their own: "data.h5" goes in, "out.h5" comes
/// out. All collective.
class JobTest : public testing::Test {
 protected:
  using Numbers = std::vector<double>;
  using Shape = std::vector<core::Index>;

  explicit JobTest(const std::filesystem::path& parent = std::filesystem::temp_directory_path())
      : temporary_(comm_, parent) {
    // As the program does: PETSc's errors become exceptions and are not printed.
    operators::check_petsc(PetscPushErrorHandler(PetscReturnErrorHandler, nullptr));
  }
  ~JobTest() override { PetscPopErrorHandler(); }

  std::string path(const std::string& file) const { return directory_ + "/" + file; }
  void make_data(const std::function<void(io::DataFile&)>& fill) const {
    communication::on_root(comm_, [&] {
      io::DataFile file(path("data.h5"), true);
      fill(file);
      file.commit();
    });
  }
  /// Runs the job file that is there.
  Outcome run_file(const std::vector<std::string>& overrides = {}) const {
    comm_.barrier();
    CommandLine line;
    line.command = Command::run;
    line.file = path("job.yaml");
    line.quiet = true;
    line.overrides = overrides;
    Outcome outcome =
        agree_on_outcome(failures_, [&] { run_job(comm_, load_job(comm_, line), true); });
    const bool speaks = !outcome.message.empty();
    const int speaker = static_cast<int>(comm_.max(speaks ? core::Index{comm_.rank()} : -1));
    if (speaker >= 0) outcome.message = comm_.broadcast(outcome.message, speaker);
    return outcome;
  }
  /// @param text  of the job file; where it names no output, that is out.h5, which may exist
  Outcome run(std::string text, const std::vector<std::string>& overrides = {}) const {
    if (text.find("output:") == std::string::npos) {
      text += "\noutput: {file: out.h5, overwrite: true}\n";
    }
    if (comm_.is_root()) std::ofstream(path("job.yaml")) << text;
    return run_file(overrides);
  }
  /// A whole dataset, on every rank. @param nonfinite  whether NaN and Inf may be there
  Numbers read(const std::string& dataset, const std::string& file = "out.h5",
               bool nonfinite = false) const {
    const io::Location location{path(file), dataset};
    Numbers values(static_cast<std::size_t>(core::product(io::inspect(comm_, location).shape)));
    io::read_range(comm_, location, 0, values, nonfinite);
    return values;
  }
  void expect_done(const std::string& text, const std::vector<std::string>& overrides = {}) const {
    const Outcome outcome = run(text, overrides);
    EXPECT_EQ(outcome.code, 0) << outcome.message;
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
