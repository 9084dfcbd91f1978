#pragma once

#include <cstdint>
#include <span>

#include "kronwerk/operators/linear_operator.hpp"

namespace kronwerk::operators {

struct StochasticSettings {
  Index probes = 30;
  Index steps = 60;  ///< Lanczos steps per probe at most
  std::uint64_t seed = 1;
};

/// An estimate with the standard error of its mean over the probes.
struct StochasticValue {
  double value = 0;
  double standard_error = 0;
};

/// The mean of independent samples and its standard error (infinite for one). Local.
StochasticValue mean_of(std::span<const double> samples);

/// log det Op for a symmetric positive definite Op by stochastic Lanczos quadrature (Ubaru, Chen
/// and Saad 2017) with full reorthogonalisation and seeded Rademacher probes, the same for every
/// np. With `squared`, Op need only be regular: half of that of OpᵀOp, without a sign. Collective.
StochasticValue stochastic_logdet(const LinearOperator& op, bool squared,
                                  const StochasticSettings& settings);

/// tr(Op⁻¹ D) by the same probes: mean of zᵀ Op⁻¹ D z. Collective.
/// @param inverse  an operator that solves with Op
StochasticValue stochastic_trace(const LinearOperator& inverse, const LinearOperator& derivative,
                                 const StochasticSettings& settings);

}  // namespace kronwerk::operators
