#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/models/covariance/covariance.hpp"
#include "kronwerk/models/density/mean.hpp"
#include "kronwerk/models/laplace/cell_likelihood.hpp"
#include "kronwerk/operators/krylov/stochastic.hpp"

namespace kronwerk::models {

/// What was observed on a grid, one value in a cell.
struct LatentCells {
  Layout layout;              ///< latent_layout()
  std::vector<double> y;      ///< this rank's home block; NaN where nothing was observed
  std::vector<double> sizes;  ///< exposures or trials likewise; empty for ones

  double size(std::size_t i) const { return sizes.empty() ? 1 : sizes[i]; }
};

/// A field f = Xβ + u, u ~ N(0, K), and cells that are independent given f.
struct LatentModel {
  std::vector<ScaledProduct> signal;  ///< K
  /// Columns without a coefficient have a flat prior and are integrated out.
  std::vector<MeanColumn> mean;
  CellLikelihood likelihood;
};

/// Home layout of a field with the covariance Σ signal. Local.
Layout latent_layout(const communication::Communicator& comm,
                     const std::vector<ScaledProduct>& signal);

struct LaplaceSettings {
  double tolerance = 1e-10;     ///< relative, of the field's equation and of the linear systems
  Index max_newton = 100;       ///< steps
  Index max_iterations = 1000;  ///< of conjugate gradients in one system
  Index exact_limit = 4000;     ///< observed cells up to which log|B| is exact
  bool nearest_product = true;  ///< false: conjugate gradients without a preconditioner
  operators::StochasticSettings stochastic;
  /// Told of every step with the residual of the field's equation; may throw to stop.
  std::function<void(Index, double)> on_iteration;
};

/// How the mode was found.
struct LaplaceProgress {
  bool converged = true;
  std::string reason;    ///< why not
  Index steps = 0;       ///< of Newton's method
  Index iterations = 0;  ///< of conjugate gradients, in all
  Index bases = 0;       ///< how often a nearest product was made
  double residual = 0;   ///< relative, of the field's equation
};

/// What is differentiated by: everything that one parameter changes.
struct LatentDerivative {
  std::vector<ScaledProduct> covariance;   ///< ∂K
  std::optional<std::size_t> coefficient;  ///< it is the given coefficient of this column
  bool theta = false;                      ///< it is the likelihood's θ
};

struct LaplaceDensity {
  double value = 0;             ///< log p(y), approximately
  double standard_error = 0;    ///< of the value; 0 if log|B| is exact
  double quadrature_error = 0;  ///< of the value, beside the standard error
  std::vector<double> gradient;
  std::vector<double> gradient_errors;  ///< standard errors; zeros if exact
  Index quadrature_steps = 0;           ///< the most of a probe
};

struct LatentState;

/// log p(y) of counts on a grid by Laplace's method (Rasmussen and Williams 2006, section 3.4;
/// Flaxman et al. 2015): with f̂ and β̂ the joint mode, W = −∂² log p(y | f) there, B = I + W^½KW^½
/// and S = Xᵀ(K + W⁻¹)⁻¹X of the columns without coefficients,
///   log p(y) ≈ log p(y | f̂) − ½ ûᵀK⁻¹û − ½ log|B| − ½ log|S| + ½ p log 2π.
///
/// K = GGᵀ with GᵀW̃G diagonal, W̃ = ⊗w_k the product nearest to W; of several terms every one by
/// itself. So the whole works in the coordinates u = G c: never with an inverse of K, which may be
/// singular.
class LaplaceApproximation {
 public:
  /// Collective on comm, which must outlive this.
  /// @throws ShapeError; DataError if no cell was observed: on every rank
  LaplaceApproximation(const communication::Communicator& comm,
                       std::shared_ptr<Workspace> workspace, LatentCells cells,
                       LaplaceSettings settings = {});
  ~LaplaceApproximation();
  LaplaceApproximation(LaplaceApproximation&&) noexcept;

  Index observed() const noexcept;
  /// Whether log|B|, traces and variances are exact.
  bool exact() const noexcept;

  /// Newton's method for the mode, from the last one if there is one (but see begin_here()).
  /// Collective; a few products with K for every iteration.
  /// @throws ShapeError if the model does not fit the grid; DataError for a covariance that is not
  /// positive semi-definite, for dependent columns, and where the field overflows: on every rank
  LaplaceProgress find_mode(const LatentModel& model);
  /// From now on every search begins at the present mode, so that what it finds is a function of
  /// the model alone, to the last bit. Local.
  void begin_here();

  /// At the mode that was found. Collective.
  LaplaceDensity density(std::span<const LatentDerivative> derivatives);

  // Of the mode, this rank's home blocks.
  const std::vector<double>& field() const noexcept;
  /// ∂ log p(y | f): û = K a.
  const std::vector<double>& score() const noexcept;
  const std::vector<double>& weights() const noexcept;
  /// β of every column, and the covariance S⁻¹ of those without a coefficient.
  MeanEstimate mean() const;

  /// Subtracts diag(C R Cᵀ), R = (K + W⁻¹)⁻¹, from prior variances of the field at new points: what
  /// the observations tell. Exact up to exact_limit cells; beyond with W̃ in place of W, to which
  /// the difference of draws of condition() is to be added. Collective.
  /// @param cross     C = Σ scale ⊗ C_k, new points by grid
  /// @param points    home layout of the new points;  @param variance  this rank's home block
  void explain(std::span<const ScaledProduct> cross, const Layout& points,
               std::span<double> variance);
  /// The columns of Q = X* − C R X at new points, for columns without a coefficient: what the mean
  /// leaves open there is Q (β − β̂). Collective.
  /// @param columns  X*, all columns of the mean
  std::vector<std::vector<double>> residual_columns(std::span<const ScaledProduct> cross,
                                                    const std::vector<MeanColumn>& columns,
                                                    const Layout& points);
  enum class Weights { own, nearest };
  /// R u + W^½B⁻¹z: a draw u of N(0, K), with a draw f* at new points, and standard normal z make
  /// f* − C (R u + W^½B⁻¹z) a draw of the field's deviation from its mode, given the observations;
  /// with W or, without a system to solve, with W̃. Collective.
  void condition(std::span<const double> u, std::span<const double> z, Weights weights,
                 std::span<double> result);

 private:
  std::unique_ptr<LatentState> state_;
};

}  // namespace kronwerk::models
