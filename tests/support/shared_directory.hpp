#pragma once

#include "kronwerk/io/files/scratch_folder.hpp"

namespace kronwerk {

/// A new directory that all ranks know, removed with all that is in it.
class SharedDirectory {
 public:
  /// Collective. @param comm  must outlive this
  explicit SharedDirectory(
      const communication::Communicator& comm,
      const std::filesystem::path& parent = std::filesystem::temp_directory_path())
      : comm_(&comm), folder_(comm, parent, "kronwerk-test") {}
  SharedDirectory(const SharedDirectory&) = delete;
  SharedDirectory& operator=(const SharedDirectory&) = delete;
  /// Collective.
  ~SharedDirectory() { comm_->barrier(); }

  const std::string& name() const noexcept { return folder_.path().native(); }
  std::string operator/(const std::string& file) const { return folder_.path() / file; }

  /// Names in the directory; for "nothing was left behind".
  std::size_t file_count() const {
    const auto count = std::distance(std::filesystem::directory_iterator(folder_.path()), {});
    return static_cast<std::size_t>(count);
  }

 private:
  const communication::Communicator* comm_;
  io::ScratchFolder folder_;
};

}  // namespace kronwerk
