#pragma once

#include <vector>

#include "kronwerk/formulas/syntax.hpp"

namespace kronwerk::formulas {

enum class TokenKind {
  number,
  name,
  left_parenthesis,
  right_parenthesis,
  comma,
  apostrophe,
  binary_operator,
  end,
};

struct Token {
  TokenKind kind = TokenKind::end;
  Span span;
  double value = 0;                                ///< of a number
  BinaryOperator operation = BinaryOperator::add;  ///< of an operator
};

/// The formula cut into tokens; the last one is `end`.
/// @throws ConfigurationError for characters and numbers that a formula cannot have
std::vector<Token> tokenise(const Source& source);

}  // namespace kronwerk::formulas
