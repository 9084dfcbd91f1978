#pragma once

// Pages whose blocks of code are run: what they ask for as a script, and whether what was printed
// is what they say.

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <regex>
#include <string>
#include <vector>

#include "documentation/markdown.hpp"

namespace kronwerk::documentation {

/// A command of a block "console" and what the page says that it prints.
struct Command {
  std::string text;
  std::vector<std::string> expected;
  int line = 0;
};

/// The commands of a block: lines that begin with "$ ", and what follows a backslash.
inline std::vector<Command> commands_of(const CodeBlock& block) {
  std::vector<Command> commands;
  std::istringstream lines(block.text);
  int number = block.line;
  bool continued = false;
  for (std::string line; std::getline(lines, line); ++number) {
    if (continued) {
      commands.back().text += "\n" + line;
    } else if (line.starts_with("$ ")) {
      commands.push_back({line.substr(2), {}, number});
    } else if (!commands.empty()) {
      commands.back().expected.push_back(line);
      continue;
    }
    continued = line.ends_with("\\");
  }
  return commands;
}

/// The name in the comment "# fit.yaml" or "# line.awk: …" that a block begins with, or nothing.
inline std::string file_name_of(const CodeBlock& block) {
  static const std::regex pattern(R"(^# ([A-Za-z_0-9]+\.[a-z0-9]+)[:\n])");
  std::smatch found;
  return std::regex_search(block.text, found, pattern) ? found[1].str() : "";
}

/// What differs from run to run: times, sizes in bytes, the version; and how many blanks there are.
inline std::string normalised(std::string line) {
  static const std::regex time(R"((\d+(\.\d+)?(e[+-]?\d+)?|<) ?(ns|us|ms|s|min|h)\b)");
  static const std::regex bytes(R"(\d+(\.\d+)? (bytes|[kMGT]B)\b)");
  static const std::regex version(R"(kronwerk \d+\.\d+\.\d+)");
  static const std::regex blanks(R"([ \t]+)");
  line = std::regex_replace(line, time, "TIME");
  line = std::regex_replace(line, bytes, "SIZE");
  line = std::regex_replace(line, version, "kronwerk VERSION");
  line = std::regex_replace(line, blanks, " ");
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

/// Words and whole numbers as they are, other numbers to a thousandth or both below 1e-8.
inline bool same_text(const std::string& expected, const std::string& found) {
  static const std::regex number(R"(\d+(\.\d+)?(e[+-]?\d+)?)");
  if (expected == found) return true;
  auto left = std::sregex_iterator(expected.begin(), expected.end(), number);
  auto right = std::sregex_iterator(found.begin(), found.end(), number);
  const std::sregex_iterator end;
  for (; left != end && right != end; ++left, ++right) {
    const std::string a = left->str();
    const std::string b = right->str();
    const bool whole =
        a.find_first_of(".e") == std::string::npos && b.find_first_of(".e") == std::string::npos;
    const double x = std::strtod(a.c_str(), nullptr);
    const double y = std::strtod(b.c_str(), nullptr);
    const bool near = std::abs(x - y) <= 1e-3 * std::max(std::abs(x), std::abs(y)) ||
                      std::max(std::abs(x), std::abs(y)) < 1e-8;
    if (a != b && (whole || !near)) return false;
  }
  const std::string mark = "#";
  return left == end && right == end &&
         std::regex_replace(expected, number, mark) == std::regex_replace(found, number, mark);
}

inline const std::string ellipsis = "…";

/// One line, in which "…" stands for any text.
inline bool same_line(const std::string& expected, const std::string& found) {
  const auto at = expected.find(ellipsis);
  if (at == std::string::npos || expected == found) return same_text(expected, found);
  const std::string rest = expected.substr(at + ellipsis.size());
  for (std::size_t i = 0; i <= found.size(); ++i) {
    if (!same_text(expected.substr(0, at), found.substr(0, i))) continue;
    for (std::size_t j = i; j <= found.size(); ++j) {
      if (same_line(rest, found.substr(j))) return true;
    }
  }
  return false;
}

/// All lines, of which "…" stands for any number.
inline bool same_lines(const std::vector<std::string>& expected, std::size_t i,
                       const std::vector<std::string>& found, std::size_t j) {
  if (i == expected.size()) return j == found.size();
  if (expected[i] == ellipsis) {
    for (std::size_t k = j; k <= found.size(); ++k) {
      if (same_lines(expected, i + 1, found, k)) return true;
    }
    return false;
  }
  return j < found.size() && same_line(expected[i], found[j]) &&
         same_lines(expected, i + 1, found, j + 1);
}

inline std::vector<std::string> normalised_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(normalised(line));
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

inline bool is_as_printed(const Command& command, const std::string& printed) {
  std::string expected;
  for (const std::string& line : command.expected) expected += line + "\n";
  return same_lines(normalised_lines(expected), 0, normalised_lines(printed), 0);
}

}  // namespace kronwerk::documentation
