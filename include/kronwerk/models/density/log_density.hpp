#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "kronwerk/models/covariance/covariance.hpp"
#include "kronwerk/models/density/mean.hpp"
#include "kronwerk/operators/base/judge.hpp"

namespace kronwerk::models {

/// Which solves K⁻¹(y − m) are judged by their residuals.
enum class Judged {
  never,
  first_use,  ///< of new coordinates, as in a fit's iterations; the result is as if unjudged
  always,     ///< and refined where that is needed
};

struct DensityRequest {
  /// ∂K/∂θ of every parameter.
  std::vector<CovarianceDerivative> derivatives;
  bool input_gradient = false;
  Judged judged = Judged::never;
  double tolerance = 1e-10;  ///< of the residuals
  /// Whether the gradient is that with the estimated coefficients integrated out: has that of
  /// log_integral() too.
  bool integrated = false;
};

struct LogDensity {
  std::vector<double> values;    ///< log p(y_i), one per observation
  std::vector<double> gradient;  ///< per derivative, summed over the observations
  /// By the coefficients of the columns that have one, summed over the observations.
  std::vector<double> mean_gradient;
  std::vector<double> input_gradient;  ///< ∂/∂y = −K⁻¹(y − m): this rank's home block
  MeanEstimate mean;
  std::optional<operators::Verdict> verdict;  ///< of K⁻¹(y − m), if it was judged

  double total() const;
};

/// log N(y; m, K) of one or many observations over a grid and its derivatives:
///   ∂/∂θ = ½ αᵀ(∂K)α − ½ tr(K⁻¹∂K),  α = K⁻¹(y − m),
/// in the coordinates of the covariance, where both terms come from e, α̃ = Vᵀ…α and V_kᵀ(∂K_k)V_k:
/// never through the derivative of a decomposition. Estimated coefficients of the mean are at their
/// optimum, so that they add nothing to the gradient (of the sum over all observations that they
/// were estimated from).
///
/// What depends on the coordinates only (Vᵀy, VᵀX, V_kᵀ(∂K_k)V_k) is kept for the next covariance
/// with the same bases.
class GaussianDensity {
 public:
  /// @param observations  y_1, …, y_m; m >= 1
  /// @param y             this rank's home block of Covariance::layout(m); kept
  GaussianDensity(Index observations, std::vector<double> y, std::vector<MeanColumn> mean);
  ~GaussianDensity();
  GaussianDensity(GaussianDensity&&) noexcept;
  GaussianDensity& operator=(GaussianDensity&&) noexcept;

  Index observations() const noexcept;
  /// Changes the coefficient of a column of the mean, which is then no longer estimated. Local.
  void set_coefficient(std::size_t column, double value);

  /// Collective. O(N Σ n_k / P) flops for new bases, O(N n_k / P) for every mode whose factor has a
  /// derivative.
  /// @throws ShapeError if y, the columns or the derivatives do not fit the grid; DataError if the
  /// columns of the mean are linearly dependent or the result is not finite: on every rank
  LogDensity evaluate(const Covariance& covariance, const DensityRequest& request);
  /// The same with coefficients that were estimated from these and other observations.
  LogDensity evaluate(const Covariance& covariance, const DensityRequest& request,
                      const MeanEstimate& mean);

  /// What the observations say of the coefficients that are not given; empty if all are.
  /// Collective.
  NormalEquations normal_equations(const Covariance& covariance);

  /// ½ Σ_i y_iᵀK⁻¹(∂K)K⁻¹y_i for several ∂K, whatever the mean. Collective.
  std::vector<double> half_squares(const Covariance& covariance,
                                   const std::vector<CovarianceDerivative>& derivatives);

  /// α̃ = diag(1/e) Vᵀ(y − m), so that K⁻¹(y − m) = V α̃: this rank's home block of layout(m). What
  /// predictions start from. Collective.
  /// @param mean  of these observations
  std::vector<double> solve(const Covariance& covariance, const MeanEstimate& mean);
  /// The same judged by its residual against a tolerance, and refined where that is needed.
  std::vector<double> solve(const Covariance& covariance, const MeanEstimate& mean,
                            double tolerance, operators::Verdict& verdict);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kronwerk::models
