#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "application/latent/latent_cells.hpp"
#include "kronwerk/models/laplace/laplace.hpp"

namespace kronwerk::application {

/// The log density of a job's counts as a function of the parameters, by Laplace's method.
class LatentLikelihood {
 public:
  /// Reads the counts, in the stage "read". Collective. @param context  must outlive this
  /// @throws ConfigurationError for a covariance with noise; DataError for data that are no counts
  explicit LatentLikelihood(GaussianContext& context);

  struct Value {
    models::LaplaceDensity density;
    models::LaplaceProgress progress;
    std::string method;
  };
  /// Collective. @throws DataError where the density is not defined
  Value evaluate(const Parameters& parameters, const std::vector<std::string>& names);
  /// The mode alone. Collective.
  models::LaplaceProgress find_mode(const Parameters& parameters);

  std::vector<operators::ScaledProduct> signal(const Parameters& parameters);
  std::vector<models::MeanColumn> mean(const Parameters& parameters);
  models::LaplaceApproximation& approximation() { return *approximation_; }
  const Observations& observations() const noexcept { return observations_; }
  KeptSlices& slices() noexcept { return slices_; }
  const CellSizes& sizes() const noexcept { return sizes_; }
  const distribution::Layout& layout() const noexcept { return layout_; }

 private:
  std::vector<models::LatentDerivative> derivatives(const Parameters& parameters,
                                                    const std::vector<std::string>& names);

  GaussianContext& context_;
  Observations observations_;
  KeptSlices slices_;
  CellSizes sizes_;
  distribution::Layout layout_;
  std::optional<models::LaplaceApproximation> approximation_;
};

/// "Laplace's method: 5 Newton steps, …"
std::string method_of(const models::LaplaceProgress& progress, bool exact);
/// The attributes of the mode's search, and `converged`; what the job fails with, or "".
std::string write_progress(GaussianContext& context, const models::LaplaceProgress& progress,
                           bool converged = true);

}  // namespace kronwerk::application
