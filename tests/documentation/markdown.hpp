#pragma once

// The parts of a page in Markdown that tests look at: blocks of code, headings, links.

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace kronwerk::documentation {

/// What stands between two lines of "```".
struct CodeBlock {
  std::string language;  // what follows the first "```"
  std::string text;
  int line = 0;  // of its first line, from 1
};

/// What a link or a picture leads to.
struct Link {
  std::string target;
  int line = 0;
};

struct Page {
  std::vector<CodeBlock> blocks;
  std::vector<Link> links;
  std::set<std::string> anchors;
};

/// The anchor of a heading, as GitHub makes it: small letters, hyphens for spaces, no punctuation;
/// a number for what occurs again.
inline std::string anchor_of(const std::string& heading, std::map<std::string, int>& seen) {
  std::string anchor;
  for (const char letter : heading) {
    const auto byte = static_cast<unsigned char>(letter);
    if (letter == ' ') {
      anchor += '-';
    } else if (byte >= 128 || std::isalnum(byte) != 0 || letter == '-' || letter == '_') {
      anchor += static_cast<char>(std::tolower(byte));
    }
  }
  const int before = seen[anchor]++;
  return before == 0 ? anchor : anchor + "-" + std::to_string(before);
}

/// The line without what stands between backquotes.
inline std::string without_code(const std::string& line) {
  std::string text;
  bool code = false;
  for (const char letter : line) {
    if (letter == '`') {
      code = !code;
    } else if (!code) {
      text += letter;
    }
  }
  return text;
}

inline Page parse_page(const std::string& text) {
  Page page;
  std::map<std::string, int> seen;
  bool in_block = false;
  int number = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.starts_with("```")) {
      in_block = !in_block;
      if (in_block) page.blocks.push_back({line.substr(3), "", number + 1});
      continue;
    }
    if (in_block) {
      page.blocks.back().text += line + "\n";
      continue;
    }
    const auto marks = line.find_first_not_of('#');
    if (marks != 0 && marks != std::string::npos && line[marks] == ' ') {
      page.anchors.insert(anchor_of(line.substr(marks + 1), seen));
    }
    const std::string prose = without_code(line);
    for (auto at = prose.find("]("); at != std::string::npos; at = prose.find("](", at + 2)) {
      const auto end = prose.find(')', at);
      page.links.push_back({prose.substr(at + 2, end - at - 2), number});
    }
  }
  return page;
}

inline Page read_page(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  return parse_page(text.str());
}

/// All pages of the repository, without what was built or computed.
inline std::vector<std::filesystem::path> all_pages(const std::filesystem::path& root) {
  namespace fs = std::filesystem;
  const std::set<std::string> elsewhere{"build", "results", "shared", "Testing"};
  std::vector<fs::path> pages;
  for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator();
       ++it) {
    const std::string name = it->path().filename().string();
    if (it->is_directory()) {
      if (name.starts_with(".") || elsewhere.contains(name)) it.disable_recursion_pending();
    } else if (it->path().extension() == ".md") {
      pages.push_back(it->path());
    }
  }
  std::ranges::sort(pages);
  return pages;
}

}  // namespace kronwerk::documentation
