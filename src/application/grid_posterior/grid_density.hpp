#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "application/gaussian/gaussian_job.hpp"
#include "kronwerk/models/density/mean.hpp"

namespace kronwerk::application {

/// The log density of a grid's observations as a sampler needs it: exact, with its gradient, and a
/// function of the parameters alone, to the last bit.
class GridDensity {
 public:
  virtual ~GridDensity() = default;

  struct Value {
    double value = 0;
    /// By the parameters that were named, then by the coefficients that were given.
    std::vector<double> gradient{};
    models::MeanEstimate mean{};  ///< of the coefficients given the parameters
  };
  /// Collective.
  /// @param coefficients  of the mean's columns; empty: integrated out
  /// @throws DataError, ConvergenceError where it is not defined; ConfigurationError if it is an
  /// estimate
  virtual Value evaluate(const Parameters& parameters, const std::vector<std::string>& names,
                         std::span<const double> coefficients) = 0;
  /// Of the last evaluation. Local.
  virtual std::string method() const = 0;
  /// /observed_data/y. Collective.
  virtual void write_observations() = 0;
};

/// Of Gaussian observations. Reads them. Collective. @param context  must outlive it
std::unique_ptr<GridDensity> make_gaussian_grid_density(GaussianContext& context);
/// Of counts and binary data, by Laplace's method. Likewise.
std::unique_ptr<GridDensity> make_latent_grid_density(GaussianContext& context);

/// /observed_data/y with its axes. Collective.
/// @param blocks  this rank's home blocks of `layout`, one after the other
void write_observed_cells(GaussianContext& context, const Observations& observations,
                          const distribution::Layout& layout, Index per_block,
                          std::span<const std::vector<double>> blocks);

}  // namespace kronwerk::application
