// See src/MATHEMATICS.md, "Judging a solve".
#include "factors/algebra/panel_product.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kronwerk/core/error.hpp"

namespace kronwerk::factors {
namespace {

constexpr int power_steps = 10;
constexpr int most_refinements = 20;
// Refinement that gains anything gains more than this in every step.
constexpr double gain = 0.5;

/// Rounding level: this many units of roundoff, normwise; the residuals of longer sums have more.
double rounding(Index n) {
  return std::max(10.0, std::sqrt(static_cast<double>(n))) * std::numeric_limits<double>::epsilon();
}

void apply(const Link& link, Index count, std::span<const double> x, std::span<double> y) {
  link.apply(ConstView::contiguous(x.data(), 1, link.cols(), count),
             View::contiguous(y.data(), 1, link.rows(), count));
}

double length(std::span<const double> x) {
  double largest = 0;
  for (const double value : x) largest = std::max(largest, std::abs(value));
  if (!(largest > 0) || !std::isfinite(largest)) return largest;
  double sum = 0;
  for (const double value : x) sum += (value / largest) * (value / largest);
  return largest * std::sqrt(sum);
}

/// Of each of the columns of a panel (row-major).
std::vector<double> lengths(Index count, std::span<const double> panel) {
  const auto width = static_cast<std::size_t>(count);
  std::vector<double> result(width), column(panel.size() / width);
  for (std::size_t c = 0; c < width; ++c) {
    for (std::size_t row = 0; row < column.size(); ++row) column[row] = panel[row * width + c];
    result[c] = length(column);
  }
  return result;
}

/// The root of the largest eigenvalue of AᵀA, from below.
double norm_of(const Link& matrix) {
  const Link back{matrix.factor, !matrix.transposed, false};
  const auto n = static_cast<std::size_t>(matrix.cols());
  std::vector<double> v(n), w(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = std::cos(static_cast<double>(i * i + 1));
  double result = 0;
  double size = length(v);
  for (int step = 0; step < power_steps && size > 0 && std::isfinite(size); ++step) {
    for (double& value : v) value /= size;
    apply(matrix, 1, v, w);
    result = std::max(result, length(w));
    apply(back, 1, w, v);
    size = length(v);
  }
  return result;
}

}  // namespace

JudgedInverse::JudgedInverse(const Link& inverse)
    : inverse_(inverse),
      matrix_{inverse.factor, inverse.transposed, false},
      norm_(norm_of(matrix_)) {}

void JudgedInverse::find_residual(Index count, std::span<const double> b,
                                  std::span<const double> x) {
  residual_.resize(b.size());
  factors::apply(matrix_, count, x, residual_);
  for (std::size_t i = 0; i < b.size(); ++i) residual_[i] = b[i] - residual_[i];
}

/// The largest backward error of the columns; NaN if one is.
double JudgedInverse::worst(Index count, std::span<const double> b,
                            std::span<const double> x) const {
  const std::vector<double> residual = lengths(count, residual_);
  const std::vector<double> right = lengths(count, b), solution = lengths(count, x);
  double result = 0;
  for (std::size_t c = 0; c < residual.size(); ++c) {
    if (residual[c] == 0) continue;
    const double error = residual[c] / (norm_ * solution[c] + right[c]);
    if (!(error <= result)) result = error;
    if (std::isnan(result)) break;
  }
  return result;
}

void JudgedInverse::apply(Index count, std::span<const double> b, std::span<double> x) {
  factors::apply(inverse_, count, b, x);
  find_residual(count, b, x);
  double error = worst(count, b, x);
  const double accepted = rounding(rows());
  for (int step = 0; step < most_refinements && !(error <= accepted); ++step) {
    correction_.resize(b.size());
    factors::apply(inverse_, count, residual_, correction_);
    trial_.assign(x.begin(), x.end());
    for (std::size_t i = 0; i < x.size(); ++i) trial_[i] += correction_[i];
    find_residual(count, b, trial_);
    const double refined = worst(count, b, trial_);
    if (!(refined < gain * error)) break;
    std::ranges::copy(trial_, x.begin());
    error = refined;
  }
  if (!(error <= accepted)) {
    throw core::ConvergenceError(fmt::format(
        "a matrix is formed with the inverse of '{0}' ({1} x {1}), but its decomposition is too "
        "inaccurate: the backward error of its solves is {2:.2g}, above {3:.2g}, and refinement "
        "leads no further; check the data of '{0}' and the parameters in it",
        inverse_.factor->name(), rows(), error, accepted));
  }
}

PanelProduct::PanelProduct(const Chain& chain) {
  Chain run;
  const auto end_run = [&] {
    if (!run.empty()) steps_.emplace_back(LocalProduct({run}));
    run.clear();
  };
  for (auto link = chain.rbegin(); link != chain.rend(); ++link) {
    if (!is_solve(*link)) {
      run.insert(run.begin(), *link);
      continue;
    }
    end_run();
    steps_.emplace_back(JudgedInverse(*link));
  }
  end_run();
}

void PanelProduct::apply(Index count, std::span<const double> x, std::span<double> y) {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const std::span<const double> from = i == 0 ? x : std::span<const double>(from_);
    std::span<double> to = y;
    if (i + 1 < steps_.size()) {
      const Index rows = std::visit([](const auto& step) { return step.rows(); }, steps_[i]);
      to_.resize(static_cast<std::size_t>(rows * count));
      to = to_;
    }
    if (const auto* product = std::get_if<LocalProduct>(&steps_[i])) {
      product->apply(ConstView::contiguous(from.data(), 1, product->cols(), count),
                     View::contiguous(to.data(), 1, product->rows(), count));
    } else {
      std::get<JudgedInverse>(steps_[i]).apply(count, from, to);
    }
    std::swap(from_, to_);
  }
}

}  // namespace kronwerk::factors
