#pragma once

#include <cstdint>
#include <span>

#include "kronwerk/operators/base/linear_operator.hpp"

namespace kronwerk::operators {

struct StochasticSettings {
  Index probes = 30;
  Index steps = 1000;  ///< Lanczos steps per probe at most
  std::uint64_t seed = 1;
  /// A probe's quadrature has settled when its error is at most this part of zᵀ|log Op|z.
  double tolerance = 1e-7;
  /// A lower bound of the eigenvalues of a definite Op; 0 where none is known.
  double least_eigenvalue = 0;
  /// Lanczos vectors that are kept for reorthogonalisation (twice as many for `squared`); all of
  /// operators with at most 500 rows.
  Index directions = 60;
};

/// An estimate with the standard error of its mean over the probes, and what the quadratures or
/// solves of each may have left, its bias: |value − exact| is about their sum.
struct StochasticValue {
  double value = 0;
  double standard_error = 0;
  /// Half the distance of two bounds where an eigenvalue bound is known, else an estimate.
  double quadrature_error = 0;
  double bias_bound = 0;  ///< of a trace: what its solves left, about
  Index steps = 0;        ///< the most Lanczos steps of a probe
  bool settled = true;    ///< all quadratures did within the steps allowed
};

/// The mean of independent samples and its standard error (infinite for one). Local.
StochasticValue mean_of(std::span<const double> samples);

/// log det Op for a symmetric positive definite Op by stochastic Lanczos quadrature (Ubaru, Chen
/// and Saad 2017) with seeded Rademacher probes, the same for every np. Every probe goes on until
/// its quadrature has settled. The first `directions` vectors are reorthogonalised; from then on a
/// process goes on by its three-term recurrence, whose quadratures are those of a matrix with
/// eigenvalues in tiny intervals about Op's (Greenbaum 1989): they take more steps to the same
/// limit. Small operators keep all directions, so that their quadratures are exact in the end.
///
/// With `squared`, Op need only be regular: log|det Op| = ½ log det OpᵀOp, without a sign, by
/// Golub-Kahan bidiagonalisation of Op itself, so that the condition is not squared. Collective.
/// @throws DataError if Op is not positive definite, or singular to working precision
StochasticValue stochastic_logdet(const LinearOperator& op, bool squared,
                                  const StochasticSettings& settings);

/// tr(Op⁻¹ D) by the same probes: mean of zᵀ Op⁻¹ D z. A solve that leaves the residual r changes
/// its probe's value by zᵀ Op⁻¹ r, at most ‖Op⁻ᵀz‖ ‖r‖, whose mean is the bias bound. Collective.
/// @param inverse  an operator that solves with Op
/// @param norm     of Op⁻ᵀz, by probe_norm()
StochasticValue stochastic_trace(const LinearOperator& op, const LinearOperator& inverse,
                                 const LinearOperator& derivative, double norm,
                                 const StochasticSettings& settings);

/// ‖Mᵀz‖ of the first probe: √(Σ m_ij²) in the mean over probes. Collective.
double probe_norm(const LinearOperator& op, const StochasticSettings& settings);

}  // namespace kronwerk::operators
