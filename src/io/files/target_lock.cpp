#include "io/files/target_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <thread>

#include "kronwerk/core/error.hpp"

namespace kronwerk::io {

namespace {

namespace fs = std::filesystem;

// Importers take seconds; one that waits for longer has met something else.
constexpr auto longest_wait = std::chrono::minutes(10);
constexpr auto pause = std::chrono::milliseconds(20);

std::string host_name() {
  std::array<char, 256> buffer{};
  if (::gethostname(buffer.data(), buffer.size() - 1) != 0) return "unknown";
  return buffer.data();
}

// Clock ticks between the machine's start and the process's. "" if there is no such process, or
// only what its parent has not yet asked for.
std::string start_ticks(long process) {
  std::ifstream file(fmt::format("/proc/{}/stat", process));
  std::string text;
  std::getline(file, text);
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos || text.compare(name_end, 3, ") Z") == 0) return "";
  std::size_t position = name_end + 1;
  for (int field = 3; field < 22; ++field) position = text.find(' ', position + 1);
  if (position == std::string::npos) return "";
  return text.substr(position + 1, text.find(' ', position + 1) - position - 1);
}

/// Who holds a lock, as its file says.
struct Holder {
  std::string host;
  long process = 0;
  std::string started;
  bool import = false;

  bool is_dead() const { return host == host_name() && start_ticks(process) != started; }
};

std::string holder_text(Contention contention) {
  return fmt::format("{} {}\n", process_id(), contention == Contention::wait ? "import" : "job");
}

// Takes "HOST-PROCESS-START KIND" apart; the host may itself contain hyphens.
std::optional<Holder> parse_holder(const std::string& text) {
  const auto blank = text.find(' ');
  const auto second = text.substr(0, blank).rfind('-');
  if (blank == std::string::npos || second == std::string::npos || second == 0) return std::nullopt;
  const auto first = text.rfind('-', second - 1);
  if (first == std::string::npos) return std::nullopt;
  Holder holder;
  holder.host = text.substr(0, first);
  holder.started = text.substr(second + 1, blank - second - 1);
  holder.import = text.compare(blank + 1, 6, "import") == 0;
  const auto* end = text.data() + second;
  const auto number = std::from_chars(text.data() + first + 1, end, holder.process);
  if (number.ec != std::errc{} || number.ptr != end) return std::nullopt;
  return holder;
}

std::optional<Holder> read_holder(const std::string& lock) {
  std::ifstream file(lock);
  std::string text;
  std::getline(file, text);
  return parse_holder(text);
}

bool no_locks(int error) {
  return error == ENOLCK || error == EOPNOTSUPP || error == ENOSYS || error == EINVAL;
}

// The file that was locked may have been removed by its last holder meanwhile.
bool is_still_there(int descriptor, const std::string& lock) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(descriptor, &opened) == 0 && ::stat(lock.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

void name_holder(int descriptor, Contention contention) {
  const auto text = holder_text(contention);
  // Who holds it is for messages; a full disk is met by the result itself.
  if (::ftruncate(descriptor, 0) != 0) return;
  [[maybe_unused]] const auto written = ::pwrite(descriptor, text.data(), text.size(), 0);
}

/// One attempt at the lock's file.
struct Attempt {
  FileDescriptor descriptor;  ///< of a lock that is held now
  bool supported = true;      ///< the file system has locks
  int error = 0;              ///< why the lock's file can never be opened
};

Attempt try_advisory(const std::string& lock) {
  Attempt attempt;
  // A file that another user left behind may be readable only; that is enough for a lock.
  for (const int flags : {O_RDWR | O_CREAT, O_RDONLY}) {
    attempt.descriptor =
        FileDescriptor::adopt(::open(lock.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0666));
    if (attempt.descriptor || errno != EACCES) break;
  }
  if (!attempt.descriptor) {
    if (errno != ENOENT) attempt.error = errno;  // else removed between the two
    return attempt;
  }
  if (::flock(attempt.descriptor.get(), LOCK_EX | LOCK_NB) != 0) {
    attempt.supported = !no_locks(errno);
    attempt.descriptor.close();
  } else if (!is_still_there(attempt.descriptor.get(), lock)) {
    attempt.descriptor.close();
  }
  return attempt;
}

// Moves the file of a dead holder away; what was moved may by then belong to a new one.
void remove_dead(const std::string& lock) {
  const auto aside = fmt::format("{}.{}", lock, process_id());
  if (::rename(lock.c_str(), aside.c_str()) != 0) return;
  const auto holder = read_holder(aside);
  if (!holder || !holder->is_dead()) {
    [[maybe_unused]] const int restored = ::link(aside.c_str(), lock.c_str());
  }
  ::unlink(aside.c_str());
}

Attempt try_exclusive(const std::string& lock) {
  Attempt attempt;
  attempt.descriptor = FileDescriptor::adopt(
      ::open(lock.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666));
  if (attempt.descriptor) return attempt;
  if (errno != EEXIST) {
    attempt.error = errno;
    return attempt;
  }
  const auto holder = read_holder(lock);
  if (holder && holder->is_dead()) remove_dead(lock);
  return attempt;
}

[[noreturn]] void throw_held(const std::string& target, const std::string& lock,
                             const std::optional<Holder>& holder, bool supported) {
  const auto who = holder ? fmt::format(" (process {} on {})", holder->process, holder->host) : "";
  throw core::ConfigurationError(fmt::format(
      "{}: {} is writing this file{}; wait until it has ended, or choose another name{}", target,
      holder && holder->import ? "an import" : "another job", who,
      supported ? "" : fmt::format("; if there is no such process any more, remove {}", lock)));
}

}  // namespace

std::string process_id() {
  const long process = ::getpid();
  return fmt::format("{}-{}-{}", host_name(), process, start_ticks(process));
}

TargetLock TargetLock::acquire(const std::string& target, Contention contention, bool (*stop)(),
                               bool advisory) {
  const fs::path path(target);
  const auto lock = (path.parent_path() / ("." + path.filename().string() + ".lock")).string();
  const auto begin = std::chrono::steady_clock::now();
  for (int round = 0;; ++round) {
    auto attempt = advisory ? try_advisory(lock) : try_exclusive(lock);
    if (attempt.error != 0) throw_creation_error(target, attempt.error);
    if (!attempt.supported) {
      advisory = false;
      continue;
    }
    if (attempt.descriptor) {
      name_holder(attempt.descriptor.get(), contention);
      TargetLock result;
      result.name_ = lock;
      result.descriptor_ = std::move(attempt.descriptor);
      return result;
    }
    // The holder names itself just after it has the lock, and removes the file just before it gives
    // it back: a few rounds tell the two from a holder that stays.
    const auto holder = read_holder(lock);
    const bool stays = holder && !holder->is_dead();
    const bool waits = contention == Contention::wait && (!holder || holder->import);
    const auto waited = std::chrono::steady_clock::now() - begin;
    const bool settled = stays ? round > 1 : waited > std::chrono::seconds(5);
    if ((!waits && settled) || waited > longest_wait) throw_held(target, lock, holder, advisory);
    if (stop != nullptr && stop()) {
      throw core::Terminated(fmt::format("terminated while waiting for {}", target));
    }
    std::this_thread::sleep_for(pause);
  }
}

TargetLock& TargetLock::operator=(TargetLock&& other) noexcept {
  if (this != &other) {
    release();
    name_ = std::exchange(other.name_, {});
    descriptor_ = std::move(other.descriptor_);
  }
  return *this;
}

void TargetLock::release() noexcept {
  if (name_.empty()) return;
  // While it is held, so that nobody else's is removed.
  if (is_still_there(descriptor_.get(), name_)) ::unlink(name_.c_str());
  descriptor_.close();
  name_.clear();
}

}  // namespace kronwerk::io
