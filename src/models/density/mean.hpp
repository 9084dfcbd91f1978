#pragma once

#include <limits>
#include <span>
#include <vector>

#include "kronwerk/models/density/mean.hpp"
#include "models/covariance/grid_values.hpp"

namespace kronwerk::models {

/// Of the entries of normal equations that were not iterated for.
constexpr double direct_accuracy = 64 * std::numeric_limits<double>::epsilon();

/// The columns of a mean in the coordinates of a covariance, V_kᵀ x_k, one list per mode.
using ProjectedColumns = std::vector<std::vector<std::vector<double>>>;

/// @throws ShapeError if a column does not fit the grid
void check_columns(const Extents& extents, const std::vector<MeanColumn>& columns);

/// Local.
ProjectedColumns project(const Covariance& covariance, const std::vector<MeanColumn>& columns);

/// Σ_c coefficient_c ⊗ columns_c of several observations, each perhaps with its own coefficients,
/// evaluated piece by piece. Local.
class MeanValues {
 public:
  /// @param coefficients  one row of all columns for every observation, or a row for each
  MeanValues(const Extents& extents, const ProjectedColumns& columns,
             std::span<const double> coefficients);
  /// out[j] = value at flat index first + j of the grids one after the other; within one grid.
  void evaluate(Index first, Index count, double* out) const;
  /// values[j] += factor · (value at flat index first + j), over any number of grids.
  void add_to(double factor, Index first, std::span<double> values) const;

 private:
  Index size_;
  std::vector<GridValues> columns_;
  std::vector<double> coefficients_;
};

/// The columns without a coefficient.
std::vector<std::size_t> estimated_columns(const std::vector<MeanColumn>& columns);
/// The coefficients of all columns, 0 for those to be estimated.
std::vector<double> given_coefficients(const std::vector<MeanColumn>& columns);

/// p fields Σ_c R_jc ⊗ columns_c of the estimated columns with Σ_j R_jb R_jc the covariance of β̂
/// (of one observation of its own): a row of coefficients of all columns for each.
std::vector<double> root_fields(const std::vector<MeanColumn>& columns,
                                const MeanEstimate& estimate);

/// Of whole observations. Collective.
/// @param projected  Vᵀy: this rank's home block of the layout of m observations
NormalEquations normal_equations(const Covariance& covariance, const GridValues& eigenvalues,
                                 const std::vector<MeanColumn>& columns,
                                 const ProjectedColumns& projected_columns, Index observations,
                                 std::span<const double> projected);

}  // namespace kronwerk::models
