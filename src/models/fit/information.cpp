#include "models/fit/information.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "models/fit/small_dense.hpp"

namespace kronwerk::models {
namespace {

// First step of the differences, as a part of the scale.
constexpr double first_step = 1e-4;
// Steps, as parts of the standard error: what is aimed at, and what is left as it is.
constexpr double wanted_step = 0.01;
constexpr double smallest_step = 2e-5;
constexpr double largest_step = 0.05;
// A pivot of the scaled information below this is rounding error of the differences.
constexpr double smallest_pivot = 1e-9;

/// d gradient / d x_axis, negative: a row of the information.
std::optional<std::vector<double>> difference(const Gradient& gradient,
                                              std::span<const double> point, std::size_t axis,
                                              double step) {
  std::vector<double> x(point.begin(), point.end());
  x[axis] = point[axis] + step;
  const double above = x[axis];
  const auto upper = gradient(x);
  if (!upper) return std::nullopt;
  x[axis] = point[axis] - step;
  const double below = x[axis];
  const auto lower = gradient(x);
  if (!lower) return std::nullopt;
  std::vector<double> row(point.size());
  for (std::size_t i = 0; i < row.size(); ++i) {
    row[i] = -((*upper)[i] - (*lower)[i]) / (above - below);
  }
  return row;
}

std::optional<std::vector<double>> row_of(const Gradient& gradient, std::span<const double> point,
                                          std::size_t number, const DifferenceAxis& axis) {
  const double room = std::min(point[number] - axis.lower, axis.upper - point[number]) / 2;
  const double step = std::min(first_step * axis.scale, room);
  auto row = difference(gradient, point, number, step);
  if (!row || !((*row)[number] > 0)) return row;
  const double error = 1 / std::sqrt((*row)[number]);
  if (step > smallest_step * error && step < largest_step * error) return row;
  const double better = std::min(wanted_step * error, room);
  return better == step ? row : difference(gradient, point, number, better);
}

}  // namespace

Information observed_information(const Gradient& gradient, std::span<const double> point,
                                 std::span<const DifferenceAxis> axes) {
  Information result;
  const std::size_t n = point.size();
  result.standard_errors.resize(n);
  std::vector<std::size_t> free;
  for (std::size_t i = 0; i < n; ++i) {
    if (!axes[i].fixed) free.push_back(i);
  }
  const std::size_t m = free.size();
  std::vector<double> matrix(m * m);
  for (std::size_t a = 0; a < m; ++a) {
    const auto row = row_of(gradient, point, free[a], axes[free[a]]);
    if (!row || !std::all_of(row->begin(), row->end(), [](double x) { return std::isfinite(x); })) {
      result.problem = fmt::format(
          "no standard errors: the log density is not defined beside the estimate, in the "
          "direction of '{}'",
          axes[free[a]].name);
      return result;
    }
    for (std::size_t b = 0; b < m; ++b) matrix[a * m + b] = (*row)[free[b]];
  }
  const auto refuse = [&](std::size_t a) {
    result.problem = fmt::format(
        "no standard errors: the observed information is not positive definite (found at '{}'); "
        "the estimate is no maximum, or the data do not determine the parameters",
        axes[free[a]].name);
    return result;
  };
  for (std::size_t a = 0; a < m; ++a) {
    if (!(matrix[a * m + a] > 0)) return refuse(a);
    for (std::size_t b = 0; b < a; ++b) {
      const double both = 0.5 * (matrix[a * m + b] + matrix[b * m + a]);
      matrix[a * m + b] = matrix[b * m + a] = both;
    }
  }
  const SmallCholesky factor(matrix, m, smallest_pivot);
  if (factor.dependent()) return refuse(*factor.dependent());
  const auto inverse = factor.inverse();
  result.covariance.assign(n * n, 0.0);
  for (std::size_t a = 0; a < m; ++a) {
    for (std::size_t b = 0; b < m; ++b) {
      result.covariance[free[a] * n + free[b]] = inverse[a * m + b];
    }
    result.standard_errors[free[a]] = std::sqrt(result.covariance[free[a] * n + free[a]]);
  }
  return result;
}

}  // namespace kronwerk::models
