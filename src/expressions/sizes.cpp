// Declared in expressions/expression_draft.hpp.
#include <fmt/format.h>

#include <utility>

#include "expressions/expression_draft.hpp"

namespace kronwerk::expressions {
namespace {

/// Unification of extents: every open extent is a variable, variables that must be equal share a
/// root, and a root may be bound to a number.
class Sizes {
 public:
  explicit Sizes(std::shared_ptr<const formulas::Source> source) : source_(std::move(source)) {}

  /// Gives the draft and everything below variables and makes equal what must be equal.
  void unify(Draft& draft) {
    for (const auto& argument : draft.arguments) unify(*argument);
    if (draft.scalar) return;
    switch (draft.kind) {
      case NodeKind::identity:
        draft.rows = draft.cols = variables(draft.modes, draft.fixed_rows);
        break;
      case NodeKind::ones:
      case NodeKind::matrix:
      case NodeKind::diagonal:
        draft.rows = variables(1, draft.fixed_rows);
        draft.cols = variables(1, draft.fixed_cols);
        break;
      case NodeKind::grid_diagonal:
        draft.rows = variables(draft.modes, -1);
        for (std::size_t k = 0; k < draft.fixed_grid.size(); ++k) {
          value(draft.rows[k]) = draft.fixed_grid[k];
        }
        draft.cols = draft.rows;
        break;
      case NodeKind::sum:
      case NodeKind::difference:
        unify_sum(draft);
        break;
      case NodeKind::product:
        unify_product(draft);
        break;
      case NodeKind::transpose:
        draft.rows = draft.arguments[0]->cols;
        draft.cols = draft.arguments[0]->rows;
        break;
      case NodeKind::kron:
      case NodeKind::kronsum:
        unify_kron(draft);
        break;
      case NodeKind::inverse:
        require_square(draft, *draft.arguments[0]);
        [[fallthrough]];
      default:  // scale, negation, inverse
        draft.rows = draft.arguments.back()->rows;
        draft.cols = draft.arguments.back()->cols;
    }
  }

  NodePtr finish(const Draft& draft) const {
    Node node;
    node.kind = draft.kind;
    node.number = draft.number;
    node.name = draft.name;
    node.sized = draft.kind == NodeKind::identity && draft.fixed_rows >= 0;
    node.derivatives = draft.derivatives;
    node.span = draft.span;
    node.source = source_;
    for (const auto& argument : draft.arguments) node.arguments.push_back(finish(*argument));
    if (!draft.scalar) {
      if (draft.kind == NodeKind::identity) require_known(draft);
      if (draft.kind == NodeKind::grid_diagonal) require_points(draft);
      node.rows = extents(draft.rows);
      node.cols = extents(draft.cols);
      check_product(node);
    }
    return std::make_shared<const Node>(std::move(node));
  }

 private:
  std::vector<int> variables(int count, Index value) {
    std::vector<int> result;
    for (int i = 0; i < count; ++i) {
      result.push_back(static_cast<int>(parents_.size()));
      parents_.push_back(result.back());
      values_.push_back(value);
    }
    return result;
  }

  int root(int variable) const {
    while (parents_[static_cast<std::size_t>(variable)] != variable) {
      auto& parent = parents_[static_cast<std::size_t>(variable)];
      parent = parents_[static_cast<std::size_t>(parent)];
      variable = parent;
    }
    return variable;
  }
  Index& value(int variable) { return values_[static_cast<std::size_t>(root(variable))]; }
  Index value(int variable) const { return values_[static_cast<std::size_t>(root(variable))]; }

  bool equate(int a, int b) {
    const Index known_a = value(a);
    const Index known_b = value(b);
    if (known_a >= 0 && known_b >= 0 && known_a != known_b) return false;
    const int root_b = root(b);
    parents_[static_cast<std::size_t>(root(a))] = root_b;
    values_[static_cast<std::size_t>(root_b)] = known_a >= 0 ? known_a : known_b;
    return true;
  }

  bool equate(const std::vector<int>& a, const std::vector<int>& b) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (!equate(a[i], b[i])) return false;
    }
    return true;
  }

