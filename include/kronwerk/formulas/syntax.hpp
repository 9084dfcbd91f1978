#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "kronwerk/formulas/source.hpp"

namespace kronwerk::formulas {

enum class SyntaxKind {
  number,
  name,
  call,         ///< text(arguments...)
  plus,         ///< +a
  minus,        ///< -a
  transpose,    ///< a'
  binary,       ///< arguments[0] operation arguments[1]
  parentheses,  ///< (a), kept so that positions include them
};

enum class BinaryOperator {
  add,
  subtract,
  multiply,
  divide,
  power,
  less,
  less_equal,
  greater,
  greater_equal,
  equal,
  not_equal,
};

/// "+", "<=", ... as written.
std::string to_text(BinaryOperator operation);

/// One node of a parsed formula. Immutable; says nothing about types or sizes.
struct Syntax {
  SyntaxKind kind = SyntaxKind::number;
  std::string text;  ///< the name, the called function, or the number as written
  double value = 0;  ///< of a number
  BinaryOperator operation = BinaryOperator::add;
  std::vector<std::shared_ptr<const Syntax>> arguments;
  Span span;  ///< the whole node
  Span head;  ///< the operator, or the name of the called function
  int depth = 1;
};

using SyntaxPtr = std::shared_ptr<const Syntax>;

/// Longer formulas, deeper trees and deeper nesting of parentheses, calls, signs and powers are
/// refused: with these, reading, resolving, simplifying, differentiating and printing a formula of
/// either language takes about 120 kB of stack at most.
inline constexpr std::size_t longest_formula = 10'000;
inline constexpr int deepest_formula = 128;
inline constexpr int deepest_nesting = 64;

/// A sum or product of more operands is grouped in halves (it is associative), so that its tree is
/// not as deep as it is long.
inline constexpr std::size_t longest_left_chain = 32;

/// Text to syntax tree; the one parser of operator formulas and kernel formulas.
///
///   comparison := sum [("<" | "<=" | ">" | ">=" | "==" | "!=") sum]
///   sum        := product {("+" | "-") product}
///   product    := signed {("*" | "/") signed}
///   signed     := ("-" | "+") signed | power
///   power      := postfix ["^" signed]               right-associative, before the unary minus
///   postfix    := primary {"'"}
///   primary    := number | name | name "(" [comparison {"," comparison}] ")" | "(" comparison ")"
///
/// @throws ConfigurationError with the place under a caret
SyntaxPtr parse(const Source& source);

/// Every name that is used and not called, once each, in order of appearance.
std::vector<std::string> names(const Syntax& syntax);

}  // namespace kronwerk::formulas
