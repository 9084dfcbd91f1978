#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kronwerk/io/files/file_identity.hpp"
#include "kronwerk/io/files/result_file.hpp"

namespace kronwerk::application {

/// What a job keeps of what it has done. Files are named without their folder, which may be moved.
struct KeptState {
  std::string version;              ///< of the program
  std::uint64_t configuration = 0;  ///< digest of its text
  std::vector<io::FileIdentity> data;
  std::map<std::string, std::vector<double>> numbers;
  std::map<std::string, std::string> texts;
  /// Distributed vectors, each in a file of its own.
  struct Vector {
    std::string file;
    core::Index size = 0;
    friend bool operator==(const Vector&, const Vector&) = default;
  };
  std::map<std::string, Vector> vectors;
  /// The result as far as it is there; no file if none of it is kept.
  io::HeldResult result;

  friend bool operator==(const KeptState&, const KeptState&) = default;
};

/// Ends with a digest of itself. parse_state(to_text(state)) is the same to the last bit.
std::string to_text(const KeptState& state);
/// Nothing if `text` is not all of a state, or of another format.
std::optional<KeptState> parse_state(const std::string& text);

}  // namespace kronwerk::application
