#pragma once

// Gaussian models by their definitions, with dense matrices.

#include <vector>

#include "adversary/gaussian/model_job.hpp"

namespace kronwerk::adversary {

/// The observed cells of one observation.
struct Observed {
  std::vector<Index> cells;
  Vector y;           ///< transformed
  Matrix columns;     ///< X there
  Matrix covariance;  ///< K there
  Matrix size;
  Matrix inverse;
};

/// β by generalised least squares, and its covariance.
struct Regression {
  Vector coefficients;
  Matrix covariance;
};

/// log N(r; 0, K), and what it is made of.
struct Density {
  Vector weights;  ///< K⁻¹r
  Real square = 0;
  Real log_determinant = 0;
  Real value = 0;
};
Density gaussian_density(const Matrix& covariance, const Matrix& inverse, const Vector& residual);

class DenseModel {
 public:
  explicit DenseModel(const ModelJob& job);

  const Value& covariance() const { return covariance_; }
  const Value& signal() const { return signal_; }
  const std::vector<Observed>& observations() const { return observations_; }
  /// y - Xβ or y - m of one observation.
  Vector residual(std::size_t observation) const;
  /// Of all observations together, or of this one alone where each has its own.
  const Regression& regression(std::size_t observation) const {
    return regressions_[regressions_.size() == 1 ? 0 : observation];
  }
  /// The observations that share this one's β.
  std::vector<std::size_t> companions(std::size_t observation) const;
  /// Of an observation, or of all together, on the cells that they have.
  bool has_dependent_columns() const;
  /// Relative error of a solve with K: rounding, and the tolerance of iterations for missing cells.
  Real solve_error(const Observed& o) const;
  /// Of the worst observation: ‖size‖ ‖K⁻¹‖.
  Real condition() const;

  /// The mean's columns over the grid, or over that of the new points.
  Matrix columns(bool at_new_points) const;
  /// m without regression.
  Real offset() const { return offset_; }
  /// Cross-covariance of the field at the new grid with all old cells, and its prior variance
  /// there.
  Matrix cross() const;
  Vector prior_variance() const;
  Real noise_variance() const;
  /// Of the observed covariance where the noise has variance 1: what its coordinates are found in.
  Real condition_of_signal_to_noise() const;

  /// The transform of the file's values, and its derivative.
  Real transformed(Real value) const;
  Real slope(Real value) const;

 private:
  void observe(Index observation);
  Regression regress(const std::vector<std::size_t>& observations) const;
  Matrix at_new_points(bool rows_only) const;

  const ModelJob& job_;
  Value signal_;
  Value covariance_;
  Real offset_ = 0;
  std::vector<Observed> observations_;
  std::vector<Regression> regressions_;
};

}  // namespace kronwerk::adversary
