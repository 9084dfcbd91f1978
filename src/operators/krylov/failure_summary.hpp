#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

namespace kronwerk::operators {

/// What is wrong with the whole solve, from what is wrong with its columns; "" for what is not.
inline std::string failure_summary(const std::vector<std::string>& failures) {
  std::size_t count = 0;
  std::size_t first = 0;
  for (std::size_t column = failures.size(); column-- > 0;) {
    if (failures[column].empty()) continue;
    ++count;
    first = column;
  }
  if (count == 0) return {};
  if (failures.size() == 1) return failures[0];
  return fmt::format("{} of {} right-hand sides; the first is number {}: {}", count,
                     failures.size(), first, failures[first]);
}

}  // namespace kronwerk::operators
