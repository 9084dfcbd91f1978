#pragma once

#include <vector>

#include "formulas/token.hpp"
#include "kronwerk/formulas/syntax.hpp"

namespace kronwerk::formulas {

/// The node with its depth.
///
/// @throws ConfigurationError if the tree is deeper than deepest_formula
SyntaxPtr finish(const Source& source, Syntax node);

SyntaxPtr binary(const Source& source, const Token& sign, SyntaxPtr left, SyntaxPtr right);

/// An operand and the operator before it; the first operand of a chain has none.
struct Link {
  Token sign;
  SyntaxPtr operand;
};

/// a + b - c ... or a*b/c ...: from the left, as written, if there are at most longest_left_chain
/// operands; otherwise in halves of halves, so that the tree is as deep as the logarithm of the
/// chain is long: a + b - c - d as (a + b) + (-c - d), and a/b*c*d as (a/b)*(c*d). A chain is split
/// at no division, so that only divisions in a row make the tree deeper.
///
/// @throws ConfigurationError if the tree is deeper than deepest_formula
SyntaxPtr chain(const Source& source, std::vector<Link> links);

}  // namespace kronwerk::formulas
