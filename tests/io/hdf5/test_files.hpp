#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <string>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/core/error.hpp"
#include "support/shared_directory.hpp"

namespace kronwerk::test {

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
