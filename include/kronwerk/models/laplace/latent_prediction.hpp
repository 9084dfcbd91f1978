#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kronwerk/models/draws/prediction.hpp"
#include "kronwerk/models/laplace/laplace.hpp"

namespace kronwerk::models {

/// What a latent field's mode tells of the field at new points.
class LatentPrediction {
 public:
  /// Products with the cross-covariance for the columns of the mean. Collective.
  /// @param approximation  at its mode;  @param field  K + I on the observed grid and its new
  /// points: K may be singular. Both must outlive this
  /// @param cross    Σ scale ⊗ C_k, new points by grid
  /// @param columns  all of the mean, at the new points
  LatentPrediction(const communication::Communicator& comm, LaplaceApproximation& approximation,
                   const Prediction& field, std::vector<ScaledProduct> cross,
                   std::vector<MeanColumn> columns);

  const Layout& layout() const noexcept { return layout_; }
  /// This rank's home block.
  const std::vector<double>& mean() const noexcept { return mean_; }

  struct Variance {
    std::vector<double> values;  ///< this rank's home block
    double standard_error = 0;   ///< root mean square over the points; 0 if they are exact
  };
  /// Collective. @param probes  draws that correct for the weights, where these are not exact
  Variance variance(std::uint64_t seed, Index probes);

  /// Joint draw `number` of a seed, the same for every np to rounding: this rank's home block.
  /// Collective.
  std::vector<double> draw(std::uint64_t seed, Index number);

 private:
  struct Deviations {
    std::vector<double> own;
    std::vector<double> nearest;
  };
  std::vector<double> block() const;
  Deviations deviations(std::uint64_t seed, Index number, bool nearest);
  double correct(std::uint64_t seed, Index probes, std::vector<double>& variance);

  const communication::Communicator* comm_;
  LaplaceApproximation* approximation_;
  const Prediction* field_;
  std::vector<ScaledProduct> cross_;
  OperatorPtr product_;  ///< C
  Layout layout_;
  MeanEstimate estimate_;
  std::vector<double> mean_;
  std::vector<std::vector<double>> columns_;  ///< Q of residual_columns()
  std::optional<PosteriorSampler> sampler_;
};

}  // namespace kronwerk::models