  std::string text(const std::vector<int>& extents) const {
    std::string result;
    for (const int variable : extents) {
      const Index known = value(variable);
      result += (result.empty() ? "" : ", ") + (known < 0 ? "?" : std::to_string(known));
    }
    return extents.size() == 1 ? result : "(" + result + ")";
  }
  std::string shape(const std::vector<int>& rows, const std::vector<int>& cols) const {
    return text(rows) + " x " + text(cols);
  }

  [[noreturn]] void fail_shapes(const Draft& draft, const std::string& left,
                                const std::string& right) const {
    formulas::fail_at(*source_, draft.span,
                      fmt::format("the shapes do not conform in '{}': {} and {}",
                                  formulas::excerpt(*source_, draft.span), left, right));
  }

  /// The shapes are taken before unification, which would show half of its own work.
  void unify_sum(Draft& draft) {
    Draft& left = *draft.arguments[0];
    Draft& right = *draft.arguments[1];
    const std::string left_shape = shape(left.rows, left.cols);
    const std::string right_shape = shape(right.rows, right.cols);
    if (!equate(left.rows, right.rows) || !equate(left.cols, right.cols)) {
      fail_shapes(draft, left_shape, right_shape);
    }
    draft.rows = left.rows;
    draft.cols = left.cols;
  }

  void unify_product(Draft& draft) {
    Draft& left = *draft.arguments[0];
    Draft& right = *draft.arguments[1];
    const std::string left_shape = shape(left.rows, left.cols);
    const std::string right_shape = shape(right.rows, right.cols);
    if (!equate(left.cols, right.rows)) fail_shapes(draft, left_shape, right_shape);
    draft.rows = left.rows;
    draft.cols = right.cols;
  }

  void unify_kron(Draft& draft) {
    for (const auto& argument : draft.arguments) {
      if (draft.kind == NodeKind::kronsum) require_square(draft, *argument);
      draft.rows.insert(draft.rows.end(), argument->rows.begin(), argument->rows.end());
      draft.cols.insert(draft.cols.end(), argument->cols.begin(), argument->cols.end());
    }
  }

  void require_square(const Draft& draft, const Draft& argument) {
    const std::string found = shape(argument.rows, argument.cols);
    if (equate(argument.rows, argument.cols)) return;
    formulas::fail_at(
        *source_, argument.span,
        fmt::format("{} needs {}; '{}' is {}",
                    draft.kind == NodeKind::inverse ? "inv()" : "kronsum()",
                    argument.rows.size() == 1 ? "a square matrix" : "square matrices in every mode",
                    formulas::excerpt(*source_, argument.span), found));
  }

  void require_known(const Draft& identity) const {
    for (const int variable : identity.rows) {
      if (value(variable) >= 0) continue;
      formulas::fail_at(*source_, identity.span,
                        "the size of this 'I' cannot be inferred: write eye(n), or eye(rows(A)) "
                        "for the size of a matrix A");
    }
  }

  /// A vector of one dimension that is to run over a grid must have as many entries as that has
  /// points.
  void require_points(const Draft& diagonal) const {
    if (!diagonal.fixed_grid.empty()) return;
    double points = 1;
    bool known = true;
    for (const int variable : diagonal.rows) {
      known = known && value(variable) >= 0;
      points *= static_cast<double>(value(variable));
    }
    if (known && points == static_cast<double>(diagonal.fixed_rows)) return;
    formulas::fail_at(
        *source_, diagonal.span,
        fmt::format("'{}' has {} entries and the grid is {}{}", diagonal.name, diagonal.fixed_rows,
                    text(diagonal.rows), known ? fmt::format(", {:.15g} points", points) : ""));
  }

  Extents extents(const std::vector<int>& variables) const {
    Extents result;
    for (const int variable : variables) result.push_back(value(variable));
    return result;
  }

  /// Grids are counted in 64 bits.
  void check_product(const Node& node) const {
    try {
      core::product(node.rows);
      core::product(node.cols);
    } catch (const core::ShapeError&) {
      formulas::fail_at(*source_, node.span, "the grid has more than 2^63 - 1 points");
    }
  }

  std::shared_ptr<const formulas::Source> source_;
  mutable std::vector<int> parents_;
  std::vector<Index> values_;
};

}  // namespace

NodePtr with_sizes(Draft& root, const std::shared_ptr<const formulas::Source>& source) {
  Sizes sizes(source);
  sizes.unify(root);
  return sizes.finish(root);
}

}  // namespace kronwerk::expressions
