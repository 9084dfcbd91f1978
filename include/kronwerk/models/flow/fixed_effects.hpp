#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "kronwerk/models/flow/filter.hpp"
#include "kronwerk/models/flow/moments.hpp"

namespace kronwerk::models {

/// The numbers of fixed effects, α of the n_o origins and β of the n_d destinations; empty where a
/// mode has none.
using EffectValues = std::array<std::vector<double>, 2>;

/// Where both modes have effects, moves the constant, which is in both, so that those of the
/// destinations sum to zero. Local.
void normalise(EffectValues& effects);

/// values_ij += α_i + β_j on the rows [first, first + rows) of origins, n_d values each. Local.
void add_effects(const EffectValues& effects, Index first, Index n_d, std::span<double> values);

/// A matrix whose rows do not have equal sums.
struct UnequalRows {
  std::size_t matrix = 0;
  Index row = 0;         ///< whose sum is not that of row 0
  double sum = 0;        ///< its own
  double first_sum = 0;  ///< of row 0
};
/// The filter maps effects of one mode to such effects if this finds nothing among the matrices of
/// the other mode. Local.
std::optional<UnequalRows> find_unequal_rows(const std::vector<factors::Chain>& matrices);

/// The effects of A x for an x that is made of effects. Local; no rows may be unequal.
/// @param coefficients  of the filter's terms
EffectValues apply_to_effects(const FlowFilter& filter, const FlowMatrices& matrices,
                              std::span<const double> coefficients, const EffectValues& effects);
/// Those of A⁻¹ x. Factorises; collective. @throws SingularError, ConvergenceError where a small
/// solve is not accurate
EffectValues solve_for_effects(const communication::Communicator& comm, const FlowFilter& filter,
                               const FlowMatrices& matrices, std::span<const double> coefficients,
                               const EffectValues& effects);

/// The effects that are best beside the coefficients δ, of A y or of A (y - Zδ): the means of its
/// rows and columns. Local.
/// @param moments  with effects
EffectValues best_effects(const FlowMoments& moments, std::span<const double> coefficients,
                          std::span<const double> delta);

}  // namespace kronwerk::models
