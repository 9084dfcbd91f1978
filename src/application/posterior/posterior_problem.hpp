#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "application/posterior/chain_groups.hpp"
#include "application/session/job_context.hpp"
#include "kronwerk/models/posterior/posterior_density.hpp"

namespace kronwerk::application {

using core::Index;

/// A quantity of which the result has the draws: a number, or one for each label.
struct PosteriorVariable {
  std::string name;
  std::vector<std::string> labels{};
  std::string axis{};  ///< what is labelled: "column"

  std::size_t width() const noexcept { return labels.empty() ? 1 : labels.size(); }
};

/// What is evaluated, on all ranks or on those of a group.
struct PosteriorModel {
  /// By the parameters; throws DataError or ConvergenceError where it is not defined. Collective.
  models::DensityFunction log_density;
  /// How it was, for the report. Local.
  std::function<std::string()> method;
  /// The variables' values at a draw of the parameters: these themselves if empty. What is drawn
  /// given them has the random numbers of the draw's own stream. Collective.
  std::function<std::vector<double>(std::span<const double> x, std::uint64_t seed,
                                    std::uint64_t stream)>
      draw{};
};

/// What a model says of its posterior.
struct PosteriorProblem {
  std::vector<models::PosteriorParameter> parameters;  ///< that vary
  PosteriorModel model;
  /// (n, n): about minus the second derivatives at the initial values; empty if not known.
  std::vector<double> information{};
  std::vector<PosteriorVariable> variables;
  /// Of all of them.
  std::size_t entries() const;
  /// Called after the chains with the variables' values of every draw, chain by chain; empty for
  /// nothing. Collective.
  std::function<void(Index draw, std::span<const double> values)> revisit{};
  /// The model once more, of some of the ranks alone: those of a context that outlives it.
  /// Collective on these.
  std::function<PosteriorModel(JobContext& group)> copy;
  CopyNeeds copy_needs;
};

/// Chains of the No-U-Turn sampler, their draws and statistics in the result, and the table of what
/// they say. Kept as they are made, so that a job that was killed goes on. Collective.
/// @return why the job did not converge; empty if it did
/// @throws DataError if the density is not defined at the initial values
std::string sample_posterior(JobContext& context, PosteriorProblem& problem);

}  // namespace kronwerk::application
