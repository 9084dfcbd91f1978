#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kronwerk/expressions/node.hpp"
#include "kronwerk/formulas/syntax.hpp"

namespace kronwerk::expressions {

/// A typed node whose sizes are not known yet. Built by make_draft, sized by Sizes.
struct Draft {
  NodeKind kind = NodeKind::number;
  bool scalar = false;
  double number = 0;
  std::string name;
  std::map<std::string, std::string> derivatives;  ///< of a matrix, by parameter
  std::vector<std::unique_ptr<Draft>> arguments;
  formulas::Span span;
  /// Number of modes; 0 as long as only identities have been seen, which fit any grid.
  int modes = 0;
  /// Of matrices, diagonals and eye(n), -1 where open.
  Index fixed_rows = -1;
  Index fixed_cols = -1;
  /// Of a diagonal over a grid, empty where open: then it has fixed_rows points.
  Extents fixed_grid;
  /// The extents as variables of the unification.
  std::vector<int> rows;
  std::vector<int> cols;
};

using DraftPtr = std::unique_ptr<Draft>;

/// Resolves names, tells scalars from linear maps and counts modes.
/// @throws ConfigurationError with a caret
DraftPtr make_draft(const formulas::Syntax& syntax, const formulas::Source& source,
                    const Symbols& symbols);

/// Unifies the extents of the whole tree and returns it with its sizes.
/// @throws ConfigurationError with a caret for shapes that do not conform and open identities
NodePtr with_sizes(Draft& root, const std::shared_ptr<const formulas::Source>& source);

}  // namespace kronwerk::expressions
