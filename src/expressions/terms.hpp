#pragma once

#include <string>
#include <vector>

#include "kronwerk/expressions/factor_node.hpp"
#include "kronwerk/expressions/lowering.hpp"

namespace kronwerk::expressions {

using Terms = std::vector<ProductTerm>;

/// Products of sums multiply their numbers of terms; a formula that expands further is refused.
inline constexpr std::size_t most_terms = 1000;

/// Whether a sum of two factors of which one would have to be composed or inverted first may
/// replace two terms.
enum class Forming { allowed, avoided };

/// The same operator with like terms merged, until no two differ in one mode only. Since sums of
/// factors are normalised, this finds the product in I⊗I − ρ_d I⊗W − ρ_o W⊗I + ρ_oρ_d W⊗W.
/// Forming is allowed by default where there is one mode: a single factor can be solved with.
Terms merged(Terms terms);
Terms merged(Terms terms, Forming forming);

Terms scaled(Terms terms, double factor);
/// The terms of a b and of a ⊗ b. For the latter, no term may have steps.
Terms composed(const Terms& a, const Terms& b);
Terms joined(const Terms& a, const Terms& b);
Terms identity_terms(const Extents& extents);
Terms grid_diagonal_terms(const std::string& name, const Extents& grid);

ProductTerm transpose(const ProductTerm& term);
/// Every factor must be square and the coefficient not zero.
ProductTerm inverse(const ProductTerm& term);

/// Every Kronecker product of the term, from the left: the first, then those of the steps.
std::vector<const std::vector<FactorNodePtr>*> products(const ProductTerm& term);

/// The term without its coefficient, as a formula.
std::string text(const ProductTerm& term);

}  // namespace kronwerk::expressions
