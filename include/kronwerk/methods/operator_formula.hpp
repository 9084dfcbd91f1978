#pragma once

#include <string>

#include "kronwerk/expressions/lowering.hpp"

namespace kronwerk::methods {

/// An operator formula with numbers put in for its parameters: what a method is chosen for.
struct OperatorFormula {
  expressions::SumOfProducts sum;
  expressions::Symbols symbols;  ///< shapes of the matrices, for estimates; the parameters' numbers
  std::string where;             ///< "configs/x.yaml:7:3", heads messages about the formula
};

}  // namespace kronwerk::methods
