#pragma once

#include <filesystem>
#include <string>

#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::io {

/// A new folder that all ranks know and no other job uses.
class ScratchFolder {
 public:
  /// Collective. @param name  what its name begins with
  /// @throws ConfigurationError where no folder can be made, ResourceError on a full disk
  ScratchFolder(const communication::Communicator& comm, const std::filesystem::path& parent,
                const std::string& name);
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  /// Rank 0 removes it with all that is in it. Local: the other ranks' use of it must have ended.
  ~ScratchFolder();

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  bool owner_;
  std::filesystem::path path_;
};

}  // namespace kronwerk::io
