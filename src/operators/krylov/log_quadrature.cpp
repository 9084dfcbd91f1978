// See src/MATHEMATICS.md, "Determinants and traces".
#include "operators/krylov/log_quadrature.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "operators/base/small_lapack.hpp"

namespace kronwerk::operators {
namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();
constexpr double unknown = std::numeric_limits<double>::infinity();
// Up to this many steps there is an estimate at every one, and later at steps / 8 of them.
constexpr std::size_t often = 16;
// Lanczos processes find eigenvalues to this many roundings of the largest one.
constexpr double roundings = 8;

struct Sums {
  double value = 0;
  double size = 0;
};

/// Σ weight log(σ²) over the singular values of B.
Sums sum_logarithms(const GaussRule& rule) {
  Sums sums;
  for (std::size_t i = 0; i < rule.nodes.size(); ++i) {
    const double logarithm = 2 * std::log(rule.nodes[i]);
    sums.value += rule.weights[i] * logarithm;
    sums.size += rule.weights[i] * std::abs(logarithm);
  }
  return sums;
}

}  // namespace

LogQuadrature::LogQuadrature(double least, double tolerance)
    : least_(least), tolerance_(tolerance) {}

bool LogQuadrature::extend(double diagonal) {
  if (!pivots_.empty()) diagonal -= ratios_.back() * ratios_.back() * pivots_.back();
  return extend_pivot(diagonal);
}

bool LogQuadrature::extend_pivot(double pivot) {
  if (!(pivot > 0)) return false;
  pivots_.push_back(pivot);
  return true;
}

bool LogQuadrature::extend_bidiagonal(double diagonal) {
  if (!(diagonal > 0)) return false;
  of_bidiagonal_ = true;
  pivots_.push_back(diagonal * diagonal);
  return true;
}

void LogQuadrature::couple(double off_diagonal) {
  ratios_.push_back(off_diagonal / pivots_.back());
}

void LogQuadrature::couple_bidiagonal(double off_diagonal) {
  ratios_.push_back(off_diagonal / std::sqrt(pivots_.back()));
}

bool LogQuadrature::due() const noexcept {
  return steps() <= often || steps() % (steps() / 8) == 0;
}

/// The rule with one more node: the last row of T becomes the one for which T - node I is singular.
/// With L⁺D⁺L⁺ᵀ = LDLᵀ - node I by stationary quotient differences (Dhillon and Parlett 2004),
/// which are accurate in every entry, the last pivot of that T is what the differences leave.
double LogQuadrature::radau(double node) const {
  std::vector<double> diagonal, off_diagonal;
  double shift = -node;
  for (std::size_t i = 0; i < pivots_.size(); ++i) {
    const double pivot = pivots_[i] + shift;
    if (!(pivot > 0)) return -unknown;  // a Ritz value is below the node
    shift = ratios_[i] * ratios_[i] * pivots_[i] / pivot * shift - node;
    diagonal.push_back(std::sqrt(pivots_[i]));
    off_diagonal.push_back(diagonal.back() * ratios_[i]);
  }
  diagonal.push_back(std::sqrt(-shift));
  return sum_logarithms(bidiagonal_rule(std::move(diagonal), std::move(off_diagonal))).value;
}

/// Since three quarters of the steps.
double LogQuadrature::change(double value) const {
  const std::size_t before = steps() - std::max<std::size_t>(2, steps() / 4);
  const auto found = std::find_if(past_.rbegin(), past_.rend(),
                                  [&](const Past& past) { return past.steps <= before; });
  return steps() < 3 || found == past_.rend() ? unknown : std::abs(found->value - value);
}

QuadratureEstimate LogQuadrature::estimate() {
  std::vector<double> diagonal, off_diagonal;
  for (std::size_t i = 0; i < pivots_.size(); ++i) {
    diagonal.push_back(std::sqrt(pivots_[i]));
    if (i + 1 < pivots_.size()) off_diagonal.push_back(diagonal.back() * ratios_[i]);
  }
  const GaussRule rule = bidiagonal_rule(std::move(diagonal), std::move(off_diagonal));
  const Sums sums = sum_logarithms(rule);
  QuadratureEstimate result;
  result.value = sums.value;
  result.size = sums.size;
  const auto [least, greatest] = std::minmax_element(rule.nodes.begin(), rule.nodes.end());
  result.least = *least * *least;
  result.greatest = *greatest * *greatest;
  if (ratios_.back() != 0) {
    const double lower = least_ > 0 ? radau(least_) : -unknown;
    if (std::isfinite(lower)) {
      result.error = std::max(0.0, (sums.value - lower) / 2);
      result.value = (sums.value + lower) / 2;
    } else {
      result.error = std::max(change(sums.value), sums.value - radau(result.least / 2));
    }
  }
  past_.push_back({steps(), sums.value});
  double rounding = 0;
  for (std::size_t i = 0; i < rule.nodes.size(); ++i) {
    const double ratio = *greatest / rule.nodes[i];
    rounding += rule.weights[i] *
                std::min(1.0, roundings * epsilon * (of_bidiagonal_ ? ratio : ratio * ratio));
  }
  result.settled = result.error <= std::max(tolerance_ * result.size, rounding);
  result.error += rounding;
  return result;
}

}  // namespace kronwerk::operators
