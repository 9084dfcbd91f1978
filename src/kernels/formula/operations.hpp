#pragma once

#include <span>

#include "kronwerk/kernels/formula/node.hpp"

namespace kronwerk::kernels {

/// What an operation takes; all but the last work component by component.
enum class Arguments { none, one, two, three, vectors };

/// How tightly an operation's sign binds in a formula's text.
enum class Precedence { comparison = 1, addition, multiplication, sign, exponentiation, primary };

/// What holds for an operation whatever its arguments are, combined by |.
enum Property : unsigned {
  no_property = 0U,
  commutative = 1U,        ///< its two arguments may change places
  even = 2U,               ///< f(-u) = f(u)
  odd = 4U,                ///< f(-u) = -f(u)
  linear = 8U,             ///< in each argument
  never_negative = 16U,    ///< no value is below 0
  keeps_positivity = 32U,  ///< never negative where no argument is
};

/// What there is to know of an operation, but for its derivative (differentiate.cpp), its bounds
/// (interval.cpp) and its vector code (engine/operation_codes.cpp).
struct OperationTraits {
  Arguments arguments = Arguments::none;
  /// Of a function, or the sign between two arguments; empty if the text is made otherwise.
  const char* name = "";
  Precedence precedence = Precedence::primary;
  double (*of_one)(double) = nullptr;          ///< Arguments::one
  double (*of_two)(double, double) = nullptr;  ///< Arguments::two
  unsigned properties = no_property;           ///< of Property

  bool has(Property property) const noexcept { return (properties & property) != 0; }
};

/// One row for every operation; a new one without a row does not compile.
OperationTraits traits_of(Operation operation);

/// One elementwise operation of numbers, from its definition; of parts of formulas that do not vary
/// and of the rare arguments that the vector functions leave out. `number` is Node::number.
double scalar_value(Operation operation, std::span<const double> arguments, double number);

}  // namespace kronwerk::kernels
