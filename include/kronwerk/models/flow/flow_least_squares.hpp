#pragma once

#include <span>
#include <vector>

#include "kronwerk/models/flow/moments.hpp"

namespace kronwerk::models {

/// Least squares of a filtered model at given coefficients c of the filter: the δ that minimises
/// S = ‖Σ_t c_t (L_t - Σ_j δ_j Z_jt)‖² (the filter acts on the errors) or ‖Σ_t c_t L_t - Zδ‖².
struct FlowLeastSquares {
  double squares = 0;                ///< S
  double lost_digits = 0;            ///< decimal digits that cancel in S
  std::vector<double> coefficients;  ///< δ
  std::vector<double> gram;          ///< (p, p): ½ ∂²S/∂δ²
  std::vector<double> by_both;       ///< (p, T): ½ ∂²S/∂δ∂c
  std::vector<double> products;      ///< (T, T): ½ ∂²S/∂c² at fixed δ
  std::vector<double> gradient;      ///< T: ∂S/∂c
};

/// ZᵀZ of the columns as they enter the model with these coefficients, (p, p).
std::vector<double> gram_of(const FlowMoments& moments, std::span<const double> coefficients);
/// ⟨Z_j, L_t⟩ likewise, (p, T).
std::vector<double> cross_products_of(const FlowMoments& moments,
                                      std::span<const double> coefficients);

/// From the moments alone. Local. @throws DataError if the columns are collinear
FlowLeastSquares solve_least_squares(const FlowMoments& moments,
                                     std::span<const double> coefficients);
/// The derivatives at a δ that is the least squares' own.
FlowLeastSquares least_squares_at(const FlowMoments& moments, std::span<const double> coefficients,
                                  std::vector<double> delta);

}  // namespace kronwerk::models
