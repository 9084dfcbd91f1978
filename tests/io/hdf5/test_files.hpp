#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::test {

/// A directory of the whole communicator, removed at the end. Collective.
class SharedDirectory {
 public:
  explicit SharedDirectory(const communication::Communicator& comm) : comm_(&comm) {
    std::string name = (std::filesystem::temp_directory_path() / "kronwerk-io-XXXXXX").string();
    if (comm.is_root() && ::mkdtemp(name.data()) == nullptr) name.clear();
    path_ = comm.broadcast(name);
  }
  SharedDirectory(const SharedDirectory&) = delete;
  SharedDirectory& operator=(const SharedDirectory&) = delete;
  ~SharedDirectory() {
    comm_->barrier();
    std::error_code ignored;
    if (comm_->is_root()) std::filesystem::remove_all(path_, ignored);
  }
  std::string path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  /// Names in the directory, sorted; for "nothing was left behind".
  std::size_t file_count() const {
    const auto count = std::distance(std::filesystem::directory_iterator(path_), {});
    return static_cast<std::size_t>(count);
  }

 private:
  const communication::Communicator* comm_;
  std::string path_;
};

/// Tests with files that all ranks see.
class InDirectory : public testing::Test {
 protected:
  /// On rank 0; a failure there is one of all ranks.
  void serially(const std::function<void()>& work) const { communication::on_root(comm_, work); }

  communication::Communicator comm_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
  SharedDirectory directory_{comm_};
};

inline std::string write_text(const std::string& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
  return file;
}

/// Expects `work` to throw an error of `kind` whose message contains `part`.
inline void expect_error(core::ErrorKind kind, const std::string& part,
                         const std::function<void()>& work) {
  try {
    work();
    ADD_FAILURE() << "nothing was thrown; expected: " << part;
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
        << "message: " << error.what() << "\nexpected part: " << part;
  }
}

}  // namespace kronwerk::test
