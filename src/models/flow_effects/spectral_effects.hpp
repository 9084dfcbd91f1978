#pragma once

#include <complex>
#include <memory>
#include <string>
#include <vector>

#include "kronwerk/models/flow_effects/effects.hpp"
#include "models/flow_effects/spectral_mode.hpp"

namespace kronwerk::models {

/// Effects in eigenvectors of both modes, O = P a P⁻¹ and D = Q b Q⁻¹. With q_ab = Σ_t c_t o_t(a)
/// d_t(b), the change S = x yᵀ has the entries
///
///   (A⁻¹ S)_ij = Σ_ab P_ia Q_jb (P⁻¹x)_a (Q⁻¹y)_b / q_ab,
///
/// so that with row r, column r and their crossing as sums over P and Q every product costs O(n²),
/// all of them being rows of matrix products with 1/q.
class SpectralEffects {
 public:
  /// Null if products of the eigenvectors do not give the matrices to rounding. Collective; keeps
  /// up to four n x n matrices on every node.
  /// @param comm, filter  must outlive the result
  static std::unique_ptr<SpectralEffects> make(const communication::Communicator& comm,
                                               const FlowFilter& filter,
                                               const FlowMatrices& matrices, FilterBases bases);

  /// Adds the sums over row r (`origin`) and column r (`destination`), both with the flow within r,
  /// that flow, and, where there are no weights, the total. Collective.
  /// @param c  of the filter's terms
  /// @throws SingularError
  void add(const std::vector<const AttributeUse*>& uses, std::span<const double> coefficients,
           std::span<const double> c, const CellWeights& weights, FlowEffects& effects) const;

  std::string description() const;

 private:
  SpectralEffects(const communication::Communicator& comm, const FlowFilter& filter,
                  FilterBases bases);
  bool is_accurate(const FlowMatrices& matrices) const;
  template <typename Scalar>
  void add_in(const std::vector<const AttributeUse*>& uses, std::span<const double> coefficients,
              std::span<const double> c, const CellWeights& weights, FlowEffects& effects) const;

  const communication::Communicator* comm_;
  const FlowFilter* filter_;
  FilterBases bases_;
  std::array<SpectralMode, 2> modes_;
};

}  // namespace kronwerk::models
