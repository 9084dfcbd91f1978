#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kronwerk/operators/kernel_matrices/kernel_operator.hpp"

namespace kronwerk::operators {

/// K ≈ F Fᵀ of low rank for the symmetric positive semidefinite matrix scale * K of an operator
/// (its shift left out): randomly pivoted Cholesky (Chen, Epperly, Tropp and Webber 2023) in blocks
/// of candidates of which rejection sampling takes the right ones (Epperly, Tropp and Webber 2024),
/// so that all large work is GEMM. Rows of F are distributed like the points. The pivots are drawn
/// from counter-based random numbers; the approximation is the same for every np to rounding,
/// unless rounding moves a draw to a neighbouring point.
class PartialCholesky {
 public:
  /// Collective. @param op  square, F symmetric with equal points on both sides; must outlive this
  /// @throws DataError if the diagonal is not finite
  PartialCholesky(const KernelOperator& op, std::uint64_t seed);

  enum class Step {
    grown,
    exhausted,   ///< what is left is rounding error: F Fᵀ is all of K
    indefinite,  ///< K is not positive semidefinite; F is as it was
  };
  /// Draws up to `candidates` points and adds a column for each that is accepted. Collective.
  Step grow(Index candidates);

  Index rank() const noexcept { return rank_; }
  /// This rank's rows of F, column-major (leading dimension local_rows()).
  std::span<const double> factor() const noexcept { return factor_; }
  std::vector<double> take_factor() && { return std::move(factor_); }
  Index local_rows() const noexcept { return rows_; }
  /// tr(K) and tr(K - F Fᵀ).
  double full_trace() const noexcept { return full_trace_; }
  double trace() const noexcept { return trace_; }
  /// An estimate of the norm of K - F Fᵀ, from the candidates of the last step; 0 before the first.
  double residual_norm() const noexcept { return residual_norm_; }

 private:
  struct Candidates;
  struct Accepted;
  void take_diagonal(const KernelOperator& op);
  void sum_trace();
  std::vector<Index> draw(Index count);
  Candidates gather(const std::vector<Index>& drawn) const;
  void subtract_known(const Candidates& candidates, std::vector<double>& block) const;
  Accepted accept(const Candidates& candidates);
  void append(const Candidates& candidates, const Accepted& accepted);

  const communication::Communicator* comm_;
  std::uint64_t seed_;
  std::uint64_t drawn_ = 0;  ///< random numbers used so far
  double scale_;
  kernels::Side row_side_;
  kernels::Side column_side_;
  kernels::Program program_;
  Index rows_;
  Index rank_ = 0;
  std::vector<double> factor_;
  std::vector<double> diagonal_;  ///< of K - F Fᵀ
  double full_trace_ = 0;
  double largest_ = 0;  ///< entry of the diagonal of K
  double trace_ = 0;
  double residual_norm_ = 0;
  std::vector<double> trace_before_rank_;  ///< sums of diagonal_ on the ranks before each
};

}  // namespace kronwerk::operators
