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

/// Two modes only: the coefficients of products Σ_i A_i ⊗ B_i = Op that are orthogonal to each
/// other, the nearest one first (those that are rounding errors are left out): result[i][k] is like
/// NearestProduct::coefficients[k]. With P = A_1 ⊗ B_1 as preconditioner, Op P⁻¹ is the identity
/// and one product less than Op has: I + Σ_{i>1} (A_i A_1⁻¹) ⊗ (B_i B_1⁻¹).
std::vector<std::vector<std::vector<double>>> singular_products(const FactorGrams& sum);

/// shift * I + ⊕_k (Σ_i coefficients[k][i] F_{k,i}), nearest in the Frobenius norm.
struct NearestSum {
  std::vector<std::vector<double>> coefficients;
  double shift = 0;
  double relative_error = 0;
};
NearestSum nearest_sum(const FactorGrams& sum);

}  // namespace kronwerk::operators
