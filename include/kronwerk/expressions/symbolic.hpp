#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "kronwerk/expressions/expression.hpp"
#include "kronwerk/expressions/factor_node.hpp"
#include "kronwerk/expressions/lowering.hpp"
#include "kronwerk/expressions/node.hpp"

namespace kronwerk::expressions {

/// coefficient · (F_1 ⊗ … ⊗ F_K), where the free parameters stand in the coefficient only.
struct SymbolicTerm {
  NodePtr coefficient;  ///< a scalar
  std::vector<FactorNodePtr> factors;
};

/// Σ of such terms, no two of which have the same factors.
struct SymbolicSum {
  Extents row_extents;
  Extents col_extents;
  std::vector<SymbolicTerm> terms;
};

/// Multiplies an operator formula out, so that its dependence on the free parameters is in scalar
/// coefficients. What does not depend on them is simplified at the parameters' values.
/// @param free        the parameters that stay symbols
/// @param parameters  the numbers of all parameters
/// @param names       of the matrices that depend on parameters, at these numbers
/// @throws ConfigurationError, with a caret, for what has no such form: the inverse of something
/// that depends on a free parameter, a kernel matrix that does, a diagonal over the whole grid
SymbolicSum expand(const Expression& expression, const std::set<std::string>& free,
                   const std::map<std::string, double>& parameters, const MatrixNames& names = {});

/// ∂ scalar / ∂ parameter.
NodePtr differentiate(const NodePtr& scalar, const std::string& parameter);

}  // namespace kronwerk::expressions
