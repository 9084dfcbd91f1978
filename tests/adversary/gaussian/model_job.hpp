#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "adversary/jobs/job.hpp"
#include "adversary/jobs/random.hpp"

namespace kronwerk::adversary {

/// One mode of a random covariance: its matrix in the formula, and the kernel if it is one.
struct CovarianceMode {
  NodePtr factor;
  std::string ones;    ///< what the formula calls the matrix of ones, for signals of effects
  NodePtr second;      ///< another matrix of the same mode, for signals of two terms
  std::string kernel;  ///< empty if `factor` is none
  Points new_points;   ///< no points: predicted where it was observed
  std::string new_path;
  /// The mean's vectors of this mode at the new points, and the paths of their datasets.
  std::map<std::string, std::pair<std::string, std::vector<double>>> new_columns;
};

/// The priors of posteriors: of positive parameters, of that of a mean, and of coefficients.
struct PosteriorPriors {
  static constexpr double scale = 1.2;
  static constexpr double mean_deviation = 1.5;
  static constexpr double coefficient_mean = 0.3;
  static constexpr double coefficient_deviation = 0.8;
};

/// How the mean of a model is given.
enum class MeanKind { number, parameter, regression };

/// A Gaussian model on a grid with one of the tasks logpdf, predict, sample and posterior.
class ModelJob final : public RandomJob {
 public:
  explicit ModelJob(std::uint64_t seed);

  std::string yaml() const override;
  std::string summary() const override;
  const Material& material() const override { return material_; }
  Judgement judge(const Ending& ending, const std::string& result) const override;

 private:
  friend class ModelJudge;
  friend class DenseModel;
  friend class PosteriorJudge;

  void choose_modes(Random& random);
  void choose_covariance(Random& random);
  void choose_effects(Random& random);
  NodePtr choose_inverse(Random& random);
  NodePtr choose_inverse_of_pairs(Random& random);
  NodePtr choose_noise(Random& random);
  void choose_mean(Random& random);
  void choose_observations(Random& random);
  void choose_missing(Random& random);
  void choose_prediction(Random& random);
  CovarianceMode choose_mode(Random& random, Index extent);
  NodePtr covariance_matrix(Random& random, Index extent);
  NodePtr variance(Random& random, const std::string& stem);
  bool is_missing(Index observation, Index cell) const;
  Grid new_grid() const;
  std::string mean_yaml() const;
  std::string observations_yaml() const;
  std::string posterior_yaml() const;
  std::vector<std::string> parameter_names() const;
  std::set<std::string> used() const;

  Material material_;
  std::string task_;
  Grid grid_;
  std::vector<CovarianceMode> modes_;
  NodePtr signal_;
  NodePtr inverse_;             ///< of a sum, in the signal; empty if there is none
  NodePtr noise_;               ///< empty if there is none
  bool scalar_noise_ = false;   ///< a multiple of I, so that it is known at new points
  bool many_matrices_ = false;  ///< more per mode than coordinates can be found for
  std::string form_;
  MeanKind mean_kind_ = MeanKind::number;
  double mean_ = 0;
  std::string mean_parameter_;
  std::vector<std::vector<std::string>> columns_;  ///< vectors' names by mode, "1" for ones
  bool per_observation_ = false;                   ///< a β for every observation
  std::vector<double> coefficients_;               ///< of a sample
  bool several_ = false;
  Index count_ = 1;
  std::string observations_;
  std::vector<double> y_;       ///< as in the file; NaN where missing
  std::vector<bool> observed_;  ///< by observation and cell
  bool nan_ = false;
  std::string mask_;
  std::string transform_ = "none";
  bool gradient_ = false;
  bool gradient_input_ = false;
  Index draws_ = 0;
  bool noisy_prediction_ = false;
  bool normal_coefficients_ = false;  ///< their prior in a posterior; flat if not
};

}  // namespace kronwerk::adversary
