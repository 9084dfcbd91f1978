#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "kronwerk/models/flow/column_solves.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"

namespace kronwerk::models {

/// A filter that is O ⊗ D at some parameters, each of which only one of O and D depends on. Then
/// A⁻¹ = O⁻¹ ⊗ D⁻¹, and S_k = A⁻¹A_k, A_k = ∂A/∂θ_k, is O⁻¹O_k ⊗ I or I ⊗ D⁻¹D_k: solves with one
/// mode.
class SeparableSolves {
 public:
  /// Null where the filter is not of that form, or solves with its modes are not accurate.
  /// Factorises; collective. @param comm, matrices  must outlive the result
  static std::unique_ptr<SeparableSolves> make(
      const communication::Communicator& comm,
      const std::shared_ptr<communication::SharedBlocks>& workspace, const FlowFilter& filter,
      const FlowMatrices& matrices, const ColumnSolver& columns,
      const FilterCoefficients& coefficients);

  /// x = A⁻¹ b or A⁻ᵀ b, this rank's rows. Collective.
  void solve(std::span<const double> b, std::span<double> x, bool transposed) const;
  /// y = S_k x or S_kᵀ x. Collective.
  void apply_slope(std::size_t k, std::span<const double> x, std::span<double> y,
                   bool transposed) const;
  /// Whether θ_k is of the origins' matrix. ∂²A/∂θ_k∂θ_l is A S_k S_l for parameters of different
  /// modes, and zero for others.
  bool of_origins(std::size_t k) const { return slopes_[k].of_origins; }

 private:
  struct Slope {
    bool of_origins;
    operators::KroneckerProduct forward;
    operators::KroneckerProduct transposed;
  };
  SeparableSolves(operators::KroneckerProduct inverse, std::vector<Slope> slopes);

  operators::KroneckerProduct inverse_;
  operators::KroneckerProduct transposed_;
  std::vector<Slope> slopes_;
};

}  // namespace kronwerk::models
