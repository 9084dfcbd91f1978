#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "kronwerk/models/covariance/covariance.hpp"

namespace kronwerk::models {

/// The new points of one mode as one signal term sees them. All absent: the mode stays at the
/// points of the data.
struct NewPoints {
  /// Covariance of the new points with those of the data, n*_k x n_k.
  std::optional<factors::Chain> cross{};
  /// Of the new points with themselves, n*_k x n*_k: for covariances and draws.
  std::optional<factors::Chain> prior{};
  /// Its diagonal, if the whole is not given: enough for variances.
  std::vector<double> prior_diagonal{};
};

/// The grid of new points: for every signal term of the covariance one entry per mode.
struct PredictionGrid {
  std::vector<std::vector<NewPoints>> terms;

  /// Whether a term has new points in the mode, and in any mode.
  bool has_new_points(std::size_t mode) const;
  bool has_new_points() const;
};

/// The covariance between the new points as factors:
///   Σ_t s_t ⊗P_t,k − (Σ_t s_t ⊗G_t,k) diag(1/e) (Σ_t s_t ⊗G_t,k)ᵀ,
/// with e = Σ_r c_r ⊗λ_r,k over the grid of the data.
struct FactoredCovariance {
  struct Term {
    double scale = 1;
    std::vector<factors::FactorPtr> prior;      ///< P_t,k, n*_k x n*_k
    std::vector<factors::FactorPtr> projected;  ///< G_t,k, n*_k x n_k
  };
  struct Spectrum {
    double coefficient = 1;
    std::vector<std::vector<double>> eigenvalues;  ///< λ_r,k; empty for ones
  };
  std::vector<Term> terms;
  std::vector<Spectrum> spectrum;

  /// Of the new points with flat indices a and b. O(N) flops; local.
  double at(Index a, Index b) const;
};

/// The Gaussian field at the points of a new grid given observations y = m + field + noise at the
/// data's: with C = Σ_t s_t ⊗C_t,k (new x data) and α = K⁻¹(y − m) the mean is C α and the
/// covariance P − C K⁻¹ Cᵀ (Rasmussen and Williams 2006, eq. 2.23 and 2.24). With G_t,k = C_t,k V_k
/// these are products mode by mode: Σ_t s_t (⊗G_t,k) α̃, and for the variance Σ_tu s_t s_u
/// (⊗G_t,k∘G_u,k) (1/e).
///
/// Where the covariance has inverses of sums the field is known at the grid's own cells only: with
/// its values f in the coordinates the mean is V (f∘α̃), and the variance (⊗V_k∘V_k)(f (e − f)/e).
class Prediction {
 public:
  /// O(Σ n*_k n_k²) flops, shared by the ranks of a node. Collective.
  /// @param covariance  must outlive the prediction
  /// @throws ShapeError if the new points do not fit the terms
  Prediction(const Covariance& covariance, PredictionGrid grid);
  ~Prediction();
  Prediction(Prediction&&) noexcept;

  const Extents& extents() const noexcept { return extents_; }
  /// The home layout of `batch` vectors over the new grid.
  Layout layout(Index batch = 1) const;

  /// C: from Covariance::layout(batch) to layout(batch). Collective.
  OperatorPtr cross(Index batch = 1) const;
  /// Adds the mean C α of m observations (without the columns of the mean, see add_mean()).
  /// Collective.
  /// @param weights  α̃ of GaussianDensity::solve(): layout(m) of the covariance
  /// @param mean     layout(m)
  void add_mean(Index observations, std::span<const double> weights, std::span<double> mean) const;
  /// The variances of the field, which are never negative. Collective.
  /// @param variance  layout(1)
  /// @throws ConfigurationError if the new points' own variances were not given
  void variance(std::span<double> variance) const;
  /// The variances of the field before any observation: Σ_t s_t ⊗diag(P_t,k). Collective.
  void prior_variance(std::span<double> variance) const;
  /// Adds the noise's variances: σ² (not σ). Local.
  /// @throws ConfigurationError for noise of diagonals at new points: it is not known there
  void add_noise(std::span<double> variance) const;
  /// Collective. @throws ConfigurationError if the new points' own covariances were not given
  FactoredCovariance covariance() const;

 private:
  void add_diagonal(std::vector<double> values, std::span<double> variance) const;
  friend class PosteriorSampler;
  struct State;
  const Covariance* covariance_;
  PredictionGrid grid_;
  Extents extents_;
  std::unique_ptr<State> state_;
};

/// Joint draws of the field at the new points given the observations, by Matheron's rule (Journel
/// and Huijbregts 1978; Wilson et al. 2020): a draw f, f* of the field at the data's and the new
/// points together becomes C α + f* − C K⁻¹ (f + noise). The joint draw has square roots of the
/// factors over both sets of points; nothing is larger than the product of their sizes.
class PosteriorSampler {
 public:
  /// Collective. @param prediction  must outlive the sampler
  /// @throws ConfigurationError if the new points' own covariances were not given, DataError if the
  /// covariance over both sets of points is not positive semi-definite
  explicit PosteriorSampler(const Prediction& prediction);

  /// Draws first, …, first + count - 1 of a seed, the same for every np, before any observation:
  /// field plus noise at the data's points (layout(count) of the covariance) and the field at the
  /// new ones (layout(count) of the prediction). Collective.
  /// @param with_noise  false: the field at the data's points alone
  void prior(std::uint64_t seed, Index first, Index count, std::span<double> noisy,
             std::span<double> field, bool with_noise = true) const;
  /// f* − C K⁻¹ (f + noise): what is added to the posterior mean of each draw. Collective.
  /// @param values  this rank's home block of the prediction's layout(count)
  void deviations(std::uint64_t seed, Index first, Index count, std::span<double> values) const;

 private:
  const Prediction* prediction_;
  std::vector<std::vector<factors::Chain>> at_data_;  ///< roots per signal term and mode
  std::vector<std::vector<factors::Chain>> at_new_;
};

}  // namespace kronwerk::models
