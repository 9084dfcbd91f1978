#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "application/gaussian/gaussian_job.hpp"
#include "application/tasks/solve_quality.hpp"
#include "kronwerk/models/fit/prior.hpp"
#include "kronwerk/models/missing/missing.hpp"

namespace kronwerk::application {

/// The log density of a job's observations as a function of the parameters, summed over the
/// observations, with its gradient.
class Likelihood {
 public:
  /// Reads the observations, in the stages "factorise" and "read". Collective.
  /// @param context  must outlive this
  explicit Likelihood(GaussianContext& context);
  ~Likelihood();

  struct Request {
    std::vector<std::string> parameters;  ///< to differentiate by
    bool input_gradient = false;
    models::Judged judged = models::Judged::always;
    std::vector<double> coefficients{};    ///< of a regression; empty: their best
    bool integrated = false;               ///< those that are estimated are integrated out
    std::optional<models::Prior> prior{};  ///< normal, of each of these; flat if absent
  };
  struct Value {
    std::vector<double> values;           ///< log p of each observation
    double standard_error = 0;            ///< of their sum, where a determinant is estimated
    double quadrature_error = 0;          ///< of their sum, beside the standard error
    std::vector<double> gradient;         ///< by the parameters, of the sum
    std::vector<double> gradient_errors;  ///< standard errors; empty if it is exact
    std::vector<double> gradient_biases;  ///< what the probes' solves left, about; likewise
    std::vector<double> mean_gradient;    ///< by coefficients that were given, of the sum
    std::vector<std::vector<double>> input_gradient;  ///< of each block
    models::MeanEstimate mean;                        ///< with a prior the posterior's
    double integral = 0;  ///< what integrating coefficients out adds, for all observations
    /// Of the solves with the covariance (as judged), and of the missing cells' systems.
    SolveQuality solves{1};
    std::string method;
    double total() const;  ///< of all observations
  };
  /// Collective. @throws DataError where the covariance is not positive definite
  Value evaluate(const Parameters& parameters, const Request& request);

  /// The covariance on the observed grid. Collective.
  models::Covariance covariance(const Parameters& parameters);
  /// @param coefficients  of a regression; empty: to be estimated
  std::vector<models::MeanColumn> mean(const Parameters& parameters,
                                       std::span<const double> coefficients = {});
  /// Of all observations together, or of each if the job says so. Collective.
  models::MeanEstimate estimate_mean(const models::Covariance& covariance,
                                     const std::vector<models::MeanColumn>& columns,
                                     const std::optional<models::Prior>& prior = {});

  /// log |∂transform| of each observation's cells; empty unless the job asks for it.
  const std::vector<double>& log_jacobian() const noexcept { return log_jacobian_; }
  const Observations& observations() const noexcept { return observations_; }
  KeptSlices& slices() noexcept { return slices_; }
  /// The observations are in blocks: all together if they miss the same cells, or none; else (and
  /// for posterior draws) one by one. The model is the same.
  Index observations_per_block() const noexcept { return per_block_; }
  /// The cells that a block misses; null if none is missing in any.
  const models::CellMask* mask(std::size_t block) const;
  /// What the judge found of the solves with the covariance for all observations, to be written.
  SolveQuality quality() const { return SolveQuality(observations_.count()); }
  /// How the missing cells are solved for.
  models::MissingSettings missing_settings() const;
  operators::Verdict verdict_of(const models::MissingCells::Completion& completion) const;
  /// Of one block, over the observed grid.
  const distribution::Layout& layout() const noexcept { return layout_; }
  /// This rank's home block of each block; NaN where a cell is missing.
  const std::vector<std::vector<double>>& blocks() const noexcept { return blocks_; }

 private:
  /// "12 x 730 cells, 876 missing", for the stage's line.
  Value evaluate_complete(const models::Covariance& covariance, const Parameters& parameters,
                          const Request& request);
  Value evaluate_missing(const models::Covariance& covariance, const Parameters& parameters,
                         const Request& request);
  Value collect(models::LogDensity density, const Request& request,
                const std::string& method) const;
  models::MeanEstimate solve(const std::vector<models::MeanColumn>& columns,
                             std::vector<models::NormalEquations> equations,
                             const std::optional<models::Prior>& prior) const;
  bool masks_agree(const distribution::Layout& layout) const;
  void read_jacobian();
  void read_blocks(const distribution::Layout& one, const distribution::Layout& block_layout);
  std::vector<models::CovarianceDerivative> derivatives(const Parameters& parameters,
                                                        const std::vector<std::string>& names);

  GaussianContext& context_;
  Observations observations_;
  KeptSlices slices_;
  Index per_block_;
  distribution::Layout layout_;
  std::vector<std::vector<double>> blocks_;
  std::vector<double> log_jacobian_;
  std::vector<models::CellMask> masks_;
  std::optional<models::GaussianDensity> density_;
  bool coefficients_free_ = true;  ///< of density_
};

}  // namespace kronwerk::application
