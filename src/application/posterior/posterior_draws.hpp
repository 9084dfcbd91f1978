#pragma once

#include <span>
#include <string>
#include <vector>

#include "application/posterior/posterior_problem.hpp"
#include "kronwerk/models/posterior/chain.hpp"

namespace kronwerk::application {

using core::Index;

/// The draws of all chains with their statistics, as rows of numbers so that they can be kept.
class PosteriorDraws {
 public:
  /// What a row holds beside the variables' values.
  enum Statistic { lp, energy, tree_depth, n_steps, acceptance_rate, step_size, diverging, count };

  PosteriorDraws(std::size_t entries, Index chains, Index draws)
      : entries_(entries), draws_(draws), rows_(static_cast<std::size_t>(chains)) {}

  Index chains() const noexcept { return std::ssize(rows_); }
  Index draws() const noexcept { return draws_; }
  /// How many of a chain there are so far.
  Index made(Index chain) const;
  void add(Index chain, std::span<const double> values, const models::Draw& draw);
  /// The variables' values of one draw.
  std::span<const double> values(Index chain, Index draw) const;
  double statistic(Index chain, Index draw, Statistic which) const;
  /// Of every chain one after the other.
  std::vector<double> statistics(Statistic which) const;
  /// Divergences of one chain so far.
  Index divergences(Index chain) const;

  std::vector<double>& rows(Index chain) { return rows_[static_cast<std::size_t>(chain)]; }
  std::size_t width() const noexcept { return entries_ + Statistic::count; }

 private:
  std::size_t entries_;
  Index draws_;
  std::vector<std::vector<double>> rows_;
};

/// The variables' values of all draws: one (chains × draws) for each entry of each variable.
struct PosteriorValues {
  std::vector<PosteriorVariable> variables;
  std::vector<std::vector<double>> entries;

  /// "coefficients[kron(1, 1)]" of every entry.
  std::vector<std::string> names() const;
};
PosteriorValues values_of(const PosteriorProblem& problem, const PosteriorDraws& draws);

/// The groups `posterior` and `sample_stats`, as ArviZ reads them. Collective.
/// @param root  whether this is rank 0, whose numbers are written
void write_draws(io::ResultFile& file, const PosteriorDraws& draws, const PosteriorValues& values,
                 bool root);

/// The coordinates `chain` and `draw` of a group. Collective.
void write_coordinates(io::ResultFile& file, const std::string& group, Index chains, Index draws,
                       bool root);

/// The table of means, quantiles and diagnostics in the report, and what to think of it.
/// @return why the chains have not converged; empty if they have. Collective.
std::string report_draws(JobContext& context, const PosteriorDraws& draws,
                         const PosteriorValues& values);

}  // namespace kronwerk::application
