#pragma once

#include <optional>
#include <vector>

#include "application/gaussian/gaussian_job.hpp"
#include "kronwerk/models/laplace/laplace.hpp"

namespace kronwerk::application {

/// The family at these parameters. Local.
models::CellLikelihood cell_likelihood(const configuration::LikelihoodRequest& request,
                                       const Parameters& parameters);

/// The covariance of the latent field, on the whole grid. @throws ConfigurationError if it has a
/// noise term
models::CovarianceTerms latent_terms(const GaussianContext& context, const Parameters& parameters);

/// Exposures or trials of a job's grid.
class CellSizes {
 public:
  /// Looks at the dataset's shape. Collective.
  /// @throws ShapeError, DataError on every rank if it does not fit the grid
  explicit CellSizes(GaussianContext& context);

  /// Whether they differ from cell to cell.
  bool vary() const noexcept { return reader_.has_value(); }
  /// Of the cells of an observed grid; empty if they are all 1. Collective.
  std::vector<double> of(const Observations& observations,
                         const distribution::Layout& layout) const;
  /// Of the whole grid, never empty; ones where it is another grid. Collective.
  std::vector<double> of_grid(const distribution::Layout& layout) const;
  /// @throws DataError on every rank for exposures that are not positive, and trials that are no
  /// whole numbers of at least 0. NaN is taken where nothing was observed.
  void check(std::span<const double> sizes, std::span<const double> y) const;

 private:
  std::string place() const;

  GaussianContext* context_;
  std::optional<VectorReader> reader_;
};

/// Counts at the observed cells of a grid, with their exposures or trials.
/// @throws DataError on every rank for counts that are negative or no whole numbers, or above their
/// trials, naming the first
models::LatentCells read_cells(GaussianContext& context, const Observations& observations,
                               const CellSizes& sizes, const distribution::Layout& layout);

}  // namespace kronwerk::application
