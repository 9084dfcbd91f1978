#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/models/covariance/covariance.hpp"
#include "kronwerk/models/density/log_density.hpp"
#include "kronwerk/operators/krylov/stochastic.hpp"

namespace kronwerk::models {

/// Which cells of a grid were not observed: the same for several fields.
class CellMask {
 public:
  /// Collective on comm, which must outlive the mask.
  /// @param layout   of one field (Covariance::layout())
  /// @param missing  this rank's home block: not 0 where a cell was not observed
  /// @throws ShapeError; DataError if no cell was observed: on every rank
  CellMask(const communication::Communicator& comm, Layout layout, std::vector<char> missing);
  /// Missing is what is NaN.
  static CellMask of_nan(const communication::Communicator& comm, Layout layout,
                         std::span<const double> field);

  const Layout& layout() const noexcept { return layout_; }
  Index missing() const noexcept { return missing_; }
  Index observed() const noexcept { return layout_.size() - missing_; }
  /// The mask of `batch` fields: this rank's home block of `layout`. Collective; kept.
  std::shared_ptr<const std::vector<char>> block(const Layout& layout, Index batch) const;
  /// The flat indices of all missing cells, ascending, on every rank. Collective.
  std::vector<Index> positions() const;

 private:
  struct Kept {
    Layout layout;
    std::shared_ptr<const std::vector<char>> block;
  };
  const communication::Communicator* comm_;
  Layout layout_;
  std::shared_ptr<const std::vector<char>> block_;
  Index missing_ = 0;
  mutable std::vector<Kept> kept_;
};

struct MissingSettings {
  double tolerance = 1e-10;  ///< relative residual of the systems of the missing cells
  Index max_iterations = 2000;
  /// Determinants, traces and variances are exact up to this many missing cells (a dense matrix of
  /// that order on every rank), and stochastic beyond.
  Index exact_limit = 4000;
  operators::StochasticSettings stochastic;
  /// Told of every iteration; may throw to stop.
  std::function<void(Index, double)> on_iteration;
};

/// A Gaussian field over a grid of which some cells were not observed, m missing and o observed,
/// without K_oo: with M = (K⁻¹)_mm, the cells' conditional means z solve M z = −(K⁻¹)_mo y_o
/// (conjugate gradients, each product one solve over the whole grid), and then
///   K⁻¹(y_o; z) = (K_oo⁻¹ y_o; 0)     everything linear in K_oo⁻¹y_o follows from completed data;
///   log|K_oo|   = log|K| + log|M|;
///   K_oo⁻¹      = (K⁻¹)_oo − (K⁻¹)_om M⁻¹ (K⁻¹)_mo.
///
/// M is well conditioned where the gaps are scattered. Where they are large and contiguous, K_mm is
/// nearly its inverse (as K_oo and (K⁻¹)_oo are each other's, with the same spectrum), and is the
/// preconditioner if that converges sooner.
class MissingCells {
 public:
  /// @param covariance, mask  must outlive this
  /// @throws ShapeError if the mask is of another grid
  MissingCells(const Covariance& covariance, const CellMask& mask, MissingSettings settings = {});
  ~MissingCells();
  MissingCells(MissingCells&&) noexcept;

  /// How a completion went.
  struct Completion {
    bool converged = true;
    std::string reason;  ///< why not
    Index iterations = 0;
    double residual = 0;          ///< relative, the largest of the fields
    bool preconditioned = false;  ///< by K_mm
  };
  /// Replaces the missing cells of `batch` fields of mean zero (NaN allowed there) by their
  /// conditional means given the observed ones. Collective.
  /// @param fields  this rank's home block of Covariance::layout(batch)
  Completion complete(Index batch, std::span<double> fields);

  /// Whether the following are exact, their standard errors 0.
  bool exact() const noexcept;
  /// log|(K⁻¹)_mm|, to be added to log|K|, by at most max_iterations Lanczos steps per probe if it
  /// is not exact. Collective.
  operators::StochasticValue log_determinant();
  /// tr(M⁻¹ (K⁻¹ ∂K K⁻¹)_mm) of several ∂K: what is taken from tr(K⁻¹∂K) to give
  /// tr(K_oo⁻¹ ∂K_oo). Collective. @throws ShapeError if a derivative does not fit the grid
  std::vector<operators::StochasticValue> traces(
      const std::vector<CovarianceDerivative>& derivatives);
  /// variance += diag(C K⁻¹_·m M⁻¹ K⁻¹_m· Cᵀ): what missing cells add to the variance of
  /// predictions with the cross-covariance C (new points by grid) over that with all cells
  /// observed. Collective.
  /// @param cross     Σ scale ⊗ C_k
  /// @param variance  this rank's home block of point_layout(cross)
  /// @returns the standard error relative to what was added, 0 if exact
  /// @throws ShapeError if C does not fit the grid
  double add_variance(std::span<const ScaledProduct> cross, std::span<double> variance);
  /// The home layout of one field over the new points: split after the same mode as the grid.
  Layout point_layout(std::span<const ScaledProduct> cross) const;

  const Covariance& covariance() const noexcept;
  /// The largest number of iterations of any solve so far.
  Index iterations() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// @throws ConvergenceError, naming the grid, if it did not
void require_converged(const MissingCells::Completion& completion, const Extents& extents);

/// log N(y_o; m_o, K_oo) of observations with missing cells, as GaussianDensity does it for whole
/// ones: by completing the data, correcting log|K| and tr(K⁻¹∂K).
class MissingDensity {
 public:
  /// @param observations  how many; all miss the same cells
  /// @param y     this rank's home block of Covariance::layout(observations); whatever is in the
  ///              missing cells counts for nothing
  /// @param mask  must outlive this
  MissingDensity(Index observations, std::vector<double> y, std::vector<MeanColumn> mean,
                 const CellMask& mask, MissingSettings settings = {});

  struct Result {
    /// By y, 0 in the missing cells.
    LogDensity density;
    /// Of each value of the density, and of each entry of its gradient; 0 if exact.
    double standard_error = 0;
    double quadrature_error = 0;  ///< of each value, beside the standard error
    std::vector<double> gradient_errors;
    std::vector<double> gradient_biases;  ///< about what the probes' solves left
    MissingCells::Completion completion;
  };
  /// Collective. @throws as GaussianDensity::evaluate; ConvergenceError if the missing cells'
  /// systems do not converge
  Result evaluate(const Covariance& covariance, const DensityRequest& request);
  /// The same with coefficients that were estimated from these and other observations.
  /// @param cells  of the mask
  Result evaluate(MissingCells& cells, const DensityRequest& request, const MeanEstimate& mean);

  /// What the observed cells say of the coefficients that are not given; empty if all are.
  /// Collective. @throws as evaluate
  NormalEquations normal_equations(MissingCells& cells) const;

  /// y with the conditional means in the missing cells: predictions and posterior draws from whole
  /// observations, made from these, are those from the observed cells (their variance needs
  /// MissingCells::add_variance).
  struct Completed {
    std::vector<double> y;  ///< this rank's home block of layout(observations)
    MissingCells::Completion completion;
  };
  /// Collective. @throws as evaluate
  Completed complete(MissingCells& cells, const MeanEstimate& mean) const;

 private:
  void check_size(const Covariance& covariance) const;
  std::vector<double> gradient_of_integral(MissingCells& cells,
                                           const std::vector<CovarianceDerivative>& derivatives,
                                           const MeanEstimate& estimate) const;

  Index observations_;
  std::vector<double> y_;
  std::vector<MeanColumn> mean_;
  const CellMask* mask_;
  MissingSettings settings_;
};

}  // namespace kronwerk::models
