// Declared in kronwerk/models/missing/missing.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kronwerk/models/missing/missing.hpp"
#include "models/density/mean.hpp"
#include "models/missing/masked_operator.hpp"

namespace kronwerk::models {
namespace {

/// The columns that are estimated, of one field each, 0 in the missing cells.
std::vector<std::vector<double>> observed_columns(const Covariance& covariance,
                                                  const std::vector<MeanColumn>& columns,
                                                  const CellMask& mask) {
  const Layout layout = covariance.layout();
  const int rank = covariance.comm().rank();
  std::vector<std::vector<double>> result;
  for (const std::size_t c : estimated_columns(columns)) {
    auto& field = result.emplace_back(static_cast<std::size_t>(layout.home_size(rank)), 0.0);
    add_mean(covariance.extents(), {columns[c]}, std::vector<double>{1}, layout.home_begin(rank),
             field);
    keep_only(false, *mask.block(layout, 1), field);
  }
  return result;
}

}  // namespace

void require_converged(const MissingCells::Completion& completion, const Extents& extents) {
  if (completion.converged) return;
  throw core::ConvergenceError(
      fmt::format("the systems of the missing cells of the grid {} did not converge: {}; raise "
                  "solver.max_iterations or solver.tolerance",
                  core::to_text(extents), completion.reason));
}

MissingDensity::MissingDensity(Index observations, std::vector<double> y,
                               std::vector<MeanColumn> mean, const CellMask& mask,
                               MissingSettings settings)
    : observations_(observations),
      y_(std::move(y)),
      mean_(std::move(mean)),
      mask_(&mask),
      settings_(std::move(settings)) {}

void MissingDensity::check_size(const Covariance& covariance) const {
  const auto& comm = covariance.comm();
  communication::collectively(comm, [&] {
    const Index size = covariance.layout(observations_).home_size(comm.rank());
    if (std::ssize(y_) == size) return;
    throw core::ShapeError(
        fmt::format("{} observations over the grid {} were given {} values; this rank owns {}",
                    observations_, core::to_text(covariance.extents()), y_.size(), size));
  });
}

/// K⁻¹ of a completed field is (K_oo⁻¹ of its observed part; 0): the columns and the observations
/// are completed once each, and the rest are inner products.
NormalEquations MissingDensity::normal_equations(MissingCells& cells) const {
  const Covariance& covariance = cells.covariance();
  const auto& comm = covariance.comm();
  const auto columns = observed_columns(covariance, mean_, *mask_);
  const std::size_t p = columns.size();
  NormalEquations result{
      observations_, {}, {}, mask_->missing() > 0 ? settings_.tolerance : direct_accuracy};
  if (p == 0) return result;
  check_size(covariance);
  std::vector<double> sums(p * p + static_cast<std::size_t>(observations_) * p, 0.0);
  const auto solve = [&](Index batch, std::vector<double> fields) {
    require_converged(cells.complete(batch, fields), covariance.extents());
    std::vector<double> solved(fields.size());
    covariance.inverse(batch)->apply(fields, solved);
    return solved;
  };
  for (std::size_t c = 0; c < p; ++c) {
    const auto solved = solve(1, columns[c]);
    for (std::size_t d = 0; d < p; ++d) {
      for (std::size_t i = 0; i < solved.size(); ++i) {
        sums[c * p + d] += solved[i] * columns[d][i];
      }
    }
  }
  const Layout layout = covariance.layout(observations_);
  const Index first = layout.home_begin(comm.rank());
  std::vector<double> rest(y_.size(), 0.0);
  add_mean(covariance.extents(), mean_, given_coefficients(mean_), first, rest);
  for (std::size_t i = 0; i < rest.size(); ++i) rest[i] = y_[i] - rest[i];
  std::vector<double> solved = solve(observations_, std::move(rest));
  // What was not observed counts for nothing, however exactly it was completed.
  keep_only(false, *mask_->block(layout, observations_), solved);
  const auto estimated = estimated_columns(mean_);
  std::vector<double> column(solved.size());
  for (std::size_t c = 0; c < p; ++c) {
    std::ranges::fill(column, 0.0);
    add_mean(covariance.extents(), {mean_[estimated[c]]}, std::vector<double>{1}, first, column);
    for (std::size_t i = 0; i < solved.size(); ++i) {
      const auto observation =
          static_cast<std::size_t>((first + static_cast<Index>(i)) / covariance.size());
      sums[p * p + observation * p + c] += solved[i] * column[i];
    }
  }
  comm.sum(sums);
  result.right.assign(sums.begin() + static_cast<std::ptrdiff_t>(p * p), sums.end());
  for (std::size_t c = 0; c < p; ++c) {
    for (std::size_t d = 0; d < p; ++d) {
      result.gram.push_back((sums[c * p + d] + sums[d * p + c]) / 2);
    }
  }
  return result;
}

MissingDensity::Completed MissingDensity::complete(MissingCells& cells,
                                                   const MeanEstimate& estimate) const {
  const Covariance& covariance = cells.covariance();
  check_size(covariance);
  std::vector<double> mean(y_.size(), 0.0);
  add_mean(covariance.extents(), mean_, estimate.coefficients,
           covariance.layout(observations_).home_begin(covariance.comm().rank()), mean);
  Completed result;
  result.y = y_;
  for (std::size_t i = 0; i < mean.size(); ++i) result.y[i] -= mean[i];
  result.completion = cells.complete(observations_, result.y);
  require_converged(result.completion, covariance.extents());
  for (std::size_t i = 0; i < mean.size(); ++i) result.y[i] += mean[i];
  return result;
}

/// As of whole observations, with the columns completed like these.
std::vector<double> MissingDensity::gradient_of_integral(
    MissingCells& cells, const std::vector<CovarianceDerivative>& derivatives,
    const MeanEstimate& estimate) const {
  const Covariance& covariance = cells.covariance();
  const auto p = static_cast<Index>(estimate.estimated);
  const Layout layout = covariance.layout(p);
  const int rank = covariance.comm().rank();
  std::vector<double> fields(static_cast<std::size_t>(layout.home_size(rank)), 0.0);
  add_mean(covariance.extents(), mean_, root_fields(mean_, estimate), layout.home_begin(rank),
           fields);
  require_converged(cells.complete(p, fields), covariance.extents());
  auto result = GaussianDensity(p, std::move(fields), {}).half_squares(covariance, derivatives);
  for (double& each : result) each *= static_cast<double>(observations_);
  return result;
}

MissingDensity::Result MissingDensity::evaluate(const Covariance& covariance,
                                                const DensityRequest& request) {
  MissingCells cells(covariance, *mask_, settings_);
  const std::vector<NormalEquations> equations{normal_equations(cells)};
  MeanEstimate estimate;
  communication::collectively(
      covariance.comm(), [&] { estimate = estimate_mean(mean_, equations, MeanPooling::pooled); });
  return evaluate(cells, request, estimate);
}

MissingDensity::Result MissingDensity::evaluate(MissingCells& cells, const DensityRequest& request,
                                                const MeanEstimate& estimate) {
  const Covariance& covariance = cells.covariance();
  Completed completed = complete(cells, estimate);
  Result result;
  result.completion = completed.completion;
  GaussianDensity whole(observations_, std::move(completed.y), mean_);
  DensityRequest of_whole = request;
  of_whole.integrated = false;
  result.density = whole.evaluate(covariance, of_whole, estimate);
  const auto determinant = cells.log_determinant();
  if (!determinant.settled) {
    throw core::ConvergenceError(fmt::format(
        "the log determinant of the missing cells of the grid {} did not settle within {} Lanczos "
        "steps: it may be off by {:.2g} beside its standard error of {:.2g}; raise "
        "solver.max_iterations",
        core::to_text(covariance.extents()), determinant.steps, determinant.quadrature_error,
        determinant.standard_error));
  }
  const double constant =
      static_cast<double>(mask_->missing()) * std::log(2 * std::numbers::pi) - determinant.value;
  for (double& value : result.density.values) value += 0.5 * constant;
  result.standard_error = 0.5 * determinant.standard_error;
  result.quadrature_error = 0.5 * determinant.quadrature_error;
  if (request.integrated && estimate.estimated > 0 && !request.derivatives.empty()) {
    const auto more = gradient_of_integral(cells, request.derivatives, estimate);
    for (std::size_t p = 0; p < more.size(); ++p) result.density.gradient[p] += more[p];
  }
  const auto traces = cells.traces(request.derivatives);
  const double half = 0.5 * static_cast<double>(observations_);
  for (std::size_t p = 0; p < traces.size(); ++p) {
    result.density.gradient[p] += half * traces[p].value;
    result.gradient_errors.push_back(half * traces[p].standard_error);
    result.gradient_biases.push_back(half * traces[p].bias_bound);
  }
  if (request.input_gradient) {
    keep_only(false, *mask_->block(covariance.layout(observations_), observations_),
              result.density.input_gradient);
  }
  return result;
}

}  // namespace kronwerk::models
