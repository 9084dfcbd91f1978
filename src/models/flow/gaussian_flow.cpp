#include "kronwerk/models/flow/gaussian_flow.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"
#include "models/fit/small_dense.hpp"

namespace kronwerk::models {
namespace {

// A column whose part that others do not explain has less than this of its square is taken to be
// one of their combinations: ten digits, which the moments' rounding leaves.
constexpr double collinear = 1e-11;
// Weights below this part of the largest are not named.
constexpr double negligible = 1e-6;

/// ‖z_j‖² as the column enters the model, before fixed effects are taken out of it.
double whole_square(const FlowMoments& moments, std::span<const double> c, std::size_t j) {
  const std::size_t lags = moments.column_lags;
  const std::size_t width = moments.columns * lags;
  double sum = 0;
  for (std::size_t s = 0; s < lags; ++s) {
    for (std::size_t t = 0; t < lags; ++t) {
      const double weight = moments.filtered ? c[s] * c[t] : 1;
      sum += weight * moments.whole_zz[(j * lags + s) * width + j * lags + t];
    }
  }
  return sum;
}

std::string names_of(const FixedEffects& effects) {
  return effects.modes[0] && effects.modes[1] ? "'origin' and 'destination'"
         : effects.modes[0]                   ? "'origin'"
                                              : "'destination'";
}

}  // namespace

GaussianFlow::GaussianFlow(const FlowFilter& filter, const FilterDeterminant& determinant,
                           FlowMoments moments, Index years, std::vector<std::string> column_names,
                           std::optional<MissingFlows> missing)
    : filter_(&filter),
      determinant_(&determinant),
      moments_(std::move(moments)),
      cells_(moments_.cells - (missing ? missing->count() : 0)),
      years_(static_cast<double>(years)),
      names_(std::move(column_names)),
      missing_(std::move(missing)) {}

FlowLeastSquares GaussianFlow::solve(std::span<const double> c) const {
  return missing_ ? missing_->solve(moments_, c) : solve_least_squares(moments_, c);
}

DeterminantValue GaussianFlow::determinant(std::span<const double> c) const {
  DeterminantValue value = determinant_->evaluate(c, true);
  value.log_abs *= years_;
  value.error *= years_;
  for (double& entry : value.gradient) entry *= years_;
  for (double& entry : value.hessian) entry *= years_;
  if (missing_) missing_->add_determinant(c, value);
  return value;
}

GaussianFlow::Value GaussianFlow::evaluate(std::span<const double> parameters) const {
  const FilterCoefficients c = filter_->coefficients(parameters);
  const std::size_t lags = moments_.lags;
  const std::size_t count = parameters.size();
  const DeterminantValue log_det = determinant(c.value);
  Value value;
  value.squares = solve(c.value);
  const FlowLeastSquares& squares = value.squares;
  const auto cells = static_cast<double>(cells_);
  if (!(squares.squares > 0)) {
    throw core::DataError(
        "the columns of the mean explain the flows entirely: the residual sum of squares is zero "
        "up to rounding, and σ² has no estimate");
  }
  value.sigma2 = squares.squares / cells;
  value.log_determinant = log_det.log_abs;
  value.determinant_error = log_det.error;
  value.log_likelihood =
      value.log_determinant - cells / 2 * (1 + std::log(2 * std::numbers::pi * value.sigma2));
  // By the coefficients, then by the chain rule by the parameters. d²S/dc² of the S that is least
  // over δ is less by the Schur complement.
  std::vector<double> slope(lags);
  std::vector<double> curvature(lags * lags);
  std::vector<double> reduced = squares.products;
  if (moments_.columns > 0) {
    const SmallCholesky factor(squares.gram, moments_.columns, 0);
    for (std::size_t t = 0; t < lags; ++t) {
      std::vector<double> image(moments_.columns);
      for (std::size_t j = 0; j < image.size(); ++j) image[j] = squares.by_both[j * lags + t];
      factor.solve(image);
      for (std::size_t u = 0; u < lags; ++u) {
        for (std::size_t j = 0; j < image.size(); ++j) {
          reduced[t * lags + u] -= image[j] * squares.by_both[j * lags + u];
        }
      }
    }
  }
  for (std::size_t t = 0; t < lags; ++t) {
    slope[t] = log_det.gradient[t] - squares.gradient[t] / (2 * value.sigma2);
    for (std::size_t u = 0; u < lags; ++u) {
      curvature[t * lags + u] =
          log_det.hessian[t * lags + u] - reduced[t * lags + u] / value.sigma2 +
          squares.gradient[t] * squares.gradient[u] / (2 * value.sigma2 * squares.squares);
    }
  }
  value.gradient.assign(count, 0.0);
  value.hessian.assign(count * count, 0.0);
  for (std::size_t t = 0; t < lags; ++t) {
    for (std::size_t a = 0; a < count; ++a) {
      const double first = c.first[t * count + a];
      value.gradient[a] += slope[t] * first;
      for (std::size_t b = 0; b < count; ++b) {
        double& entry = value.hessian[a * count + b];
        entry += slope[t] * c.second[(t * count + a) * count + b];
        for (std::size_t u = 0; u < lags; ++u) {
          entry += first * curvature[t * lags + u] * c.first[u * count + b];
        }
      }
    }
  }
  return value;
}

EffectValues GaussianFlow::effects(const Value& value, std::span<const double> parameters) const {
  return best_effects(moments_, filter_->coefficients(parameters).value,
                      value.squares.coefficients);
}

void GaussianFlow::check_columns(std::span<const double> parameters) const {
  const std::size_t p = moments_.columns;
  const auto c = filter_->coefficients(parameters).value;
  const auto matrix = missing_ ? missing_->gram(moments_, c) : gram_of(moments_, c);
  for (std::size_t j = 0; j < p; ++j) {
    const bool absorbed = moments_.effects.any();
    const double whole = absorbed ? whole_square(moments_, c, j) : matrix[j * p + j];
    if (absorbed && whole > 0 && !(matrix[j * p + j] > collinear * whole)) {
      throw core::DataError(fmt::format(
          "the column '{}' of the mean is a combination of the fixed effects {}; leave it out",
          names_[j], names_of(moments_.effects)));
    }
    if (whole > 0) continue;
    throw core::DataError(
        fmt::format("the column '{}' of the mean is zero everywhere; leave it out", names_[j]));
  }
  const SmallCholesky factor(matrix, p, collinear);
  if (!factor.dependent()) return;
  const auto weights = factor.dependence();
  double largest = 0;
  for (const double weight : weights) largest = std::max(largest, std::abs(weight));
  std::vector<std::string> others;
  for (std::size_t j = 0; j < weights.size(); ++j) {
    if (std::abs(weights[j]) > negligible * largest) others.push_back("'" + names_[j] + "'");
  }
  if (moments_.effects.any()) others.push_back("the fixed effects");
  throw core::DataError(fmt::format(
      "the column '{}' of the mean is a linear combination of {}; leave one of them out",
      names_[*factor.dependent()], core::join(others, " and ")));
}

std::vector<double> GaussianFlow::information(std::span<const double> parameters) const {
  const FilterCoefficients c = filter_->coefficients(parameters);
  const DeterminantValue log_det = determinant(c.value);
  const FlowLeastSquares squares = solve(c.value);
  const std::size_t lags = moments_.lags;
  const std::size_t count = parameters.size();
  const std::size_t p = moments_.columns;
  const std::size_t size = count + p + 1;
  const auto cells = static_cast<double>(cells_);
  const double sigma2 = squares.squares / cells;
  std::vector<double> result(size * size, 0.0);
  const auto add = [&](std::size_t a, std::size_t b, double value) {
    result[a * size + b] += value;
    if (a != b) result[b * size + a] += value;
  };
  for (std::size_t a = 0; a < count; ++a) {
    for (std::size_t t = 0; t < lags; ++t) {
      const double first = c.first[t * count + a];
      for (std::size_t b = 0; b <= a; ++b) {
        double value = (squares.gradient[t] / (2 * sigma2) - log_det.gradient[t]) *
                       c.second[(t * count + a) * count + b];
        for (std::size_t u = 0; u < lags; ++u) {
          value += first * c.first[u * count + b] *
                   (squares.products[t * lags + u] / sigma2 - log_det.hessian[t * lags + u]);
        }
        add(a, b, value);
      }
      for (std::size_t j = 0; j < p; ++j) {
        add(count + j, a, first * squares.by_both[j * lags + t] / sigma2);
      }
      add(size - 1, a, -first * squares.gradient[t] / (2 * sigma2 * sigma2));
    }
  }
  for (std::size_t j = 0; j < p; ++j) {
    for (std::size_t k = 0; k <= j; ++k)
      add(count + j, count + k, squares.gram[j * p + k] / sigma2);
  }
  add(size - 1, size - 1, cells / (2 * sigma2 * sigma2));
  return result;
}

}  // namespace kronwerk::models
