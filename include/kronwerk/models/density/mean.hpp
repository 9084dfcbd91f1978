#pragma once

#include <optional>
#include <span>
#include <vector>

#include "kronwerk/models/covariance/covariance.hpp"

namespace kronwerk::models {

/// A column of the mean: ⊗ of one vector per mode, an empty one for ones.
struct MeanColumn {
  std::vector<std::vector<double>> vectors;
  /// Its coefficient; estimated by generalised least squares if absent.
  std::optional<double> coefficient{};
};

/// Whether all observations have the same β, or each has its own.
enum class MeanPooling { pooled, per_observation };

/// What m observations that miss the same cells o say of the columns X without a coefficient.
struct NormalEquations {
  Index observations = 0;
  std::vector<double> gram;   ///< X_oᵀK_oo⁻¹X_o of one observation, row-major
  std::vector<double> right;  ///< X_oᵀK_oo⁻¹(y_o − given mean): a row for each observation
  double accuracy = 0;        ///< relative, of the gram matrix
};

/// β̂ = (Σ_i X_iᵀK_i⁻¹X_i)⁻¹ Σ_i X_iᵀK_i⁻¹y_i with the cells that observation i has, and its
/// covariance (Σ_i X_iᵀK_i⁻¹X_i)⁻¹; per observation the same with its own terms alone.
struct MeanEstimate {
  /// Of every column, those with given coefficients too: one row, or (m, columns).
  std::vector<double> coefficients{};
  /// Of the estimated ones: one (p, p), row-major, or (m, p, p).
  std::vector<double> covariance{};
  std::size_t columns = 0;
  std::size_t estimated = 0;
  MeanPooling pooling = MeanPooling::pooled;

  /// β of one observation.
  std::span<const double> row(Index observation) const;
  /// The covariance of its estimated part.
  std::span<const double> covariance_of(Index observation) const;
  /// What belongs to `count` observations from `first` on.
  MeanEstimate part(Index first, Index count) const;
};

/// Solves the sum of these normal equations, or those of each observation. Local, the same on every
/// rank.
/// @throws DataError if the columns are linearly dependent on the observed cells
MeanEstimate estimate_mean(const std::vector<MeanColumn>& columns,
                           std::span<const NormalEquations> equations, MeanPooling pooling);

/// log ∫ exp(−½ (β − β̂)ᵀC⁻¹(β − β̂)) dβ with the covariance C of β̂: what integrating β out, under a
/// flat prior or one of normal_prior(), adds to the log density (with that prior) at β̂. Local.
double log_integral(const MeanEstimate& estimate);

/// The prior N(mean, sd²) of each of p coefficients as equations: beside those of observations they
/// make the estimate the posterior's. Local.
NormalEquations normal_prior(double mean, double sd, std::size_t p);

/// Adds Σ_c coefficient_c ⊗ vectors_c to the flat indices from `first` on of one or several grids,
/// one after the other. Local.
/// @param coefficients  one row for all grids, or a row for each
/// @throws ShapeError if the columns do not fit the grid
void add_mean(const Extents& extents, const std::vector<MeanColumn>& columns,
              std::span<const double> coefficients, Index first, std::span<double> values);

}  // namespace kronwerk::models
