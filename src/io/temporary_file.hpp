#pragma once

#include <string>
#include <type_traits>

namespace kronwerk::io {

/// A file beside its target under a name that carries the job's id (host, process and its start
/// time), removed by the destructor unless it was renamed to the target. Serial.
class TemporaryFile {
 public:
  TemporaryFile() = default;
  /// Creates the target's directory if need be, removes what killed jobs left for the same target,
  /// and creates the empty file.
  /// @throws ConfigurationError if the directory cannot be created or written, or the target exists
  /// and `overwrite` is false; ResourceError on a full disk
  static TemporaryFile create(const std::string& target, bool overwrite);
  TemporaryFile(TemporaryFile&& other) noexcept;
  TemporaryFile& operator=(TemporaryFile&& other) noexcept;
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { remove(); }

  const std::string& name() const noexcept { return name_; }
  /// @throws ConfigurationError if the target came into being meanwhile and `overwrite` is false
  void rename_to_target(bool overwrite);
  void remove() noexcept;

 private:
  std::string target_;
  std::string name_;  ///< empty: nothing to remove
};

static_assert(!std::is_copy_constructible_v<TemporaryFile>);

/// The target itself where it is a symbolic link, so that the link stays one.
std::string resolved_target(const std::string& target);

}  // namespace kronwerk::io
