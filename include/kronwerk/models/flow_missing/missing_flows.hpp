#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kronwerk/models/flow/moments.hpp"

namespace kronwerk::models {

struct FlowLeastSquares;
struct DeterminantValue;

/// Flows that were not observed, at most.
inline constexpr Index most_missing_flows = 4000;

/// The cells of a Gaussian flow model that were not observed. Their flows η are integrated out:
/// with y₀ the observed flows and zeros elsewhere, and E the columns of the missing cells,
///
///   r = A (y₀ + E η) - Zδ   (or A (y₀ + E η - Zδ)),   S = min_η ‖r‖²,
///
/// and log det A becomes log det A - ½ log det A_mᵀA_m with A_m = A E, exactly.
class MissingFlows {
 public:
  /// Takes the moments that A_m needs: products of the mode's matrices at the missing cells, and
  /// T² applications to y₀ and the grid columns. Collective.
  /// @param cells  of each year, ascending, the same on every rank; i n_d + j
  /// @param years  this rank's rows of y₀
  MissingFlows(const communication::Communicator& comm, const std::shared_ptr<Workspace>& workspace,
               const FlowFilter& filter, const FlowMatrices& matrices,
               const std::vector<FlowColumn>& columns, std::span<const std::vector<double>> years,
               std::vector<std::vector<Index>> cells, FilterActsOn acts_on);

  Index count() const noexcept { return count_; }

  /// The least squares over δ and η, with its second derivatives for the η that are best at any
  /// (c, δ). Replaces what GaussianFlow finds without missing cells. Local; O(T² m² + m³).
  FlowLeastSquares solve(const FlowMoments& moments, std::span<const double> coefficients) const;

  /// ½ ∂²S/∂δ², (p, p), singular if the observed cells do not tell the columns apart. Local.
  std::vector<double> gram(const FlowMoments& moments, std::span<const double> coefficients) const;

  /// Adds what missing flows make of Σ_jk weights_jk ∂gram_jk/∂c_t to the sum for each t. Local.
  /// @param weights  (p, p), symmetric
  void add_gram_slopes(const FlowMoments& moments, std::span<const double> coefficients,
                       std::span<const double> weights, std::span<double> slopes) const;

  /// Adds -½ log det A_mᵀA_m, of all years together, with its derivatives by c. Collective;
  /// O(T m³ / P).
  void add_determinant(std::span<const double> coefficients, DeterminantValue& value) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
  Index count_ = 0;
};

}  // namespace kronwerk::models
