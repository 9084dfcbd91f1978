#include "application/fit_checkpoint.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "kronwerk/core/error.hpp"

namespace kronwerk::application {
namespace {

// Between the configuration and the state; no line of YAML or of a state is like it.
const std::string separator = "\n=== state of the fit ===\n";

}  // namespace

void FitCheckpoint::write(const models::FitState& state) const {
  communication::on_root(*comm_, [&] {
    const std::string target = file();
    const std::string temporary = target + ".part";
    {
      std::ofstream stream(temporary, std::ios::binary | std::ios::trunc);
      stream << job_->text << separator << models::to_text(state);
      stream.flush();
      if (!stream) {
        throw core::ResourceError(
            fmt::format("{}: cannot be written, and with it the state of the fit", temporary));
      }
    }
    std::filesystem::rename(temporary, target);
  });
}

std::optional<models::FitState> FitCheckpoint::read() const {
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
  });
}

}  // namespace kronwerk::application
