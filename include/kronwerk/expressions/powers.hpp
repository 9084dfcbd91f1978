#pragma once

#include <vector>

#include "kronwerk/expressions/factor_node.hpp"
#include "kronwerk/expressions/lowering.hpp"

namespace kronwerk::expressions {

/// For every mode a matrix M such that all factors that these sums have there are polynomials in M
/// (with M⁻¹ where it is a factor by itself), as far as the formula shows it; null where there is
/// none, or nothing but identities. Pure.
/// @param sums  over the same modes, without steps
std::vector<FactorNodePtr> find_bases_of_powers(const std::vector<const SumOfProducts*>& sums);

/// The same sum with powers of these matrices in the place of polynomials in them, multiplied out
/// and like terms merged: kron(A, M + I) is kron(A, M) + kron(A, I). Factors that are none stay,
/// and so does a sum that would have more than 1000 terms. Pure.
SumOfProducts in_powers(const SumOfProducts& sum, const std::vector<FactorNodePtr>& bases);

}  // namespace kronwerk::expressions
