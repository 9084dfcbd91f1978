#pragma once

#include <string>
#include <type_traits>
#include <utility>

#include "io/files/file_descriptor.hpp"

namespace kronwerk::io {

/// What a writer does when another one holds the lock.
enum class Contention {
  refuse,  ///< a job: its result would replace the other's, or the other way round
  wait,    ///< an importer: it adds to what the other writes; only other importers are waited for
};

/// This process's right to write one file, which no other process has meanwhile. Serial.
///
/// The lock is an flock() of a hidden file beside the target, `.NAME.lock`, which names its holder
/// and is removed on release; a killed holder leaves it behind without a lock, and the next writer
/// takes it. On file systems without locks, the holder is who created that file: one of a process
/// of this host that is gone is taken over, one of another host has to be removed by hand.
class TargetLock {
 public:
  TargetLock() = default;
  /// @param target  with symbolic links resolved; its directory exists
  /// @param advisory  false: as on a file system without locks (for tests)
  /// @param stop  asked while waiting; null: nothing stops it
  /// @throws ConfigurationError that names the holder, Terminated if `stop` said so
  static TargetLock acquire(const std::string& target, Contention contention,
                            bool (*stop)() = nullptr, bool advisory = true);
  TargetLock(TargetLock&& other) noexcept
      : name_(std::exchange(other.name_, {})), descriptor_(std::move(other.descriptor_)) {}
  TargetLock& operator=(TargetLock&& other) noexcept;
  TargetLock(const TargetLock&) = delete;
  TargetLock& operator=(const TargetLock&) = delete;
  ~TargetLock() { release(); }

  explicit operator bool() const noexcept { return !name_.empty(); }
  void release() noexcept;

 private:
  std::string name_;  ///< of the lock's file; empty: nothing is held
  FileDescriptor descriptor_;
};

static_assert(!std::is_copy_constructible_v<TargetLock>);

/// "HOST-PROCESS-START": this process, told from a later one of the same number.
std::string process_id();

}  // namespace kronwerk::io
