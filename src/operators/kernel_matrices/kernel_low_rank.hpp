#pragma once

#include <span>
#include <vector>

#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::operators {

using core::Index;

/// (F Fᵀ + shift I)⁻¹ for a tall F whose rows are distributed, by Woodbury's formula: with R from
/// FᵀF + shift I = RᵀR and Q = F R⁻¹, (I - Q Qᵀ) / shift. Where the eigenvalues of F Fᵀ exceed the
/// shift so far that R is inaccurate, Q is kept and made orthonormal a second time together with
/// shift^½ R⁻¹ (CholeskyQR2 of F stacked on shift^½ I; Yamamoto et al. 2015). Symmetric positive
/// definite.
class LowRankInverse {
 public:
  /// Collective.
  /// @param factor  this rank's rows of F, column-major
  /// @param shift   raised to the rounding error of F Fᵀ if it is below that: see shift()
  LowRankInverse(const communication::Communicator& comm, std::vector<double> factor, Index rows,
                 Index rank, double shift);

  Index rank() const noexcept { return rank_; }
  double shift() const noexcept { return shift_; }
  /// z = (F Fᵀ + shift I)⁻¹ r for `width` vectors side by side, row-major. Collective.
  void apply(std::span<const double> r, std::span<double> z, Index width) const;
  /// log det(F Fᵀ + shift I).
  double log_determinant() const noexcept { return log_determinant_; }
  /// z = F g + shift^½ e: of covariance F Fᵀ + shift I if g (rank x width, the same on every rank)
  /// and e (rows x width) are independent normal numbers. Local.
  void color(std::span<const double> g, std::span<const double> e, std::span<double> z,
             Index width) const;

 private:
  std::vector<double> gram() const;
  void orthonormalise();
  void multiply_transposed(std::span<const double> r, std::span<double> t, Index width) const;
  void subtract(std::span<const double> t, std::span<double> z, Index width) const;

  const communication::Communicator* comm_;
  std::vector<double> factor_;  ///< F, or Q if orthonormal_
  Index rows_;
  Index rank_;
  double shift_;
  bool orthonormal_ = false;
  std::vector<double> triangle_;  ///< R, the upper triangle of a column-major matrix: F = Q R
  double log_determinant_ = 0;
};

}  // namespace kronwerk::operators
