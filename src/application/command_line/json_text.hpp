#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kronwerk/core/text.hpp"

namespace kronwerk::application {

/// A text as JSON has it, with its quotes.
std::string json_text(std::string_view text);

/// A number as JSON has it: null unless it is finite.
std::string json_number(double value);

/// [value, …] of what `text` makes of the values.
template <typename Values, typename Text>
std::string json_list(const Values& values, const Text& text) {
  std::vector<std::string> parts;
  for (const auto& value : values) parts.push_back(text(value));
  return "[" + core::join(parts, ", ") + "]";
}

/// {"name": value, …} of names and values that are JSON already.
std::string json_object(std::span<const std::pair<std::string, std::string>> members);

/// {"name": "text", …}; texts of one name, or that follow without a name, are one of several lines.
std::string json_lines(std::span<const std::pair<std::string, std::string>> lines);

}  // namespace kronwerk::application
