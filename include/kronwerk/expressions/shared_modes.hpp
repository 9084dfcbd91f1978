#pragma once

#include <map>
#include <string>
#include <vector>

#include "kronwerk/expressions/expression.hpp"

namespace kronwerk::expressions {

/// Lists that say what stands at the positions of a matrix's rows and columns, and of the modes of
/// what diag() makes a diagonal; each is a number that the caller gave it, -1 where there is none.
struct ModeLists {
  std::vector<int> rows;
  std::vector<int> cols;
  std::vector<int> modes;
};

/// Which modes of an operator's parts are one and the same: modes of addends, the columns of a
/// matrix and the rows of the one it is applied to, both sides of what is inverted.
struct SharedModes {
  std::vector<int> rows;                ///< the class of each mode of the operator's rows
  std::vector<int> cols;                ///< of its columns
  std::vector<std::vector<int>> lists;  ///< of each class, those of its matrices, each once
};

/// Pure; O(size of the formula).
/// @param known  by the names that the expression's nodes have (a kernel's: its identity)
SharedModes find_shared_modes(const Expression& expression,
                              const std::map<std::string, ModeLists>& known);

}  // namespace kronwerk::expressions
