#pragma once

#include <string>
#include <type_traits>

#include "io/files/target_lock.hpp"

namespace kronwerk::io {

/// A file beside its target under a name that carries the job's id (host, process and its start
/// time), removed by the destructor unless it was renamed to the target. No other process writes
/// the same target meanwhile. Serial.
class TemporaryFile {
 public:
  TemporaryFile() = default;
  /// Creates the target's directory if need be, takes the target's lock, removes what killed jobs
  /// left for the same target, and creates the empty file. A symbolic link stays one: the target is
  /// what it points to.
  /// @param stop  asked while waiting for the lock; null: nothing stops it
  /// @throws ConfigurationError if the directory cannot be created or written, the target is no
  /// regular file or being written by another process, or exists and `overwrite` is false;
  /// ResourceError on a full disk
  static TemporaryFile create(const std::string& target, bool overwrite,
                              Contention contention = Contention::refuse, bool (*stop)() = nullptr);
  TemporaryFile(TemporaryFile&& other) noexcept;
  TemporaryFile& operator=(TemporaryFile&& other) noexcept;
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { remove(); }

  const std::string& name() const noexcept { return name_; }
  /// An overwritten file's mode goes over to the new one.
  /// @throws ConfigurationError if the target came into being meanwhile and `overwrite` is false
  void rename_to_target(bool overwrite);
  /// Gives it another name on the same file system, and leaves it there whatever happens, until it
  /// is renamed to the target.
  void hold_as(const std::string& name);
  void remove() noexcept;

 private:
  TargetLock lock_;
  std::string target_;
  std::string name_;  ///< empty: nothing to remove
  bool held_ = false;
};

static_assert(!std::is_copy_constructible_v<TemporaryFile>);

/// Where a symbolic link points, so that the link stays one; any other name as it is.
/// @throws ConfigurationError for a link that points to itself
std::string resolved_target(const std::string& target);

}  // namespace kronwerk::io
