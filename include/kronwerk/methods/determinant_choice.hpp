#pragma once

#include <string>

#include "kronwerk/configuration/job.hpp"
#include "kronwerk/methods/operator_formula.hpp"

namespace kronwerk::methods {

/// How a log determinant is found.
enum class DeterminantKind {
  product,    ///< from the determinants of the factors
  spectral,   ///< from the eigenvalues
  dense,      ///< by a factorisation of the whole matrix
  estimated,  ///< by stochastic Lanczos quadrature
};

struct DeterminantChoice {
  DeterminantKind kind = DeterminantKind::product;
  std::string why;
};

/// By what is known without the matrices' values.
DeterminantChoice foresee_determinant(const OperatorFormula& formula, configuration::Method wanted,
                                      int ranks);
/// What serves where there are no eigenvalues, for `why_not`: the whole matrix where that takes
/// seconds (or is asked for), else an estimate.
DeterminantChoice determinant_without_structure(const OperatorFormula& formula,
                                                configuration::Method wanted, int ranks,
                                                const std::string& why_not);

/// What a block of rows of a dense determinant's matrix may take on a rank.
inline constexpr double determinant_block_bytes = 32e6;

/// What a dense determinant takes: the matrix and its factorisation per node, the rank's rows of
/// the inverse for derivatives and blocks of rows per rank.
struct DenseDeterminantBytes {
  double per_node = 0;
  double per_rank = 0;
};
DenseDeterminantBytes dense_determinant_bytes(const OperatorFormula& formula, bool derivatives,
                                              int ranks);

}  // namespace kronwerk::methods
