#pragma once

#include <vector>

#include "grid_values.hpp"
#include "kronwerk/models/log_density.hpp"

namespace kronwerk::models {

/// The columns of a mean in the coordinates of a covariance, V_kᵀ x_k, one list per mode.
using ProjectedColumns = std::vector<std::vector<std::vector<double>>>;

/// @throws ShapeError if a column does not fit the grid
void check_columns(const Extents& extents, const std::vector<MeanColumn>& columns);

/// Local.
ProjectedColumns project(const Covariance& covariance, const std::vector<MeanColumn>& columns);

/// Coefficients of all columns by generalised least squares, and their covariance. Collective.
/// @param projected  Vᵀy: this rank's home block of the layout of m observations
/// @throws DataError if the columns are linearly dependent
MeanEstimate estimate_mean(const Covariance& covariance, const GridValues& eigenvalues,
                           const std::vector<MeanColumn>& columns,
                           const ProjectedColumns& projected_columns, Index observations,
                           std::span<const double> projected);

/// Σ_c coefficient_c ⊗ columns_c.
std::vector<GridTerm> mean_terms(const ProjectedColumns& columns,
                                 const std::vector<double>& coefficients);

}  // namespace kronwerk::models
