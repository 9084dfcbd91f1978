#include "kronwerk/expressions/shared_modes.hpp"

#include <algorithm>

#include "kronwerk/expressions/node.hpp"

namespace kronwerk::expressions {
namespace {

using Modes = std::vector<int>;

struct Sides {
  Modes rows;
  Modes cols;
};

/// Union of modes, as in the inference of sizes, for lists in place of extents.
class Finder {
 public:
  explicit Finder(const std::map<std::string, ModeLists>& known) : known_(known) {}

  Sides visit(const Node& node) {
    switch (node.kind) {
      case NodeKind::sum:
      case NodeKind::difference:
        return sum(visit(*node.arguments[0]), visit(*node.arguments[1]));
      case NodeKind::product:
        return product(visit(*node.arguments[0]), visit(*node.arguments[1]));
      case NodeKind::scale:
      case NodeKind::negation:
        return visit(*node.arguments.back());
      case NodeKind::inverse:
        return square(visit(*node.arguments[0]));
      case NodeKind::transpose: {
        Sides sides = visit(*node.arguments[0]);
        std::swap(sides.rows, sides.cols);
        return sides;
      }
      case NodeKind::kron:
      case NodeKind::kronsum:
        return side_by_side(node);
      case NodeKind::matrix:
        return {fresh(node.rows.size(), node.name, &ModeLists::rows),
                fresh(node.cols.size(), node.name, &ModeLists::cols)};
      case NodeKind::diagonal:
      case NodeKind::grid_diagonal: {
        const Modes modes = fresh(node.rows.size(), node.name, &ModeLists::modes);
        return {modes, modes};
      }
      case NodeKind::ones:
      case NodeKind::identity: {
        const Modes modes = fresh(node.rows.size());
        return {modes, modes};
      }
      default:  // zero
        return {fresh(node.rows.size()), fresh(node.cols.size())};
    }
  }

  SharedModes finish(const Sides& sides) {
    SharedModes result;
    std::vector<int> class_of(parents_.size(), -1);
    const auto number = [&](int mode) {
      int& found = class_of[static_cast<std::size_t>(root(mode))];
      if (found < 0) {
        found = static_cast<int>(result.lists.size());
        result.lists.emplace_back();
      }
      return found;
    };
    for (const int mode : sides.rows) result.rows.push_back(number(mode));
    for (const int mode : sides.cols) result.cols.push_back(number(mode));
    for (std::size_t mode = 0; mode < lists_.size(); ++mode) {
      if (lists_[mode] < 0) continue;
      auto& lists = result.lists[static_cast<std::size_t>(number(static_cast<int>(mode)))];
      if (std::ranges::find(lists, lists_[mode]) == lists.end()) lists.push_back(lists_[mode]);
    }
    return result;
  }

 private:
  Modes fresh(std::size_t count) {
    Modes modes;
    for (std::size_t i = 0; i < count; ++i) {
      modes.push_back(static_cast<int>(parents_.size()));
      parents_.push_back(modes.back());
      lists_.push_back(-1);
    }
    return modes;
  }

  Modes fresh(std::size_t count, const std::string& name, Modes ModeLists::*side) {
    Modes modes = fresh(count);
    const auto found = known_.find(name);
    if (found == known_.end()) return modes;
    const Modes& lists = found->second.*side;
    // A vector of one dimension that runs over several modes has no list of each.
    if (lists.size() != count) return modes;
    for (std::size_t i = 0; i < count; ++i) lists_[static_cast<std::size_t>(modes[i])] = lists[i];
    return modes;
  }

  int root(int mode) const {
    while (parents_[static_cast<std::size_t>(mode)] != mode) {
      mode = parents_[static_cast<std::size_t>(mode)];
    }
    return mode;
  }

  void unite(const Modes& a, const Modes& b) {
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
      parents_[static_cast<std::size_t>(root(a[i]))] = root(b[i]);
    }
  }

  Sides sum(const Sides& left, const Sides& right) {
    unite(left.rows, right.rows);
    unite(left.cols, right.cols);
    return left;
  }
  Sides product(const Sides& left, const Sides& right) {
    unite(left.cols, right.rows);
    return {left.rows, right.cols};
  }
  Sides square(const Sides& sides) {
    unite(sides.rows, sides.cols);
    return sides;
  }
  Sides side_by_side(const Node& node) {
    Sides all;
    for (const auto& argument : node.arguments) {
      Sides sides = visit(*argument);
      if (node.kind == NodeKind::kronsum) sides = square(sides);
      all.rows.insert(all.rows.end(), sides.rows.begin(), sides.rows.end());
      all.cols.insert(all.cols.end(), sides.cols.begin(), sides.cols.end());
    }
    return all;
  }

  const std::map<std::string, ModeLists>& known_;
  std::vector<int> parents_;
  std::vector<int> lists_;  ///< of each mode
};

}  // namespace

SharedModes find_shared_modes(const Expression& expression,
                              const std::map<std::string, ModeLists>& known) {
  Finder finder(known);
  const Sides sides = finder.visit(expression.root());
  return finder.finish(sides);
}

}  // namespace kronwerk::expressions
