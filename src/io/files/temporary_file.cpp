#include "io/files/temporary_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "io/files/file_descriptor.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::io {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view suffix = ".part";

std::string temporary_name(const fs::path& target) {
  const auto directory = target.parent_path();
  static int count = 0;
  const auto name =
      fmt::format("{}.{}-{}{}", target.filename().string(), process_id(), count++, suffix);
  return (directory / name).string();
}

// "<host>-<process>-<ticks>-<count>", of which the last three are numbers.
bool is_job_id(std::string_view id) {
  for (int part = 0; part < 3; ++part) {
    const auto hyphen = id.rfind('-');
    if (hyphen == std::string_view::npos) return false;
    const auto number = id.substr(hyphen + 1);
    if (number.find_first_not_of("0123456789") != std::string_view::npos) return false;
    id = id.substr(0, hyphen);
  }
  return true;
}

// Whoever holds the target's lock knows that no other temporary of it has a writer.
void remove_abandoned(const fs::path& target) {
  const std::string prefix = target.filename().string() + ".";
  const auto directory = target.has_parent_path() ? target.parent_path() : fs::path(".");
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix) || !name.ends_with(suffix)) continue;
    if (name.size() <= prefix.size() + suffix.size()) continue;
    std::error_code ignored;
    const auto id =
        std::string_view(name).substr(prefix.size(), name.size() - prefix.size() - suffix.size());
    if (is_job_id(id)) fs::remove(entry.path(), ignored);
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
  // The overload that throws would do so for a name that is too long.
  std::error_code unknown;
  if (!fs::is_directory(directory, unknown)) {
    throw core::ConfigurationError(
        fmt::format("{}: the output directory cannot be created ({})", directory.string(),
                    error ? error.message() : "it exists and is no directory"));
  }
}

const char* kind_of(mode_t mode) {
  return S_ISDIR(mode)    ? "a directory"
         : S_ISFIFO(mode) ? "a FIFO"
         : S_ISSOCK(mode) ? "a socket"
                          : "a device";
}

// What stands at the target now, if anything does. @throws ConfigurationError for what is no file
std::optional<struct stat> existing(const std::string& target) {
  struct stat status {};
  if (::stat(target.c_str(), &status) != 0) return std::nullopt;
  if (S_ISREG(status.st_mode)) return status;
  throw core::ConfigurationError(
      fmt::format("{}: is {}; expected the name of a file", target, kind_of(status.st_mode)));
}

}  // namespace

std::string resolved_target(const std::string& target) {
  fs::path path(target);
  // As many as the system follows.
  for (int links = 0; links < 40; ++links) {
    std::error_code error;
    if (!fs::is_symlink(path, error)) return path.string();
    const auto next = fs::read_symlink(path, error);
    if (error) break;
    path = next.is_absolute() ? next : path.parent_path() / next;
  }
  throw core::ConfigurationError(
      fmt::format("{}: is a symbolic link that leads to no file name; remove it", target));
}

TemporaryFile TemporaryFile::create(const std::string& target, bool overwrite,
                                    Contention contention, bool (*stop)()) {
  TemporaryFile result;
  result.target_ = resolved_target(target);
  const fs::path path(result.target_);
  if (existing(result.target_) && !overwrite) throw_exists(target);
  create_directory_of(path);
  result.lock_ = TargetLock::acquire(result.target_, contention, stop);
  // Looked at again, since another writer may have ended meanwhile.
  const auto old = existing(result.target_);
  if (old && !overwrite) throw_exists(target);
  remove_abandoned(path);
  const auto name = temporary_name(path);
  // What is private stays so from the beginning; our own right to write is taken away at the end.
  const mode_t mode = old ? (old->st_mode & 0777) | S_IRUSR | S_IWUSR : 0666;
  const auto file =
      FileDescriptor::adopt(::open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!file) throw_creation_error(target, errno);
  result.name_ = name;
  return result;
}

TemporaryFile::TemporaryFile(TemporaryFile&& other) noexcept
    : lock_(std::move(other.lock_)),
      target_(std::exchange(other.target_, {})),
      name_(std::exchange(other.name_, {})),
      held_(std::exchange(other.held_, false)) {}

TemporaryFile& TemporaryFile::operator=(TemporaryFile&& other) noexcept {
  if (this != &other) {
    remove();
    lock_ = std::move(other.lock_);
    target_ = std::exchange(other.target_, {});
    name_ = std::exchange(other.name_, {});
    held_ = std::exchange(other.held_, false);
  }
  return *this;
}

void TemporaryFile::remove() noexcept {
  if (!name_.empty() && !held_) ::unlink(name_.c_str());
  name_.clear();
  lock_.release();
}

void TemporaryFile::hold_as(const std::string& name) {
  if (name_ != name && ::rename(name_.c_str(), name.c_str()) != 0) throw_write_error(name, errno);
  name_ = name;
  held_ = true;
}

void TemporaryFile::rename_to_target(bool overwrite) {
  int result = 0;
  if (const auto old = existing(target_); old && overwrite) {
    // The owner stays where that is allowed; the mode last, since a new owner changes it.
    [[maybe_unused]] const int owned = ::chown(name_.c_str(), old->st_uid, old->st_gid);
    if (::chmod(name_.c_str(), old->st_mode & 07777) != 0) throw_write_error(target_, errno);
  }
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
  lock_.release();
}

}  // namespace kronwerk::io
