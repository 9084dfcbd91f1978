#pragma once

#include <span>
#include <vector>

#include "kronwerk/communication/shared_array.hpp"
#include "kronwerk/models/laplace/laplace.hpp"

namespace kronwerk::models {

/// B = I + W^½KW^½ of the observed cells as a dense matrix, once per node, for a few thousand of
/// them.
class DenseLatent {
 public:
  /// O(m²) memory and m³ / 3 flops on every node. Collective.
  /// @param weights  W, this rank's home block; 0 where nothing was observed
  DenseLatent(const communication::Communicator& comm, const LatentCells& cells,
              const std::vector<ScaledProduct>& signal, std::span<const double> weights);

  /// log|B|.
  double log_determinant() const noexcept { return log_determinant_; }
  /// 1 − (B⁻¹)_ii = W_i times the variance given the observations: home block, 0 where nothing was
  /// observed. 2 m³ / 3 flops on the first call. Collective.
  std::vector<double> leverage();
  /// tr(R ∂K), R = W^½B⁻¹W^½. Collective.
  double trace(const std::vector<ScaledProduct>& derivative);
  /// values[i] = c_iᵀ R c_i for the rows c_i of C, C over all cells of the grid. Local once `cross`
  /// is factorised; m² flops each.
  /// @param cross   Σ scale ⊗ C_k;  @param points  extents of its rows
  void explained(const std::vector<ScaledProduct>& cross, const Extents& points, Index first,
                 std::span<double> values) const;

 private:
  void invert();
  Index count() const noexcept { return std::ssize(roots_); }

  const communication::Communicator* comm_;
  Extents extents_;
  std::vector<Index> cells_;                    ///< flat indices of the observed cells, ascending
  std::vector<double> roots_;                   ///< W^½ there
  communication::SharedArray<double> factor_;   ///< L of B = LLᵀ, row-major
  communication::SharedArray<double> inverse_;  ///< B⁻¹, the lower triangle; empty at first
  Index begin_ = 0;                             ///< of this rank's cells
  std::vector<std::size_t> mine_;               ///< their places in the home block
  std::size_t home_size_ = 0;
  double log_determinant_ = 0;
};

}  // namespace kronwerk::models
