#include "application/command_line/json_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace kronwerk::application {

std::string json_text(std::string_view text) {
  std::string result = "\"";
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') {
      result += '\\';
      result += letter;
    } else if (static_cast<unsigned char>(letter) < 0x20) {
      result += fmt::format("\\u{:04x}", static_cast<int>(letter));
    } else {
      result += letter;
    }
  }
  return result + '"';
}

std::string json_number(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : "null";
}

std::string json_object(std::span<const std::pair<std::string, std::string>> members) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : members) parts.push_back(json_text(name) + ": " + value);
  return "{" + core::join(parts, ", ") + "}";
}

std::string json_lines(std::span<const std::pair<std::string, std::string>> lines) {
  std::vector<std::pair<std::string, std::string>> texts;
  for (const auto& [name, text] : lines) {
    const auto known =
        name.empty() && !texts.empty()
            ? std::prev(texts.end())
            : std::ranges::find(texts, name, &std::pair<std::string, std::string>::first);
    if (known == texts.end()) {
      texts.emplace_back(name, text);
    } else {
      known->second += "\n" + text;
    }
  }
  for (auto& [name, text] : texts) text = json_text(text);
  return json_object(texts);
}

}  // namespace kronwerk::application
