#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "application/posterior/chain_groups.hpp"
#include "application/posterior/posterior_draws.hpp"
#include "application/posterior/posterior_problem.hpp"

namespace kronwerk::application {

/// A density, counted as the stage "evaluate": where a termination that was asked for takes effect.
/// @param context  must outlive it
models::DensityFunction watched(JobContext& context, models::DensityFunction log_density);

/// The chains of a job, each by its group of ranks: kept as they are made, so that a job that was
/// killed goes on.
class ChainRuns {
 public:
  /// Copies the problem to the groups. Collective on all ranks.
  /// @param coordinates  that chains vary in;  @param found  whether around a maximum
  /// @param draws        taken from where they were kept, and added to
  /// All must outlive this.
  ChainRuns(JobContext& context, PosteriorProblem& problem, const models::Coordinates& coordinates,
            bool found, PosteriorDraws& draws);
  ChainRuns(const ChainRuns&) = delete;
  ChainRuns& operator=(const ChainRuns&) = delete;

  /// Afterwards all draws are there on every rank. Collective on all ranks.
  /// @throws Terminated once what was drawn is kept
  void run();
  const ChainGroups& groups() const noexcept { return groups_; }
  /// How this rank's group evaluates the density.
  std::string method() const { return model_.method(); }
  /// Gradients of all chains. Collective on all ranks.
  Index evaluations() const;

 private:
  /// What a group needs in place of the job's.
  struct Apart {
    Apart(JobContext& job, const communication::Communicator& group);
    io::ResultFile file;
    Report report;
    Checkpoint checkpoint;
    JobContext context;
  };
  /// How far a chain is, the same on every rank whenever the groups have met.
  struct Course {
    std::vector<double> state;  ///< between two iterations; empty before it begins
    Index iteration = 0;
    Index first = 0;  ///< iterations of earlier runs
    Index warmup_divergences = 0;
    double step_size = 0;
    double seconds = 0;
    Index lines = 0;  ///< printed
  };

  void side_by_side(const std::function<void()>& work);
  models::TargetDensity target();
  models::ChainSettings settings_of(Index chain) const;
  std::vector<double> beginning_of(Index chain, int attempt) const;
  models::Chain begin(Index number);
  models::Chain take_up(Index number);
  void recall();
  void advance();
  void advance(models::Chain& chain, Index number);
  std::vector<double> values_at(const models::Draw& draw, Index number);
  void note(const models::Chain& chain, Index number);
  void exchange();
  void keep();
  void print_lines();
  Index iterations() const;
  Course& course(Index number) { return courses_[static_cast<std::size_t>(number)]; }

  JobContext& context_;
  const configuration::PosteriorRequest& request_;
  const models::Coordinates& coordinates_;
  bool found_;
  PosteriorDraws& draws_;
  ChainGroups groups_;
  std::optional<Apart> apart_;
  PosteriorModel model_;
  std::optional<models::PosteriorDensity> density_;
  std::vector<Course> courses_;
  std::optional<models::Chain> chain_;  ///< that this rank's group is at
  double started_ = 0;
};

}  // namespace kronwerk::application
