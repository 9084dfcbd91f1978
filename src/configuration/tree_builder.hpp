#pragma once

#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "configuration/tree.hpp"

namespace kronwerk::configuration {

/// Makes a Tree of what yaml-cpp reads, value by value: its own nodes would be in memory as a
/// whole, with every alias, before anything could be refused.
class TreeBuilder final : public YAML::EventHandler {
 public:
  /// @param file, text  for messages; both must outlive the builder
  TreeBuilder(const std::string& file, const std::string& text) : file_(file), text_(text) {}

  /// The finished document.
  Tree take() { return std::move(root_); }

  /// @throws ConfigurationError for the second one
  void OnDocumentStart(const YAML::Mark& mark) override;
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override;
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override;
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override;
  void OnMapEnd() override { close(); }

 private:
  struct Key {
    std::string name;
    Position position;
  };
  /// A list or map whose end has not been read.
  struct Open {
    Tree tree;
    YAML::anchor_t anchor = 0;
    std::optional<Key> key{};  ///< of a map: whose value comes next
  };

  void open(Tree::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor);
  void close();
  void add(Tree tree, YAML::anchor_t anchor);
  void put(Tree tree);
  Position position_of(const YAML::Mark& mark) const;
  Position position_of_nothing(const YAML::Mark& mark) const;
  void count(const Tree& tree, int depth);
  void refuse_key_unless_scalar(const Tree& tree) const;

  const std::string& file_;
  const std::string& text_;
  int documents_ = 0;
  int values_ = 0;
  Tree root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Tree> anchored_;
};

}  // namespace kronwerk::configuration
