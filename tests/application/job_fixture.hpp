#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "application/command_line/commands.hpp"
#include "application/session/session.hpp"
#include "kronwerk/io/files/data_file.hpp"
#include "kronwerk/io/hdf5/read.hpp"
#include "support/shared_directory.hpp"

namespace kronwerk::application {

/// Jobs in process, in a directory of their own: "data.h5" goes in, "out.h5" comes out.
class JobFixture : public testing::Test {
 protected:
  using Numbers = std::vector<double>;
  using Shape = std::vector<core::Index>;

  void make_data(const std::function<void(io::DataFile&)>& fill) const {
    communication::on_root(comm_, [&] {
      io::DataFile file(path("data.h5"), true);
      fill(file);
      file.commit();
    });
  }
  /// The job with `output` added, unless the text has one.
  Outcome run(std::string text, const std::vector<std::string>& overrides = {}) const {
    if (text.find("output:") == std::string::npos) {
      text += "output: {file: out.h5, overwrite: true}\n";
    }
    if (comm_.is_root()) std::ofstream(path("job.yaml")) << text;
    comm_.barrier();
    CommandLine line;
    line.command = Command::run;
    line.file = path("job.yaml");
    line.quiet = true;
    line.overrides = overrides;
    Outcome outcome =
        agree_on_outcome(failures_, [&] { run_job(comm_, load_job(comm_, line), true); });
    const core::Index speaker =
        comm_.max(outcome.message.empty() ? core::Index{-1} : core::Index{comm_.rank()});
    if (speaker >= 0) outcome.message = comm_.broadcast(outcome.message, static_cast<int>(speaker));
    return outcome;
  }
  void expect_done(const std::string& text, const std::vector<std::string>& overrides = {}) const {
    const Outcome outcome = run(text, overrides);
    EXPECT_EQ(outcome.code, 0) << outcome.message;
  }
  void expect_refused(const std::string& text, const std::string& part) const {
    const Outcome outcome = run(text);
    EXPECT_EQ(outcome.code, 2) << text;
    EXPECT_NE(outcome.message.find(part), std::string::npos) << outcome.message;
  }
  Numbers read(const std::string& dataset, const std::string& file = "out.h5") const {
    const io::Location location{path(file), dataset};
    Numbers values(static_cast<std::size_t>(core::product(io::inspect(comm_, location).shape)));
    io::read_range(comm_, location, 0, values, true);
    return values;
  }
  std::string path(const std::string& file) const { return folder_.name() + "/" + file; }

  communication::Communicator comm_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
  communication::Communicator failures_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
  SharedDirectory folder_{comm_};
};

}  // namespace kronwerk::application
