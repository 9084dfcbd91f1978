#include "configuration/tree.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <sstream>

#include "configuration/tree_builder.hpp"
#include "kronwerk/configuration/job.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::configuration {
namespace {

using core::ConfigurationError;

/// The line of that number or the one before it, if a tab stands before its text; else 0.
int line_indented_by_tab(const std::string& text, int number) {
  std::istringstream stream(text);
  int found = 0, line = 0;
  for (std::string words; std::getline(stream, words) && line < number;) {
    ++line;
    const auto indent = words.substr(0, std::min(words.find_first_not_of(" \t"), words.size()));
    if (line >= number - 1 && indent.find('\t') != std::string::npos && indent != words)
      found = line;
  }
  return found;
}

void emit_value(YAML::Emitter& out, const Tree& tree) {
  switch (tree.kind) {
    case Tree::Kind::null:
      out << YAML::Null;
      break;
    case Tree::Kind::scalar:
      if (tree.quoted) out << YAML::DoubleQuoted;
      out << tree.text;
      break;
    case Tree::Kind::list:
      out << YAML::Flow << YAML::BeginSeq;
      for (const Tree& item : tree.items) emit_value(out, item);
      out << YAML::EndSeq;
      break;
    case Tree::Kind::map:
      out << YAML::BeginMap;
      for (const TreeEntry& entry : tree.entries) {
        out << YAML::Key << entry.key << YAML::Value;
        emit_value(out, entry.value);
      }
      out << YAML::EndMap;
      break;
  }
}

}  // namespace

std::string Position::text(const std::string& file) const {
  if (!override_text.empty()) return override_text;
  return line > 0 ? fmt::format("{}:{}:{}", file, line, column) : file;
}

const Tree* Tree::find(const std::string& key) const {
  for (const TreeEntry& entry : entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

Tree* Tree::find(const std::string& key) {
  return const_cast<Tree*>(std::as_const(*this).find(key));
}

Tree parse_tree(const std::string& text, const std::string& file) {
  if (text.find('\0') != std::string::npos) {
    throw ConfigurationError(fmt::format("{}: this is no text file", file));
  }
  if (text.size() > longest_configuration) {
    throw ConfigurationError(
        fmt::format("{}: has {} bytes; at most {} are allowed. Data belong into HDF5 files", file,
                    text.size(), longest_configuration));
  }
  const std::size_t wrong = core::find_non_utf8(text);
  if (wrong != std::string::npos) {
    const auto lines =
        std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(wrong), '\n');
    throw ConfigurationError(fmt::format(
        "{}:{}: is not UTF-8 text; convert the file (for example by iconv)", file, lines + 1));
  }
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    TreeBuilder builder(file, text);
    parser.HandleNextDocument(builder);
    // A second one is refused where it begins; also what yaml-cpp did not take for part of the
    // first, such as a comma, and would find again and again.
    parser.HandleNextDocument(builder);
    Tree tree = builder.take();
    if (tree.kind == Tree::Kind::null) {
      throw ConfigurationError(fmt::format("{}: the configuration is empty", file));
    }
    return tree;
  } catch (const YAML::Exception& error) {
    const Position position{error.mark.line + 1, error.mark.column + 1, {}};
    if (const int line = line_indented_by_tab(text, position.line); line > 0) {
      throw ConfigurationError(
          fmt::format("{}:{}: a tab indents this line; YAML takes blanks only", file, line));
    }
    throw ConfigurationError(
        fmt::format("{}: this is not YAML: {}", position.text(file), error.msg));
  }
}

std::string emit(const Tree& tree) {
  YAML::Emitter out;
  out.SetDoublePrecision(17);
  emit_value(out, tree);
  return std::string(out.c_str()) + "\n";
}

std::string join_path(const std::string& parent, const std::string& key) {
  return parent.empty() ? key : parent + "." + key;
}

}  // namespace kronwerk::configuration
