// Log density of Laplace's method and its gradient, with the implicit part through the mode.
// See src/MATHEMATICS.md, "Counts on grids".
#include <algorithm>
#include <cmath>
#include <numbers>

#include "models/laplace/dense_latent.hpp"
#include "models/laplace/laplace_state.hpp"
#include "models/laplace/latent_probes.hpp"

namespace kronwerk::models {

namespace {

// Where leverages are estimates, of which a few digits are right, this is enough of the motions.
constexpr double tolerance_beside_estimates = 1e-6;

/// ∂f̂/∂θ and what a derivative adds to the density at a fixed mode and W.
struct Part {
  Vector motion;
  double fixed = 0;
  Vector by_weight;  ///< ∂ log W at a fixed field; empty for none
};

Part part_of(LatentState& state, const LatentDerivative& derivative) {
  const std::size_t p = state.columns.size();
  const double tolerance = state.exact
                               ? state.settings.tolerance
                               : std::max(state.settings.tolerance, tolerance_beside_estimates);
  Part part;
  Vector pull(state.field.size(), 0.0);
  const Vector& score = state.terms.score;
  if (!derivative.covariance.empty()) {
    const operators::ProductSum change(state.comm, state.workspace, derivative.covariance,
                                       state.cells.layout.leading_modes());
    change.apply(score, pull);
    part.fixed += 0.5 * state.dot(score, pull);
    std::vector<Vector> images(p);
    for (std::size_t j = 0; j < p; ++j) {
      images[j].resize(pull.size());
      change.apply(state.reduced_columns[j], images[j]);
    }
    // ½ tr(S⁻¹ Zᵀ∂K Z)
    for (std::size_t j = 0; j < p; ++j) {
      Vector row(p);
      for (std::size_t k = 0; k < p; ++k) row[k] = state.dot(state.reduced_columns[k], images[j]);
      part.fixed += 0.5 * state.solve_small(std::move(row))[j];
    }
  }
  if (derivative.coefficient) {
    MeanColumn column = state.model.mean[*derivative.coefficient];
    Vector values(pull.size(), 0.0);
    add_mean(state.cells.layout.extents(), {std::move(column)}, Vector{1.0},
             state.cells.layout.home_begin(state.comm.rank()), values);
    part.fixed += state.dot(score, values);
    for (std::size_t i = 0; i < pull.size(); ++i) pull[i] += values[i];
  }
  // (I − KR)(b − X S⁻¹ Zᵀb)
  const Vector inner =
      state.to_field(state.solve(state.to_coordinates(state.weighted(pull)), tolerance));
  Vector small(p);
  for (std::size_t j = 0; j < p; ++j) small[j] = -state.dot(state.reduced_columns[j], pull);
  part.motion = std::move(pull);
  for (std::size_t i = 0; i < inner.size(); ++i) part.motion[i] -= inner[i];
  if (derivative.theta) {
    Vector push(score.size(), 0.0);
    part.by_weight.assign(score.size(), 0.0);
    double value = 0;
    for (std::size_t i = 0; i < push.size(); ++i) {
      if (std::isnan(state.cells.y[i])) continue;
      const auto cell =
          state.model.likelihood.by_theta(state.cells.y[i], state.cells.size(i), state.field[i]);
      value += cell.value;
      push[i] = cell.score;
      part.by_weight[i] = cell.log_weight;
    }
    part.fixed += state.comm.sum(value);
    const Vector moved = state.to_field(state.solve(state.to_coordinates(push), tolerance));
    for (std::size_t i = 0; i < moved.size(); ++i) part.motion[i] += moved[i];
    for (std::size_t j = 0; j < p; ++j) small[j] += state.dot(state.residual[j], push);
  }
  small = state.solve_small(std::move(small));
  for (std::size_t j = 0; j < p; ++j) {
    for (std::size_t i = 0; i < part.motion.size(); ++i) {
      part.motion[i] += small[j] * state.residual[j][i];
    }
  }
  return part;
}

/// Z_i S⁻¹ Q_iᵀ: what the columns add to W_i times the variance of f_i.
Vector leverage_of_columns(const LatentState& state) {
  const std::size_t p = state.columns.size();
  Vector result(state.field.size(), 0.0);
  for (std::size_t i = 0; i < result.size() && p > 0; ++i) {
    Vector row(p);
    for (std::size_t j = 0; j < p; ++j) row[j] = state.residual[j][i];
    row = state.solve_small(std::move(row));
    for (std::size_t j = 0; j < p; ++j) result[i] += state.reduced_columns[j][i] * row[j];
  }
  return result;
}

/// How the density changes with the leverages: ½ Σ_i h_i (steepness_i ∂f̂_i − ∂ log W_i).
double by_leverage(const LatentState& state, const Part& part, std::span<const double> leverage) {
  double sum = 0;
  for (std::size_t i = 0; i < leverage.size(); ++i) {
    double slope = state.terms.steepness[i] * part.motion[i];
    if (!part.by_weight.empty()) slope -= part.by_weight[i];
    sum += 0.5 * leverage[i] * slope;
  }
  return state.comm.sum(sum);
}

/// −½ log|B| and what its derivatives have beside the fixed parts, by probes.
void add_estimates(LatentState& state, std::span<const LatentDerivative> derivatives,
                   const std::vector<Part>& parts, LaplaceDensity& result) {
  const LatentProbes probes(state);
  std::vector<LatentProbes::Change> changes;
  if (!parts.empty()) {
    const Vector nearest = probes.nearest_leverage();
    for (std::size_t d = 0; d < parts.size(); ++d) {
      changes.push_back(probes.change_of(derivatives[d].covariance));
      result.gradient[d] += by_leverage(state, parts[d], nearest) - 0.5 * changes[d].known;
    }
  }
  Vector logs;
  std::vector<Vector> samples(parts.size());
  bool settled = true;
  const Index count = state.settings.stochastic.probes;
  for (Index number = 0; number < count; ++number) {
    auto probe = probes.take(number);
    logs.push_back(probe.logarithm);
    settled = settled && probe.settled;
    result.quadrature_error += 0.5 * probe.quadrature_error / static_cast<double>(count);
    result.quadrature_steps = std::max(result.quadrature_steps, probe.steps);
    if (parts.empty()) continue;
    const auto fields = probes.fields_of(std::move(probe));
    for (std::size_t d = 0; d < parts.size(); ++d) {
      samples[d].push_back(by_leverage(state, parts[d], fields.leverage) -
                           0.5 * probes.trace(fields, changes[d]));
    }
  }
  if (!settled) {
    throw core::ConvergenceError(
        "the quadratures of log|B| have not settled within solver.max_iterations steps");
  }
  const auto rest = operators::mean_of(logs);
  result.value = -0.5 * (state.hessian->log_scale() + rest.value);
  result.standard_error = 0.5 * rest.standard_error;
  for (std::size_t d = 0; d < parts.size(); ++d) {
    const auto mean = operators::mean_of(samples[d]);
    result.gradient[d] += mean.value;
    result.gradient_errors[d] = mean.standard_error;
  }
}

}  // namespace

LaplaceDensity LaplaceApproximation::density(std::span<const LatentDerivative> derivatives) {
  LatentState& state = *state_;
  LaplaceDensity result;
  const std::size_t p = state.columns.size();
  double value = state.objective + 0.5 * static_cast<double>(p) * std::log(2 * std::numbers::pi);
  for (std::size_t j = 0; j < p; ++j) value -= std::log(state.schur_factor[j * p + j]);
  std::vector<Part> parts;
  for (const LatentDerivative& derivative : derivatives) {
    parts.push_back(part_of(state, derivative));
  }
  const Vector columns = leverage_of_columns(state);
  for (const Part& part : parts) {
    result.gradient.push_back(part.fixed + by_leverage(state, part, columns));
    result.gradient_errors.push_back(0);
  }
  if (state.exact) {
    DenseLatent dense(state.comm, state.cells, state.model.signal, state.terms.weight);
    result.value = value - 0.5 * dense.log_determinant();
    if (parts.empty()) return result;
    const Vector leverage = dense.leverage();
    for (std::size_t d = 0; d < parts.size(); ++d) {
      result.gradient[d] += by_leverage(state, parts[d], leverage);
      if (derivatives[d].covariance.empty()) continue;
      result.gradient[d] -= 0.5 * dense.trace(derivatives[d].covariance);
    }
    return result;
  }
  add_estimates(state, derivatives, parts, result);
  result.value += value;
  return result;
}

}  // namespace kronwerk::models
