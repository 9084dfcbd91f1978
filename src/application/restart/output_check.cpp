#include "application/restart/output_check.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <vector>

#include "kronwerk/core/error.hpp"
#include "kronwerk/io/files/same_file.hpp"

namespace kronwerk::application {
namespace {

using configuration::FileUse;
using configuration::Job;

/// What the job writes, replaces or removes, and how to say so.
struct Written {
  std::string file;
  const char* what;
};

std::vector<Written> written_files(const Job& job) {
  return {{job.output.file, "the result"}, {job.output.file + ".state", "the state of the job"}};
}

[[noreturn]] void refuse(const Job& job, const Written& written, const std::string& read) {
  throw core::ConfigurationError(
      fmt::format("{}: {} would be written to {}, which is {}; that would destroy it, so choose "
                  "another name",
                  job.where(job.output.position), written.what, written.file, read));
}

std::string text_of(const Job& job, const FileUse& use) {
  return fmt::format("the file {} of '{}' ({})", use.file, use.key, job.where(use.position));
}

void check_state_directory(const Job& job, const FileUse& use) {
  const std::string directory = job.output.file + ".state";
  const auto parent = std::filesystem::path(use.file).parent_path();
  if (parent.empty() || !io::same_file(parent.string(), directory)) return;
  refuse(job, {directory, "the state of the job"}, "where " + text_of(job, use) + " is");
}

}  // namespace

void check_output(const communication::Communicator& comm, const Job& job) {
  communication::on_root(comm, [&] {
    for (const Written& written : written_files(job)) {
      if (io::same_file(written.file, job.file)) refuse(job, written, "this configuration");
      for (const FileUse& use : job.files) {
        if (io::same_file(written.file, use.file)) refuse(job, written, text_of(job, use));
      }
    }
    for (const FileUse& use : job.files) check_state_directory(job, use);
  });
}

void check_log(const communication::Communicator& comm, const Job& job, const std::string& log) {
  if (log.empty()) return;
  communication::on_root(comm, [&] {
    const auto refuse_log = [&](const std::string& what) {
      throw core::ConfigurationError(
          fmt::format("--log {}: is {}; lines added to it would destroy it, so choose another name",
                      log, what));
    };
    if (io::same_file(log, job.file)) refuse_log("this configuration");
    if (io::same_file(log, job.output.file)) refuse_log("the result of the job");
    for (const FileUse& use : job.files) {
      if (io::same_file(log, use.file)) refuse_log(text_of(job, use));
    }
  });
}

}  // namespace kronwerk::application
