#pragma once

#include <complex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/expressions/factor_node.hpp"
#include "kronwerk/expressions/lowering.hpp"

namespace kronwerk::expressions {

/// How the factors that the terms of a sum have in one mode are related.
struct ModeStructure {
  enum class Kind {
    identity,   ///< identities only
    diagonal,   ///< diagonal matrices only
    functions,  ///< sums, products and inverses of one matrix: `first`
    pair,       ///< linear combinations of two matrices: `first` and `second`
    none        ///< neither
  };
  Kind kind = Kind::identity;
  FactorNodePtr first = nullptr;
  FactorNodePtr second = nullptr;
  /// Of a pair: what else in the formula is a combination of the two, the smallest first. Where
  /// neither of the two is definite, one of these may be.
  std::vector<FactorNodePtr> combinations = {};
};

/// The structure of an operator as far as the formula shows it; whether bases exist is a question
/// to the data (factors::find_bases).
struct SpectralStructure {
  std::vector<ModeStructure> modes;
  /// Empty if every mode has a structure; otherwise which has none and why, for messages.
  std::string why_not;
  bool complete() const noexcept { return why_not.empty(); }
  /// Σ of terms with one factor other than the identity each, in distinct modes, and a shift.
  bool kronecker_sum = false;
};

/// @param symmetric  names of the matrices that equal their transposes
SpectralStructure find_structure(const SumOfProducts& sum, const std::set<std::string>& symmetric);

/// x and y with factor = x first + y second, as far as the formula shows it; nothing if there are
/// none.
struct PairWeights {
  double first = 0;
  double second = 0;
};
std::optional<PairWeights> weights_in_pair(const FactorNode& factor, const FactorNode& first,
                                           const FactorNode& second,
                                           const std::set<std::string>& symmetric);

/// The values that `factor`, a function of `generator`, has at the eigenvalues of the generator.
/// @throws SingularError if an inverse meets zero, up to the rounding of the largest eigenvalue,
/// naming the factor
std::vector<std::complex<double>> evaluate_at(const FactorNode& factor, const FactorNode& generator,
                                              std::span<const std::complex<double>> eigenvalues,
                                              const std::set<std::string>& symmetric);

}  // namespace kronwerk::expressions
