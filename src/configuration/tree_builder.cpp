#include "configuration/tree_builder.hpp"

#include <fmt/format.h>
#include <yaml-cpp/mark.h>

#include <string_view>

#include "kronwerk/core/error.hpp"

namespace kronwerk::configuration {
namespace {

using core::ConfigurationError;

// Both are far above any real job; an alias may repeat its anchor's contents many times.
constexpr int greatest_depth = 32;
constexpr int most_values = 100'000;

/// The line of that number (from 1) without its end.
std::string_view line_of(std::string_view text, int number) {
  for (; number > 1; --number) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  return text.substr(0, text.find('\n'));
}

}  // namespace

void TreeBuilder::OnDocumentStart(const YAML::Mark& mark) {
  if (++documents_ == 1) return;
  const Position position = position_of(mark);
  const bool separated = line_of(text_, position.line).starts_with("---");
  throw ConfigurationError(fmt::format(
      "{}: {}", position.text(file_),
      separated ? "a second YAML document begins here; expected one: remove the '---'"
                : "this is not YAML: expected 'key: value', or the end of the configuration"));
}

void TreeBuilder::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) {
  Tree tree;
  tree.position = position_of_nothing(mark);
  add(std::move(tree), anchor);
}

void TreeBuilder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
  const auto found = anchored_.find(anchor);
  if (found == anchored_.end()) {
    throw ConfigurationError(
        fmt::format("{}: this alias stands within what it repeats", position_of(mark).text(file_)));
  }
  add(found->second, 0);
}

void TreeBuilder::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                           const std::string& value) {
  Tree tree;
  tree.kind = Tree::Kind::scalar;
  tree.position = position_of(mark);
  tree.text = value;
  tree.quoted = tag == "!";
  add(std::move(tree), anchor);
}

void TreeBuilder::OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/,
                                  YAML::anchor_t anchor, YAML::EmitterStyle::value /*style*/) {
  open(Tree::Kind::list, mark, anchor);
}

void TreeBuilder::OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/,
                             YAML::anchor_t anchor, YAML::EmitterStyle::value /*style*/) {
  open(Tree::Kind::map, mark, anchor);
}

void TreeBuilder::open(Tree::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
  Open opened{.tree = {}, .anchor = anchor};
  opened.tree.kind = kind;
  opened.tree.position = position_of(mark);
  refuse_key_unless_scalar(opened.tree);
  count(opened.tree, static_cast<int>(open_.size()));
  open_.push_back(std::move(opened));
}

void TreeBuilder::close() {
  Open closed = std::move(open_.back());
  open_.pop_back();
  if (closed.anchor != 0) anchored_[closed.anchor] = closed.tree;
  put(std::move(closed.tree));
}

void TreeBuilder::add(Tree tree, YAML::anchor_t anchor) {
  refuse_key_unless_scalar(tree);
  count(tree, static_cast<int>(open_.size()));
  if (anchor != 0) anchored_[anchor] = tree;
  put(std::move(tree));
}

void TreeBuilder::put(Tree tree) {
  if (open_.empty()) {
    root_ = std::move(tree);
    return;
  }
  Open& parent = open_.back();
  if (parent.tree.kind == Tree::Kind::list) {
    parent.tree.items.push_back(std::move(tree));
  } else if (!parent.key) {
    parent.key = Key{std::move(tree.text), tree.position};
  } else {
    parent.tree.entries.push_back({parent.key->name, parent.key->position, std::move(tree)});
    parent.key.reset();
  }
}

Position TreeBuilder::position_of(const YAML::Mark& mark) const {
  return {mark.line + 1, mark.column + 1, {}};
}

/// What is not there has the place of its key, or of its list.
Position TreeBuilder::position_of_nothing(const YAML::Mark& mark) const {
  if (open_.empty()) return position_of(mark);
  return open_.back().key ? open_.back().key->position : open_.back().tree.position;
}

void TreeBuilder::count(const Tree& tree, int depth) {
  if (depth > greatest_depth || ++values_ > most_values) {
    const bool inside = !open_.empty() && open_.back().key;
    const Position& place = inside ? open_.back().key->position : tree.position;
    throw ConfigurationError(
        fmt::format("{}: the configuration is nested too deeply or too large", place.text(file_)));
  }
  for (const Tree& item : tree.items) count(item, depth + 1);
  for (const TreeEntry& entry : tree.entries) count(entry.value, depth + 1);
}

void TreeBuilder::refuse_key_unless_scalar(const Tree& tree) const {
  const bool key = !open_.empty() && open_.back().tree.kind == Tree::Kind::map && !open_.back().key;
  if (!key || tree.kind == Tree::Kind::scalar) return;
  throw ConfigurationError(
      fmt::format("{}: a key must be a plain name", tree.position.text(file_)));
}

}  // namespace kronwerk::configuration
