#include "application/fit/fit_checkpoint.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "kronwerk/core/error.hpp"

namespace kronwerk::application {
namespace {

// Between the configuration and the state; no line of YAML or of a state is like it.
const std::string separator = "\n=== state of the fit ===\n";
// Of what is being written, after the process: ranks of a killed job may live on for a moment.
constexpr const char* part = ".part";

}  // namespace

namespace {

/// The file then has all of `text` or does not exist, after a crash of the node too.
void write_whole(const std::string& file, const std::string& text) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  bool written = descriptor >= 0;
  for (std::size_t done = 0; written && done < text.size();) {
    const ssize_t count = ::write(descriptor, text.data() + done, text.size() - done);
    if (count > 0) done += static_cast<std::size_t>(count);
    written = count > 0 || errno == EINTR;
  }
  written = written && ::fsync(descriptor) == 0;
  const int problem = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (written) return;
  ::unlink(file.c_str());
  throw core::ResourceError(fmt::format(
      "{}: cannot be written, and with it the state of the fit: {}", file, std::strerror(problem)));
}

}  // namespace

void FitCheckpoint::write(const models::FitState& state) const {
  if (stages_->runs_again()) return;
  communication::on_root(*comm_, [&] {
    const std::string target = file();
    const std::string temporary = fmt::format("{}.{}{}", target, ::getpid(), part);
    write_whole(temporary, job_->text + separator + models::to_text(state));
    std::filesystem::rename(temporary, target);
  });
}

std::optional<models::FitState> FitCheckpoint::read() const {
  if (stages_->runs_again()) return std::nullopt;
  std::string text;
  communication::on_root(*comm_, [&] {
    std::ifstream stream(file(), std::ios::binary);
    std::ostringstream whole;
    whole << stream.rdbuf();
    text = whole.str();
  });
  text = comm_->broadcast(std::move(text));
  if (text.empty()) return std::nullopt;
  const std::size_t end = text.rfind(separator);
  if (end == std::string::npos || text.substr(0, end) != job_->text) {
    stages_->warn(fmt::format("{}: belongs to another configuration; the fit begins anew", file()));
    return std::nullopt;
  }
  return models::parse_fit_state(text.substr(end + separator.size()));
}

void FitCheckpoint::remove(const communication::Communicator& comm, const configuration::Job& job) {
  communication::on_root(comm, [&] {
    std::error_code ignored;
    std::filesystem::remove(file_of(job), ignored);
    // And what killed jobs left.
    const std::filesystem::path target(file_of(job));
    const std::string name = target.filename().string() + ".";
    const auto folder = target.has_parent_path() ? target.parent_path() : ".";
    for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
      const std::string other = entry.path().filename().string();
      if (other.starts_with(name) && other.ends_with(part)) {
        std::filesystem::remove(entry.path(), ignored);
      }
    }
  });
}

}  // namespace kronwerk::application
