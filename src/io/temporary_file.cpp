#include "io/temporary_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <utility>

#include "io/file_descriptor.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::io {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view suffix = ".part";
// A job on another host cannot be asked whether it lives; one that has not written for so long is
// taken for dead.
constexpr auto abandoned_after = std::chrono::hours(24);

std::string host_name() {
  std::array<char, 256> buffer{};
  if (::gethostname(buffer.data(), buffer.size() - 1) != 0) return "unknown";
  return buffer.data();
}

// Clock ticks between the machine's start and the process's: tells a process from a later one of
// the same number. "" if there is no such process.
std::string start_ticks(long process) {
  std::ifstream file(fmt::format("/proc/{}/stat", process));
  std::string text;
  std::getline(file, text);
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return "";
  std::size_t position = name_end + 1;
  for (int field = 3; field < 22; ++field) position = text.find(' ', position + 1);
  if (position == std::string::npos) return "";
  return text.substr(position + 1, text.find(' ', position + 1) - position - 1);
}

std::string job_id() {
  const long process = ::getpid();
  return fmt::format("{}-{}-{}", host_name(), process, start_ticks(process));
}

std::string temporary_name(const fs::path& target) {
  const auto directory = target.parent_path();
  static int count = 0;
  const auto name =
      fmt::format("{}.{}-{}{}", target.filename().string(), job_id(), count++, suffix);
  return (directory / name).string();
}

struct Owner {
  std::string host;
  long process = 0;
  std::string started;
};

// Takes "<host>-<process>-<ticks>-<count>" apart; the host may itself contain hyphens.
std::optional<Owner> parse_owner(std::string_view id) {
  std::array<std::string_view, 3> parts;
  for (auto& part : parts) {
    const auto hyphen = id.rfind('-');
    if (hyphen == std::string_view::npos) return std::nullopt;
    part = id.substr(hyphen + 1);
    id = id.substr(0, hyphen);
  }
  Owner owner{std::string(id), 0, std::string(parts[1])};
  const auto number = parts[2];
  const auto result = std::from_chars(number.data(), number.data() + number.size(), owner.process);
  if (result.ec != std::errc{} || owner.process <= 0) return std::nullopt;
  return owner;
}

bool is_abandoned(const fs::path& file, const Owner& owner) {
  if (owner.host == host_name()) {
    return (::kill(static_cast<pid_t>(owner.process), 0) != 0 && errno == ESRCH) ||
           start_ticks(owner.process) != owner.started;
  }
  std::error_code error;
  const auto written = fs::last_write_time(file, error);
  return !error && fs::file_time_type::clock::now() - written > abandoned_after;
}

void remove_abandoned(const fs::path& target) {
  const std::string prefix = target.filename().string() + ".";
  const auto directory = target.has_parent_path() ? target.parent_path() : fs::path(".");
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix) || !name.ends_with(suffix)) continue;
    if (name.size() <= prefix.size() + suffix.size()) continue;
    const auto owner = parse_owner(
        std::string_view(name).substr(prefix.size(), name.size() - prefix.size() - suffix.size()));
    std::error_code ignored;
    if (owner && is_abandoned(entry.path(), *owner)) fs::remove(entry.path(), ignored);
  }
}

void throw_exists(const std::string& target) {
  throw core::ConfigurationError(fmt::format(
      "{}: exists already; choose another name or allow overwriting (overwrite: true)", target));
}

void create_directory_of(const fs::path& target) {
  const auto directory = target.parent_path();
  if (directory.empty()) return;
  std::error_code error;
  fs::create_directories(directory, error);
  if (error == std::errc::no_space_on_device) throw_write_error(directory.string(), ENOSPC);
  if (!fs::is_directory(directory)) {
    throw core::ConfigurationError(
        fmt::format("{}: the output directory cannot be created ({})", directory.string(),
                    error ? error.message() : "it exists and is no directory"));
  }
}

}  // namespace

std::string resolved_target(const std::string& target) {
  std::error_code error;
  if (!fs::is_symlink(target, error)) return target;
  const auto resolved = fs::weakly_canonical(target, error);
  return error ? target : resolved.string();
}

TemporaryFile TemporaryFile::create(const std::string& target, bool overwrite) {
  TemporaryFile result;
  result.target_ = resolved_target(target);
  const fs::path path(result.target_);
  std::error_code error;
  if (fs::is_directory(path, error)) {
    throw core::ConfigurationError(
        fmt::format("{}: is a directory; expected the name of a file", target));
  }
  if (!overwrite && fs::exists(path, error)) throw_exists(target);
  create_directory_of(path);
  remove_abandoned(path);
  const auto name = temporary_name(path);
  const int descriptor = ::open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0) {
    if (errno == ENOSPC || errno == EDQUOT) throw_write_error(target, errno);
    throw core::ConfigurationError(fmt::format("{}: the output directory cannot be written ({})",
                                               target, std::strerror(errno)));
  }
  ::close(descriptor);
  result.name_ = name;
  return result;
}

TemporaryFile::TemporaryFile(TemporaryFile&& other) noexcept
    : target_(std::exchange(other.target_, {})), name_(std::exchange(other.name_, {})) {}

TemporaryFile& TemporaryFile::operator=(TemporaryFile&& other) noexcept {
  if (this != &other) {
    remove();
    target_ = std::exchange(other.target_, {});
    name_ = std::exchange(other.name_, {});
  }
  return *this;
}

void TemporaryFile::remove() noexcept {
  if (!name_.empty()) ::unlink(name_.c_str());
  name_.clear();
}

void TemporaryFile::rename_to_target(bool overwrite) {
  int result = 0;
  if (overwrite) {
    result = ::rename(name_.c_str(), target_.c_str());
  } else {
    result = ::renameat2(AT_FDCWD, name_.c_str(), AT_FDCWD, target_.c_str(), RENAME_NOREPLACE);
    if (result != 0 && (errno == EINVAL || errno == ENOSYS)) {
      // The file system knows no such rename; a hard link does not replace either.
      result = ::link(name_.c_str(), target_.c_str());
      if (result == 0) ::unlink(name_.c_str());
    }
  }
  if (result != 0 && errno == EEXIST) throw_exists(target_);
  if (result != 0) throw_write_error(target_, errno);
  name_.clear();
}

}  // namespace kronwerk::io
