#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "kronwerk/models/missing.hpp"
#include "lapack.hpp"
#include "models/masked_operator.hpp"

namespace kronwerk::models {
namespace {

// A column of which less is left beside the others is a combination of them.
constexpr double smallest_pivot = 1e-12;

/// Inverse of a symmetric positive definite matrix. @throws DataError if it is singular
std::vector<double> inverse_of(const std::vector<double>& matrix, std::size_t n) {
  std::vector<double> scale(n);
  for (std::size_t i = 0; i < n; ++i) scale[i] = 1 / std::sqrt(matrix[i * n + i]);
  std::vector<double> result(n * n);
  for (std::size_t i = 0; i < n * n; ++i) result[i] = matrix[i] * scale[i / n] * scale[i % n];
  const int order = core::narrow<int>(n);
  int info = 0;
  dpotrf_("U", &order, result.data(), &order, &info, 1);
  bool regular = info == 0;
  for (std::size_t i = 0; i < n && regular; ++i) {
    regular = result[i * n + i] * result[i * n + i] > smallest_pivot;
  }
  if (!regular) {
    throw core::DataError(
        "the columns of the mean are linearly dependent on the observed cells; remove one of them");
  }
  dpotri_("U", &order, result.data(), &order, &info, 1);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      const double value = result[i * n + j] * scale[i] * scale[j];
      result[i * n + j] = value;
      result[j * n + i] = value;
    }
  }
  return result;
}

void check(const MissingCells::Completion& completion, const Extents& extents) {
  if (completion.converged) return;
  throw core::ConvergenceError(fmt::format(
      "the conditional means of the missing cells of the grid {} did not converge: {} after {} "
      "iterations (relative residual {:.2g})",
      core::to_text(extents), completion.reason, completion.iterations, completion.residual));
}

double dot(std::span<const double> x, std::span<const double> y) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum;
}

}  // namespace

MissingDensity::MissingDensity(Index observations, std::vector<double> y,
                               std::vector<MeanColumn> mean, const CellMask& mask,
                               MissingSettings settings)
    : observations_(observations),
      y_(std::move(y)),
      mean_(std::move(mean)),
      mask_(&mask),
      settings_(std::move(settings)) {}

/// With a_c = (K_oo⁻¹ x_c; 0) from the completed column x_c, once for every observation:
/// XᵀK_oo⁻¹X = a_cᵀx_d and XᵀK_oo⁻¹y = a_cᵀy, both summed over the observations.
MeanEstimate MissingDensity::estimate_mean(const Covariance& covariance,
                                           MissingCells& cells) const {
  const auto& comm = covariance.comm();
  const Layout layout = covariance.layout(observations_);
  const Index first = layout.home_begin(comm.rank());
  const auto cell_mask = mask_->block(layout, observations_);
  MeanEstimate result;
  std::vector<std::size_t> wanted;
  std::vector<MeanColumn> given = mean_;
  for (std::size_t c = 0; c < mean_.size(); ++c) {
    if (!mean_[c].coefficient) wanted.push_back(c);
    result.coefficients.push_back(mean_[c].coefficient.value_or(0));
  }
  if (wanted.empty()) return result;
  std::vector<double> rest(y_.size(), 0.0);
  add_mean(covariance.extents(), given, result.coefficients, first, rest);
  for (std::size_t i = 0; i < rest.size(); ++i) rest[i] = y_[i] - rest[i];
  keep_only(false, *cell_mask, rest);
  const std::size_t n = wanted.size();
  std::vector<std::vector<double>> columns;
  for (const std::size_t c : wanted) {
    columns.emplace_back(y_.size(), 0.0);
    add_mean(covariance.extents(), {mean_[c]}, std::vector<double>{1}, first, columns.back());
    keep_only(false, *cell_mask, columns.back());
  }
  std::vector<double> sums(n * n + n);  // the matrix, then the right-hand side
  std::vector<double> completed, solved(y_.size());
  const OperatorPtr inverse = covariance.inverse(observations_);
  for (std::size_t c = 0; c < n; ++c) {
    completed = columns[c];
    check(cells.complete(observations_, completed), covariance.extents());
    inverse->apply(completed, solved);
    for (std::size_t d = 0; d < n; ++d) sums[c * n + d] = dot(solved, columns[d]);
    sums[n * n + c] = dot(solved, rest);
  }
  comm.sum(sums);
  communication::collectively(comm, [&] {
    result.covariance = inverse_of({sums.begin(), sums.begin() + n * n}, n);
  });
  for (std::size_t c = 0; c < n; ++c) {
    for (std::size_t d = 0; d < n; ++d) {
      result.coefficients[wanted[c]] += result.covariance[c * n + d] * sums[n * n + d];
    }
  }
  return result;
}

MissingDensity::Completed MissingDensity::complete(MissingCells& cells) const {
  const Covariance& covariance = cells.covariance();
  const auto& comm = covariance.comm();
  const Layout layout = covariance.layout(observations_);
  communication::collectively(comm, [&] {
    const Index size = layout.home_size(comm.rank());
    if (std::ssize(y_) == size) return;
    throw core::ShapeError(
        fmt::format("{} observations over the grid {} were given {} values; this rank owns {}",
                    observations_, core::to_text(covariance.extents()), y_.size(), size));
  });
  Completed result;
  result.mean = estimate_mean(covariance, cells);
  std::vector<double> mean(y_.size(), 0.0);
  add_mean(covariance.extents(), mean_, result.mean.coefficients, layout.home_begin(comm.rank()),
           mean);
  result.y = y_;
  for (std::size_t i = 0; i < mean.size(); ++i) result.y[i] -= mean[i];
  result.completion = cells.complete(observations_, result.y);
  check(result.completion, covariance.extents());
  for (std::size_t i = 0; i < mean.size(); ++i) result.y[i] += mean[i];
  return result;
}

MissingDensity::Result MissingDensity::evaluate(const Covariance& covariance,
                                                const DensityRequest& request) {
  MissingCells cells(covariance, *mask_, settings_);
  Completed completed = complete(cells);
  std::vector<MeanColumn> columns = mean_;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    columns[c].coefficient = completed.mean.coefficients[c];
  }
  Result result;
  result.completion = completed.completion;
  GaussianDensity whole(observations_, std::move(completed.y), columns);
  result.density = whole.evaluate(covariance, request);
  const auto determinant = cells.log_determinant();
  const double constant =
      static_cast<double>(mask_->missing()) * std::log(2 * std::numbers::pi) - determinant.value;
  for (double& value : result.density.values) value += 0.5 * constant;
  result.standard_error = 0.5 * determinant.standard_error;
  const auto traces = cells.traces(request.derivatives);
  const double half = 0.5 * static_cast<double>(observations_);
  for (std::size_t p = 0; p < traces.size(); ++p) {
    result.density.gradient[p] += half * traces[p].value;
    result.gradient_errors.push_back(half * traces[p].standard_error);
  }
  std::vector<double> by_given;
  for (std::size_t c = 0; c < mean_.size(); ++c) {
    if (mean_[c].coefficient) by_given.push_back(result.density.mean_gradient[c]);
  }
  result.density.mean_gradient = std::move(by_given);
  result.density.mean = std::move(completed.mean);
  if (request.input_gradient) {
    keep_only(false, *mask_->block(covariance.layout(observations_), observations_),
              result.density.input_gradient);
  }
  return result;
}

}  // namespace kronwerk::models
