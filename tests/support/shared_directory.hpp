#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "kronwerk/communication/communicator.hpp"

namespace kronwerk {

/// A new directory that all ranks know, removed with all that is in it.
class SharedDirectory {
 public:
  /// Collective. @param comm  must outlive this
  explicit SharedDirectory(
      const communication::Communicator& comm,
      const std::filesystem::path& parent = std::filesystem::temp_directory_path())
      : comm_(&comm) {
    std::string name = (parent / "kronwerk-test-XXXXXX").string();
    if (comm.is_root() && ::mkdtemp(name.data()) == nullptr) name.clear();
    name_ = comm.broadcast(name);
  }
  SharedDirectory(const SharedDirectory&) = delete;
  SharedDirectory& operator=(const SharedDirectory&) = delete;
  /// Collective.
  ~SharedDirectory() {
    comm_->barrier();
    std::error_code ignored;
    if (comm_->is_root()) std::filesystem::remove_all(name_, ignored);
  }

  const std::string& name() const noexcept { return name_; }

 private:
  const communication::Communicator* comm_;
  std::string name_;
};

}  // namespace kronwerk
