#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "application/gaussian/covariance_formula.hpp"
#include "application/inputs/job_matrices.hpp"
#include "application/inputs/kernel_matrices.hpp"
#include "application/kernels/kernel_scales.hpp"
#include "kronwerk/expressions/lowering.hpp"
#include "kronwerk/models/covariance/covariance.hpp"
#include "kronwerk/models/covariance/ones_estimate.hpp"
#include "kronwerk/models/density/log_density.hpp"

namespace kronwerk::application {

using Parameters = std::map<std::string, double>;

/// The covariance of a Gaussian job as a function of the parameters. What does not depend on those
/// that changed is kept: matrices, the bases that make them diagonal.
class GaussianModel {
 public:
  /// Resolves the formulas and loads the matrices of files. Collective.
  /// @param comm, job  must outlive this
  /// @throws ConfigurationError, DataError, ShapeError on every rank
  GaussianModel(const communication::Communicator& comm, const configuration::Job& job);

  /// The grid of the formula.
  const core::Extents& extents() const noexcept { return extents_; }
  /// The simplified formula at the job's parameters.
  const std::string& text() const noexcept { return text_; }
  /// The parameters that change the covariance.
  const std::set<std::string>& covariance_parameters() const noexcept { return used_; }

  /// Σ of signal terms and the noise. Collective.
  /// @throws DataError on every rank for a length scale or period that is not positive
  models::CovarianceTerms terms(const Parameters& parameters);
  /// ∂K/∂parameter; no terms if it does not depend on it. Collective.
  models::CovarianceDerivative derivative(const Parameters& parameters,
                                          const std::string& parameter);
  /// Whether the covariance has inverses of sums at the job's parameters, which are known at the
  /// cells of its grid only.
  bool has_inverses() const noexcept { return has_inverses_; }
  /// Modes that need nothing dense at the job's parameters: inverses of sparse matrices, where the
  /// covariance is one product. Local.
  const std::vector<bool>& sparse_modes() const noexcept { return sparse_modes_; }
  /// What its terms of ones take at the job's parameters. Local.
  const models::OnesEstimate& ones() const noexcept { return ones_; }

  /// One factor of a mode between other points, if the mode's kernel has new ones.
  struct CrossFactors {
    std::vector<factors::Chain> new_by_old;  ///< per mode
    std::vector<factors::Chain> new_by_new;
  };
  /// The signal's terms with the rows (and columns) at the new points; modes without new points
  /// keep theirs. In the order of terms().signal. Collective.
  struct NewPoints {
    std::map<std::string, PointVariable> of_kernel;
    core::Extents extents;       ///< of the grid of new points
    std::vector<bool> new_mode;  ///< which modes have new points
    /// Per mode, the vectors of the mean there, by their names.
    std::vector<std::map<std::string, std::vector<double>>> regressors;
  };
  NewPoints inspect_new_points();
  std::vector<CrossFactors> cross_factors(const Parameters& parameters, const NewPoints& points);

  /// The columns of the mean: constants, parameters or regressors. Collective on the first call.
  std::vector<models::MeanColumn> mean(const Parameters& parameters);
  /// The same at new points. Local.
  std::vector<models::MeanColumn> mean_at(const Parameters& parameters, const NewPoints& points);

  /// What is read in one way and may be meant in another; for people. Collective.
  std::vector<std::string> warnings() const;
  models::BasisCache& cache() noexcept { return cache_; }
  /// Forgets what was made of the kernels and matrices; what was read stays. Local.
  void forget();
  const std::map<std::string, KernelMatrix>& kernels() const noexcept {
    return matrices_.kernels();
  }

 private:
  const expressions::MatrixNames& names_at(const Parameters& parameters);
  void load_files();
  void prepare(const Parameters& parameters, const std::set<std::string>& names);
  std::vector<operators::ScaledProduct> lower(const expressions::SumOfProducts& sum);
  void check_columns() const;
  void read_regressors(const std::vector<std::set<std::string>>& kernels_of_mode,
                       NewPoints& points) const;

  const communication::Communicator* comm_;
  const configuration::Job* job_;
  KernelMatrices matrices_;
  KernelScales scales_;
  MatrixData data_;
  std::optional<CovarianceFormula> formula_;
  core::Extents extents_;
  std::string text_;
  bool has_inverses_ = false;
  std::vector<bool> sparse_modes_;
  models::OnesEstimate ones_;
  std::set<std::string> used_;
  /// The matrices of files; those given as Cholesky factors or eigenvectors as chains of these.
  std::map<std::string, factors::Chain> files_;
  /// Kernel matrices and derivatives by what they are called, for the last parameters.
  std::map<std::string, factors::FactorPtr> kernel_factors_;
  std::unique_ptr<expressions::Lowering> lowering_;
  /// What the kernel matrices are called at the last parameters.
  expressions::MatrixNames names_;
  Parameters names_for_;
  models::BasisCache cache_;
};

/// The names of a column of the mean, one for each mode; "" for ones.
/// @throws ConfigurationError with a caret
std::vector<std::string> column_names(const std::string& text, const std::string& where);

}  // namespace kronwerk::application
