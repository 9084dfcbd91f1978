#pragma once

#include <string>

namespace kronwerk::configuration {

/// Where a value was written: a line and column of the file (from 1), or an override of the command
/// line.
struct Position {
  int line = 0;
  int column = 0;
  std::string override_text;  ///< "--set parameters.rho=0.2", or empty

  /// "configs/x.yaml:7:3", "configs/x.yaml" without a line, or the override.
  std::string text(const std::string& file) const;
};

/// A value with the place it was written at, for messages that are only possible later.
template <typename T>
struct Placed {
  T value{};
  Position position;
};

}  // namespace kronwerk::configuration
