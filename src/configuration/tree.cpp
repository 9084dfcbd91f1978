#include "configuration/tree.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "kronwerk/core/error.hpp"

namespace kronwerk::configuration {
namespace {

using core::ConfigurationError;

// An alias may repeat its anchor's contents, and even contain itself; both limits are far above any
// real job.
constexpr int greatest_depth = 32;
constexpr int most_values = 100'000;

class Converter {
 public:
  explicit Converter(const std::string& file) : file_(file) {}

  Tree convert(const YAML::Node& node, const Position& fallback, int depth = 0) {
    Tree tree;
    tree.position = position_of(node, fallback);
    if (depth > greatest_depth || ++values_ > most_values) {
      throw ConfigurationError(fmt::format(
          "{}: the configuration is nested too deeply or too large", tree.position.text(file_)));
    }
    switch (node.Type()) {
      case YAML::NodeType::Scalar:
        tree.kind = Tree::Kind::scalar;
        tree.text = node.Scalar();
        tree.quoted = node.Tag() == "!";
        break;
      case YAML::NodeType::Sequence:
        tree.kind = Tree::Kind::list;
        for (const auto& item : node) tree.items.push_back(convert(item, tree.position, depth + 1));
        break;
      case YAML::NodeType::Map:
        tree.kind = Tree::Kind::map;
        for (const auto& item : node) add_entry(tree, item.first, item.second, depth);
        break;
      case YAML::NodeType::Null:
      case YAML::NodeType::Undefined:
        break;
    }
    return tree;
  }

 private:
  static Position position_of(const YAML::Node& node, const Position& fallback) {
    const YAML::Mark mark = node.Mark();
    if (mark.is_null() || (node.IsNull() && fallback.line > 0)) return fallback;
    return {mark.line + 1, mark.column + 1, {}};
  }

  void add_entry(Tree& tree, const YAML::Node& key, const YAML::Node& value, int depth) {
    const Position position = position_of(key, tree.position);
    if (!key.IsScalar()) {
      throw ConfigurationError(fmt::format("{}: a key must be a plain name", position.text(file_)));
    }
    tree.entries.push_back({key.Scalar(), position, convert(value, position, depth + 1)});
  }

  const std::string& file_;
  int values_ = 0;
};

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
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.size() > 1) {
      throw ConfigurationError(
          fmt::format("{}: found {} YAML documents, expected one: remove the '---' between them",
                      file, documents.size()));
    }
    if (documents.empty() || documents.front().IsNull()) {
      throw ConfigurationError(fmt::format("{}: the configuration is empty", file));
    }
    return Converter(file).convert(documents.front(), {});
  } catch (const YAML::Exception& error) {
    const Position position{error.mark.line + 1, error.mark.column + 1, {}};
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
