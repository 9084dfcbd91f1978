#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kronwerk/models/density/mean.hpp"
#include "kronwerk/models/draws/prediction.hpp"
#include "kronwerk/models/missing/missing.hpp"

namespace kronwerk::models {

/// What predictions do not know of an estimated mean (universal kriging; Rasmussen and Williams
/// 2006, eq. 2.42): beside the field's own error, which is independent of it, a prediction has the
/// error R(β − β̂) with R = X* − C K⁻¹X over the cells that were observed, so that R B Rᵀ is added
/// to the covariance, B that of β̂. Given coefficients add nothing.
class MeanUncertainty {
 public:
  /// One solve per estimated column. Collective.
  /// @param columns  of the mean over the data's grid
  /// @param at_new   the same over the new points
  /// @param cells    of the observations' missing cells; null if there are none
  /// @throws ShapeError if the columns do not fit; ConvergenceError if the missing cells' systems
  /// do not converge
  MeanUncertainty(const Covariance& covariance, const Prediction& prediction,
                  const std::vector<MeanColumn>& columns, const std::vector<MeanColumn>& at_new,
                  MissingCells* cells);

  /// How many coefficients are estimated.
  std::size_t size() const noexcept { return residuals_.size(); }
  /// The columns of R: this rank's home blocks of Prediction::layout().
  const std::vector<std::vector<double>>& residuals() const noexcept { return residuals_; }

 private:
  std::vector<std::vector<double>> residuals_;
};

/// variance += diag(R B Rᵀ), for the columns of R. Local.
void add_variance_of_mean(std::span<const std::vector<double>> residuals,
                          std::span<const double> covariance_of_mean, std::span<double> variance);

/// Draw `number` of N(0, B), the same on every rank: of a counter-based sequence. Local.
/// @param covariance  B, (size, size)
std::vector<double> draw_coefficients(std::span<const double> covariance, std::size_t size,
                                      std::uint64_t seed, Index number);

}  // namespace kronwerk::models
