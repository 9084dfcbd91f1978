#pragma once

#include <string>
#include <vector>

#include "kronwerk/configuration/position.hpp"

namespace kronwerk::configuration {

struct TreeEntry;

/// A YAML value with positions. yaml-cpp's own nodes hide duplicate keys and cannot say that a
/// value came from the command line.
struct Tree {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  std::string text;     ///< of a scalar
  bool quoted = false;  ///< a quoted scalar is text, never a number
  std::vector<Tree> items;
  std::vector<TreeEntry> entries;
  Position position;

  const Tree* find(const std::string& key) const;
  Tree* find(const std::string& key);
};

struct TreeEntry {
  std::string key;
  Position position;
  Tree value;
};

/// @throws ConfigurationError for text that is too long or cannot be parsed, for several documents
/// and for keys that are no plain names
Tree parse_tree(const std::string& text, const std::string& file);

/// The tree as YAML text.
std::string emit(const Tree& tree);

/// Replaces or adds the value of one "key=value". A file is where the user stands, not where the
/// configuration is: it is written into the tree as seen from there.
/// @param file  the configuration
/// @throws ConfigurationError for unknown keys
void apply_override(Tree& tree, const std::string& override_text, const std::string& file);

/// "a.b", or "b" at the top level.
std::string join_path(const std::string& parent, const std::string& key);

}  // namespace kronwerk::configuration
