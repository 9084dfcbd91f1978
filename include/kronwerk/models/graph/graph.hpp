#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/core/extents.hpp"
#include "kronwerk/operators/grids/projection.hpp"

namespace kronwerk::models {

using core::Extents;
using core::Index;

/// What graphs of all modes are estimated from; the same on every rank.
struct GraphProblem {
  Extents extents;
  std::vector<std::vector<double>> grams;  ///< S_k, (n_k, n_k): as of operators::ModeGrams
  std::vector<double> penalties;           ///< λ_k ≥ 0
  /// Of every mode, or empty: factors of λ_k by entry, (n_k, n_k), symmetric, ≥ 0; empty for ones.
  /// The diagonal does not count. An infinite one keeps the entry at zero, whatever λ_k is.
  std::vector<std::vector<double>> weights;
};

struct GraphSettings {
  double tolerance = 1e-8;  ///< of the KKT residual
  Index max_iterations = 3000;
  operators::TraceRule trace = operators::TraceRule::split;
  /// Told of every step with the KKT residual; may throw to stop, on all ranks or none.
  std::function<void(Index iteration, double kkt)> on_iteration;
};

/// The same on every rank.
struct GraphEstimate {
  std::vector<std::vector<double>> factors;      ///< Ψ_k, (n_k, n_k), exactly symmetric
  double offset = 0;                             ///< beside the factors; TraceRule::none only
  std::vector<std::vector<double>> eigenvalues;  ///< of the factors, ascending
  std::vector<Index> edges;    ///< of each mode: pairs i < j with Ψ_k(i, j) ≠ 0
  double log_determinant = 0;  ///< log|Ω|, Ω = offset I + ⊕Ψ_k
  double objective = 0;
  double kkt = 0;  ///< largest violation, relative to the mean diagonal of S_k
  bool converged = false;
  std::string reason;  ///< why not
  Index iterations = 0;
  Index proximal_steps = 0;
  Index newton_steps = 0;
  Index inner_iterations = 0;  ///< of conjugate gradients, in all
  Index decompositions = 0;    ///< points at which the factors were decomposed
  Index blocks = 0;            ///< connected components of all modes together
};

/// The Kronecker sum Ω = Ψ_1 ⊕ … ⊕ Ψ_K that minimises
///   −log|Ω| + Σ_k m_k (⟨S_k, Ψ_k⟩ + λ_k Σ_{i≠j} w_k(i, j) |Ψ_k(i, j)|),  m_k = N / n_k
/// (TeraLasso: Greenewald, Zhou and Hero 2019), to the optimum: proximal gradient steps in the
/// metric of the sum, then Newton's method on the free entries. Only Ω is positive definite and
/// unique; the trace rule says what of its trace each factor carries.
///
/// Collective. Per step one symmetric decomposition and product of every connected component of
/// |S_k| > λ_k, different ones by different ranks, and O(N / P).
/// @param start  an estimate to begin with, from the same S_k and other penalties, or null
/// @throws ShapeError; ConfigurationError for a penalty that is negative or not finite; DataError
/// for Grams that are not finite, symmetric, positive semi-definite or of one mean diagonal, and
/// where there is no minimum: on every rank
GraphEstimate estimate_graph(const communication::Communicator& comm, const GraphProblem& problem,
                             const GraphSettings& settings = {},
                             const GraphEstimate* start = nullptr);

/// The mean of log N(y; 0, Ω⁻¹) over samples with these Grams:
///   ½ (log|Ω| − Σ_k m_k ⟨S_k, Ψ_k⟩ − N log 2π). Local.
double graph_log_density(const Extents& extents, const GraphEstimate& estimate,
                         std::span<const std::vector<double>> grams);

}  // namespace kronwerk::models
