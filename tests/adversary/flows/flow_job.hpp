#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "adversary/flows/flow_column.hpp"
#include "adversary/jobs/job.hpp"

namespace kronwerk::adversary {

/// A parameter of the filter that a fit estimates.
struct FreeParameter {
  std::string name;
  std::optional<double> lower;
  std::optional<double> upper;
  std::optional<double> prior_deviation;  ///< of a normal prior around 0
};

/// A model of flows between origins and destinations with one of the tasks fit, predict, effects
/// and sample.
class FlowJob final : public RandomJob {
 public:
  explicit FlowJob(std::uint64_t seed);

  std::string yaml() const override;
  std::string summary() const override;
  const Material& material() const override { return material_; }
  Judgement judge(const Ending& ending, const std::string& result) const override;

 private:
  friend class DenseFlow;
  friend class FlowJudge;

  void choose_weights(Random& random);
  std::string random_weights(Random& random, Index n);
  void choose_filter(Random& random);
  void choose_separable(Random& random);
  void add_interaction(const std::string& stem, std::size_t interaction);
  void choose_free(Random& random);
  NodePtr lag(std::size_t interaction) const;
  NodePtr unit(std::size_t mode) const;

  void choose_columns(Random& random);
  std::string random_vector(Random& random, Index n);
  FlowColumn random_column(Random& random);
  ColumnSide random_side(Random& random, std::size_t mode);
  void choose_effects(Random& random);

  void choose_truth(Random& random);
  void choose_observations(Random& random);
  void observe_gaussian(Random& random, const Matrix& filter);
  void observe_counts(Random& random, const Matrix& filter);
  void choose_exposure(Random& random);
  void choose_missing(Random& random);
  void choose_fit(Random& random);
  void choose_given(Random& random);
  void choose_shock(Random& random);

  bool gaussian() const { return family_ == "gaussian"; }
  bool observes() const { return task_ == "fit" || task_ == "predict"; }
  Index cells() const { return extents_[0] * extents_[1]; }
  bool is_missing(Index year, Index cell) const {
    return !observed_[static_cast<std::size_t>(year * cells() + cell)];
  }
  bool any_missing() const;
  /// Zδ with the fixed effects.
  Vector trend() const;
  std::set<std::string> used() const;
  std::string mean_yaml() const;
  std::string observations_yaml() const;
  std::string fit_yaml() const;
  std::string given_yaml() const;

  Material material_;
  std::string task_;
  std::string family_;
  bool on_errors_ = false;
  std::array<Index, 2> extents_{};
  std::array<std::string, 2> weights_;
  std::string second_weights_;  ///< another matrix of the origins, where the filter has one
  NodePtr filter_;
  std::string form_;
  std::vector<FreeParameter> free_;
  std::vector<FlowColumn> columns_;
  std::array<bool, 2> effects_{};  ///< fixed ones
  std::vector<double> coefficients_;
  std::array<std::vector<double>, 2> fixed_effects_;
  double sigma2_ = 1;
  double theta_ = 2;
  bool from_file_ = false;  ///< the estimates come from a file like a fit's result
  bool several_ = false;
  Index count_ = 1;
  std::string observations_;
  std::vector<double> y_;       ///< as in the file; NaN where missing
  std::vector<bool> observed_;  ///< by year and cell
  bool nan_ = false;
  std::string mask_;
  std::string transform_ = "none";
  std::string exposure_;
  std::vector<double> exposures_;  ///< of one year or all
  bool jacobian_ = false;
  std::string method_;
  Index starts_ = 1;
  Index draws_ = 0;
  std::string attribute_;
  bool on_mean_ = false;
};

}  // namespace kronwerk::adversary
