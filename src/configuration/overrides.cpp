// Declared in configuration/tree.hpp.
#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>

#include "configuration/tree.hpp"
#include "kronwerk/configuration/schema.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::configuration {
namespace {

using core::ConfigurationError;

std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    parts.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

/// Refuses a path that is not in the schema at its first unknown part.
void check_known(const std::vector<std::string>& parts, const std::string& where) {
  std::string path;
  for (const std::string& part : parts) {
    const std::string parent = path;
    path = join_path(path, part);
    if (!part.empty() && find_entry(path) != nullptr) continue;
    const std::string inside = parent.empty() ? "" : fmt::format(" in '{}'", parent);
    throw ConfigurationError(fmt::format("{}: unknown key '{}'{}{}", where, part, inside,
                                         core::suggestion(part, child_names(parent))));
  }
}

Tree parse_value(const std::string& value, const Position& position) {
  const std::string& where = position.override_text;
  YAML::Node node;
  try {
    node = YAML::Load(value);
  } catch (const YAML::Exception& error) {
    throw ConfigurationError(fmt::format("{}: this value is not YAML: {}", where, error.msg));
  }
  const auto scalar = [&](const YAML::Node& item) {
    Tree tree;
    tree.kind = Tree::Kind::scalar;
    tree.text = item.Scalar();
    tree.quoted = item.Tag() == "!";
    tree.position = position;
    return tree;
  };
  if (node.IsScalar()) return scalar(node);
  Tree tree;
  tree.position = position;
  if (node.IsMap() && node.size() == 0) {
    tree.kind = Tree::Kind::map;
    return tree;
  }
  tree.kind = Tree::Kind::list;
  bool plain = node.IsSequence();
  for (const auto& item : node) {
    plain = plain && item.IsScalar();
    if (plain) tree.items.push_back(scalar(item));
  }
  if (!plain) {
    throw ConfigurationError(
        fmt::format("{}: only a single value, a list of values or {{}} can be set", where));
  }
  return tree;
}

/// A path relative to the working directory, as one relative to the configuration's.
std::string seen_from_configuration(const std::string& path, const std::string& configuration) {
  const std::filesystem::path given(path);
  std::error_code error;
  const auto here = std::filesystem::current_path(error);
  if (error || path.empty() || path.starts_with("~/") || given.is_absolute()) return path;
  const auto folder = (here / configuration).parent_path().lexically_normal();
  if (folder == here.lexically_normal()) return path;
  return (here / given).lexically_normal().string();
}

Tree& child(Tree& parent, const std::string& key, const Position& position) {
  if (Tree* found = parent.find(key)) return *found;
  Tree value;
  value.position = position;
  parent.entries.push_back({key, position, value});
  return parent.entries.back().value;
}

}  // namespace

void apply_override(Tree& tree, const std::string& override_text,
                    const std::string& configuration) {
  const std::string where = "--set " + override_text;
  if (core::find_non_utf8(override_text) != std::string::npos) {
    throw ConfigurationError("--set: this is not UTF-8 text: " + override_text);
  }
  const std::size_t equals = override_text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw ConfigurationError(where + ": expected key=value, such as parameters.rho=0.2");
  }
  const Position position{0, 0, where};
  const std::vector<std::string> parts = split(override_text.substr(0, equals));
  check_known(parts, where);
  Tree value = parse_value(override_text.substr(equals + 1), position);

  Tree* target = &tree;
  std::string path;
  for (const std::string& part : parts) {
    // "output: x.h5" is short for "output: {file: x.h5}".
    if (path == "output" && target->kind == Tree::Kind::scalar) {
      Tree file = *target;
      target->kind = Tree::Kind::map;
      target->entries.push_back({"file", file.position, file});
    }
    if (target->kind == Tree::Kind::null) target->kind = Tree::Kind::map;
    if (target->kind != Tree::Kind::map) {
      throw ConfigurationError(fmt::format("{}: '{}' holds no keys", where, path));
    }
    path = join_path(path, part);
    target = &child(*target, part, position);
  }
  const unsigned types = find_entry(path)->types;
  if (target->kind == Tree::Kind::map && value.kind != Tree::Kind::map &&
      (types & ~static_cast<unsigned>(map)) == 0) {
    throw ConfigurationError(fmt::format("{}: '{}' is a map; set one of its keys, such as '{}.{}'",
                                         where, path, path,
                                         target->entries.empty() ? "…" : target->entries[0].key));
  }
  if (value.kind == Tree::Kind::scalar && (path == "output" || path.ends_with(".file"))) {
    value.text = seen_from_configuration(value.text, configuration);
  }
  *target = std::move(value);
}

}  // namespace kronwerk::configuration
