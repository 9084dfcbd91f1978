// See src/MATHEMATICS.md, "Graphs of every mode".
#include "models/graph/spectrum_fit.hpp"

#include <algorithm>
#include <cmath>

namespace kronwerk::models {
namespace {

constexpr int most_halvings = 60;
constexpr Index most_inner = 500;
// Of the decrease that the slope promises, as a part; and of the function, what is rounding.
constexpr double sufficient = 1e-4;
constexpr double rounding = 1e-14;

void add(double factor, const ModeVectors& x, ModeVectors& y) {
  for (std::size_t k = 0; k < x.size(); ++k) {
    for (std::size_t i = 0; i < x[k].size(); ++i) y[k][i] += factor * x[k][i];
  }
}

double largest(const ModeVectors& x) {
  double result = 0;
  for (const auto& mode : x) {
    for (const double value : mode) result = std::max(result, std::abs(value));
  }
  return result;
}

ModeVectors divided(const ModeVectors& x, const ModeVectors& by) {
  ModeVectors result = x;
  for (std::size_t k = 0; k < x.size(); ++k) {
    for (std::size_t i = 0; i < x[k].size(); ++i) result[k][i] /= by[k][i];
  }
  return result;
}

/// d with H d = rhs, to a relative residual. Counts its iterations.
ModeVectors solve(const PairSums& hessian, ModeVectors rhs, double relative, Index& count) {
  balance(rhs);
  ModeVectors step = rhs;
  for (auto& mode : step) std::fill(mode.begin(), mode.end(), 0.0);
  ModeVectors residual = rhs;
  ModeVectors scaled = divided(residual, hessian.squares());
  ModeVectors direction = scaled;
  double product = mean_product(residual, scaled);
  const double enough = relative * relative * product;
  for (Index i = 0; i < most_inner && product > enough; ++i) {
    ++count;
    const ModeVectors image = hessian.apply(direction);
    const double length = product / mean_product(direction, image);
    if (!std::isfinite(length)) break;
    add(length, direction, step);
    add(-length, image, residual);
    scaled = divided(residual, hessian.squares());
    const double next = mean_product(residual, scaled);
    for (std::size_t k = 0; k < direction.size(); ++k) {
      for (std::size_t j = 0; j < direction[k].size(); ++j) {
        direction[k][j] = scaled[k][j] + next / product * direction[k][j];
      }
    }
    product = next;
  }
  balance(step);
  return step;
}

}  // namespace

double mean_product(const ModeVectors& x, const ModeVectors& y) {
  double result = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    double sum = 0;
    for (std::size_t i = 0; i < x[k].size(); ++i) sum += x[k][i] * y[k][i];
    result += sum / static_cast<double>(x[k].size());
  }
  return result;
}

double least_sum(const ModeVectors& spectra) {
  double result = 0;
  for (const auto& mode : spectra) result += *std::ranges::min_element(mode);
  return result;
}

double largest_sum(const ModeVectors& spectra) {
  double result = 0;
  for (const auto& mode : spectra) result += *std::ranges::max_element(mode);
  return result;
}

void balance(ModeVectors& x) {
  std::vector<double> means;
  double mean = 0;
  for (const auto& mode : x) {
    double sum = 0;
    for (const double value : mode) sum += value;
    means.push_back(sum / static_cast<double>(mode.size()));
    mean += means.back() / static_cast<double>(x.size());
  }
  for (std::size_t k = 0; k < x.size(); ++k) {
    for (double& value : x[k]) value += mean - means[k];
  }
}

SpectrumFit fit_spectra(const communication::Communicator& comm, const ModeVectors& values,
                        double tolerance, Index max_steps) {
  SpectrumFit fit;
  fit.spectra = values;
  for (auto& mode : fit.spectra) {
    for (double& value : mode) value = 1 / (static_cast<double>(values.size()) * value);
  }
  const auto points = static_cast<double>(core::product(operators::extents_of(values)));
  double log_determinant = 0;
  const auto objective = [&](const ModeVectors& spectra) {
    log_determinant = operators::kronecker_sum_determinant(comm, spectra).log_abs;
    return mean_product(values, spectra) - log_determinant / points;
  };
  double present = objective(fit.spectra);
  fit.log_determinant = log_determinant;
  for (;; ++fit.steps) {
    ModeVectors gradient = values;
    add(-1, reciprocal_means(comm, fit.spectra), gradient);
    fit.residual = largest(gradient);
    fit.converged = fit.residual <= tolerance;
    if (fit.converged || fit.steps >= max_steps) return fit;
    const PairSums hessian(comm, fit.spectra);
    const ModeVectors step =
        solve(hessian, gradient, std::min(0.1, fit.residual), fit.inner_iterations);
    const double slope = -mean_product(gradient, step);
    bool found = false;
    double part = 1;
    for (int halving = 0; halving < most_halvings && !found; ++halving, part /= 2) {
      ModeVectors trial = fit.spectra;
      add(-part, step, trial);
      if (!(least_sum(trial) > 0)) continue;
      const double value = objective(trial);
      const double least = sufficient * part * slope + rounding * std::max(1.0, std::abs(present));
      found = value <= present + least;
      if (!found) continue;
      fit.spectra = std::move(trial);
      fit.log_determinant = log_determinant;
      present = value;
    }
    if (!found) return fit;
  }
}

}  // namespace kronwerk::models
