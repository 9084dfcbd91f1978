#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/kernels/reductions/reduce.hpp"

namespace kronwerk::kernels {

/// ∂L/∂name for a number L that depends on the names through reductions. Points are in the order of
/// files: (points of this rank, dimension), row-major.
struct ReduceGradient {
  std::map<std::string, double> parameters;              ///< the same on every rank
  std::map<std::string, std::vector<double>> constants;  ///< index-free vectors; likewise
  std::map<std::string, std::vector<double>> rows;       ///< variables of i
  std::map<std::string, std::vector<double>> columns;    ///< variables of j
};

/// The reductions that can be differentiated: sum, mean, norm, logsumexp, softmax, min and max
/// (also as min_argmin and max_argmax, through their values).
bool is_differentiable(ReductionKind kind);

/// The vector-Jacobian product of one reduction r: for every name Σ over rows and components of
/// cotangent · ∂r/∂name, by symbolic differentiation of the formula and its weight. With
/// p_ij = exp(F_ij - logsumexp_i):
///
///   sum: ∂r_i/∂F_ij = 1;  mean: 1/N;  norm: F_ij/r_i (0 where r_i = 0);  logsumexp: p_ij;
///   weighted logsumexp: w_ij exp(F_ij - r_i), and exp(F_ij - r_i) by the weight;
///   softmax: p_ij (w_ij - r_i), and p_ij by the weight;
///   min, max: 1 for the lowest index that attains it, 0 for the others.
///
/// Collective: one reduction over the axis that the setup reduces for its kept axis' variables,
/// parameters and index-free vectors together, one over the other axis for the reduced axis'
/// variables; softmax, and min and max without indices, take a forward reduction besides.
/// @param setup       with this one request
/// @param result     of reduce() with this setup: this rank's part
/// @param cotangent  ∂L/∂r, of the shape of result.values
/// @param names      of parameters, variables or index-free vectors; those that the formula does
///                   not use have zero gradients
/// @throws ConfigurationError for a name that is neither in the constants nor in the sides, or a
///         reduction that has no derivative
ReduceGradient reduce_gradient(const communication::Communicator& comm, const ReductionSetup& setup,
                               const DistributedSide& rows, const DistributedSide& columns,
                               const ReductionResult& result, std::span<const double> cotangent,
                               const std::vector<std::string>& names);

}  // namespace kronwerk::kernels
