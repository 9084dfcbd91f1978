#pragma once

#include <vector>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::operators {

using core::Index;

/// Σ_t c_t ⊗_k F_{k, index_{t,k}} over the distinct factors of each mode, with what the nearest
/// simpler operator needs of them: nothing here is larger than the number of factors.
struct FactorGrams {
  struct Term {
    double coefficient = 1;
    std::vector<int> factors;  ///< one index per mode
  };
  std::vector<Term> terms;
  std::vector<Index> extents;
  /// Per mode: inner products <F_i, F_j>, row-major, count_k x count_k.
  std::vector<std::vector<double>> grams;
  /// Per mode: tr F_i.
  std::vector<std::vector<double>> traces;
};

/// ⊗_k (Σ_i coefficients[k][i] F_{k,i}), nearest in the Frobenius norm: the leading singular pair
/// for K = 2 (Van Loan and Pitsianis 1993), alternating least squares from several starts for more.
struct NearestProduct {
  std::vector<std::vector<double>> coefficients;
  double relative_error = 0;  ///< ‖Op - nearest‖_F / ‖Op‖_F
};
NearestProduct nearest_product(const FactorGrams& sum);

/// Op P⁻¹ for P = ⊗_k P_k with P_k = Σ_i coefficients[k][i] F_{k,i}, as a sum of products again:
/// Σ_t c_t ⊗_k G_{k, factors[k]}, where G_{k,j} = F_{k,j} P_k⁻¹ (P_k⁻¹ itself for an identity), but
/// the identity for j = pivots[k]. With the factors {I, W} a mode has {I, P_k⁻¹}: one application
/// of Op P⁻¹ costs little more than one of P⁻¹.
struct CombinedSum {
  std::vector<int> pivots;  ///< the factor of each mode that P_k stands for
  std::vector<FactorGrams::Term> terms;
};
/// @param coefficients  of P, as nearest_product gives them; not all zero in any mode
/// @param identities    per mode, which factor is the identity; -1 for none
CombinedSum combine_with_inverse(const FactorGrams& sum,
                                 const std::vector<std::vector<double>>& coefficients,
                                 const std::vector<int>& identities);

/// shift * I + ⊕_k (Σ_i coefficients[k][i] F_{k,i}), nearest in the Frobenius norm.
struct NearestSum {
  std::vector<std::vector<double>> coefficients;
  double shift = 0;
  double relative_error = 0;
};
NearestSum nearest_sum(const FactorGrams& sum);

}  // namespace kronwerk::operators
