#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "models/fit/fit_coordinates.hpp"
#include "models/fit/minimise.hpp"
#include "models/fit/recorded_density.hpp"

namespace kronwerk::models {

/// What a fit maximises, in parameters and in free coordinates.
class FitObjective {
 public:
  /// @param log_density  must outlive this
  FitObjective(const DensityFunction& log_density, std::vector<Coordinate> coordinates)
      : density_(log_density), coordinates_(std::move(coordinates)) {}

  RecordedDensity& density() { return density_; }
  /// What is done after every evaluation that was not repeated.
  std::function<void()> on_new;

  const std::vector<Coordinate>& coordinates() const { return coordinates_; }
  Index evaluations() const { return evaluations_; }

  /// Of log density + log priors; absent where that is not defined.
  std::optional<Evaluation> evaluate(std::span<const double> parameters);
  void add_priors(std::span<const double> parameters, Evaluation& result) const;

  std::vector<double> to_free(std::span<const double> parameters) const;
  std::vector<double> from_free(std::span<const double> free) const;

  /// What is minimised: minus the objective over the free coordinates.
  std::optional<MinimisePoint> negative(std::span<const double> free);
  MinimiseSettings limits() const;

 private:
  RecordedDensity density_;
  std::vector<Coordinate> coordinates_;
  Index evaluations_ = 0;
};

}  // namespace kronwerk::models
