// The mode of a latent field by Newton's method (Rasmussen and Williams 2006, algorithm 3.1), in
// the coordinates u = G c. See src/MATHEMATICS.md, "Counts on grids".
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "models/laplace/laplace_state.hpp"
#include "models/laplace/nearest_weights.hpp"

namespace kronwerk::models {

namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();
// A new basis costs decompositions: where the nearest weights have moved by more than this factor.
constexpr double allowed_in_steps = 0.7;
constexpr double allowed_at_mode = 0.1;
constexpr int most_halvings = 50;
// How exactly a step is solved for.
constexpr double first_forcing = 1e-2;
constexpr double least_forcing = 1e-5;
// The coefficients' equation has the small difference of two large terms.
constexpr double sharper_for_columns = 1e-2;

}  // namespace

FieldTerms LatentState::terms_at(std::span<const double> values) const {
  FieldTerms result;
  result.score.assign(values.size(), 0.0);
  result.weight.assign(values.size(), 0.0);
  result.steepness.assign(values.size(), 0.0);
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(cells.y[i])) continue;
    const CellTerms cell = model.likelihood.terms(cells.y[i], cells.size(i), values[i]);
    sum += cell.value;
    result.score[i] = cell.score;
    result.weight[i] = cell.weight;
    result.steepness[i] = cell.steepness;
  }
  result.value = comm.sum(sum);
  return result;
}

void LatentState::make_basis(std::vector<std::vector<double>> nearest) {
  krylov.reset();
  basis = std::make_unique<LatentBasis>(comm, workspace, model.signal, std::move(nearest),
                                        cells.layout.leading_modes());
  hessian = std::make_shared<LatentHessian>(comm, *basis, settings.nearest_product);
  krylov = std::make_unique<operators::KrylovSolver>(
      hessian, nullptr, 1,
      operators::KrylovSettings{.method = operators::KrylovMethod::cg,
                                .tolerance = settings.tolerance,
                                .max_iterations = settings.max_iterations,
                                .on_iteration = {}});
  ++bases;
  solved.clear();
}

/// Where the first step starts: at the last mode, or at what the counts themselves say.
void LatentState::begin() {
  const Index first = cells.layout.home_begin(comm.rank());
  offset.assign(cells.y.size(), 0.0);
  columns.clear();
  estimated.clear();
  Vector coefficients;
  for (std::size_t c = 0; c < model.mean.size(); ++c) {
    coefficients.push_back(model.mean[c].coefficient.value_or(0.0));
    if (model.mean[c].coefficient) continue;
    estimated.push_back(c);
  }
  add_mean(cells.layout.extents(), model.mean, coefficients, first, offset);
  for (const std::size_t c : estimated) {
    auto& column = columns.emplace_back(cells.y.size(), 0.0);
    add_mean(cells.layout.extents(), {model.mean[c]}, Vector{1.0}, first, column);
  }
  if (!beginning.empty()) field = beginning;
  if (!started) {
    field.assign(cells.y.size(), 0.0);
    for (std::size_t i = 0; i < field.size(); ++i) {
      if (!std::isnan(cells.y[i])) field[i] = model.likelihood.link(cells.y[i], cells.size(i));
    }
  }
  terms = terms_at(field);
  make_basis(models::nearest_weights(comm, cells.layout, terms.weight));
  coordinates.assign(static_cast<std::size_t>(hessian->input_layout().home_size(comm.rank())), 0.0);
  beta.assign(columns.size(), 0.0);
}

/// A basis for the present weights, if the nearest product has moved. The field of each term stays:
/// with GᵀW̃G = Λ its coordinates are Λ⁻¹GᵀW̃u.
bool LatentState::refresh(double allowed) {
  auto nearest = models::nearest_weights(comm, cells.layout, terms.weight);
  if (distance(nearest, basis->weights()) <= allowed) return false;
  const auto count = static_cast<Index>(basis->terms());
  std::vector<Vector> fields;
  for (Index t = 0; t < count; ++t) {
    fields.push_back(to_field(basis->only(t, comm.rank(), coordinates)));
  }
  make_basis(std::move(nearest));
  coordinates.assign(static_cast<std::size_t>(hessian->input_layout().home_size(comm.rank())), 0.0);
  Vector spectrum(coordinates.size());
  basis->spectrum().evaluate(hessian->input_layout().home_begin(comm.rank()), std::ssize(spectrum),
                             spectrum.data());
  const Vector w = nearest_product();
  for (Index t = 0; t < count; ++t) {
    Vector& u = fields[static_cast<std::size_t>(t)];
    for (std::size_t i = 0; i < u.size(); ++i) u[i] *= w[i];
    const Vector part = basis->only(t, comm.rank(), to_coordinates(u));
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (spectrum[i] > 0) coordinates[i] += part[i] / spectrum[i];
    }
  }
  field = to_field(coordinates);
  for (std::size_t i = 0; i < field.size(); ++i) {
    field[i] += offset[i];
    for (std::size_t j = 0; j < columns.size(); ++j) field[i] += beta[j] * columns[j][i];
  }
  terms = terms_at(field);
  objective = terms.value - 0.5 * dot(coordinates, coordinates);
  return true;
}

/// One Newton step for c and β together, halved until the objective grows. The first one has the
/// working response of a generalised linear model: it goes to the weighted least squares at f,
/// wherever c and β are.
bool LatentState::step(LaplaceProgress& progress, bool first, double forcing) {
  hessian->set_weights(terms.weight);
  Vector gradient = terms.score;
  if (first) {
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      gradient[i] += terms.weight[i] * (field[i] - offset[i]);
    }
  }
  Vector right = to_coordinates(gradient);
  if (!first) {
    for (std::size_t i = 0; i < right.size(); ++i) right[i] -= coordinates[i];
  }
  solve_columns(sharper_for_columns * forcing);
  Vector change = solve(right, forcing);
  Vector change_of_beta;
  for (std::size_t j = 0; j < columns.size(); ++j) {
    change_of_beta.push_back(dot(columns[j], gradient) - dot(solved[j], right));
  }
  change_of_beta = solve_small(std::move(change_of_beta));
  for (std::size_t j = 0; j < columns.size(); ++j) {
    for (std::size_t i = 0; i < change.size(); ++i) {
      change[i] -= change_of_beta[j] * solved[j][i];
    }
  }
  Vector direction = to_field(change);
  for (std::size_t j = 0; j < columns.size(); ++j) {
    for (std::size_t i = 0; i < direction.size(); ++i) {
      direction[i] += change_of_beta[j] * columns[j][i];
    }
  }
  if (first) {
    for (std::size_t i = 0; i < field.size(); ++i) direction[i] += offset[i];
    field = std::move(direction);
    coordinates = change;
    beta = change_of_beta;
    terms = terms_at(field);
    objective = terms.value - 0.5 * dot(coordinates, coordinates);
    return std::isfinite(objective);
  }
  double size = 1;
  for (int halving = 0; halving < most_halvings; ++halving, size /= 2) {
    Vector tried_field = field;
    for (std::size_t i = 0; i < field.size(); ++i) tried_field[i] += size * direction[i];
    Vector tried = coordinates;
    for (std::size_t i = 0; i < tried.size(); ++i) tried[i] += size * change[i];
    FieldTerms there = terms_at(tried_field);
    const double value = there.value - 0.5 * dot(tried, tried);
    if (!(value >= objective - 64 * epsilon * (std::abs(objective) + std::abs(there.value)))) {
      continue;
    }
    for (std::size_t j = 0; j < beta.size(); ++j) beta[j] += size * change_of_beta[j];
    field = std::move(tried_field);
    coordinates = std::move(tried);
    terms = std::move(there);
    objective = value;
    return true;
  }
  progress.reason = "no step along Newton's direction makes the density larger";
  return false;
}

LaplaceProgress LatentState::find_mode() {
  LaplaceProgress progress;
  iterations = 0;
  bases = 0;
  begin();
  if (!step(progress, true, first_forcing)) {
    // Weighted least squares went where the density is none: from the mean, then.
    field = offset;
    std::ranges::fill(coordinates, 0.0);
    std::ranges::fill(beta, 0.0);
    terms = terms_at(field);
    objective = terms.value;
    communication::collectively(comm, [&] {
      if (!std::isfinite(objective)) {
        throw core::DataError("the likelihood is not finite at the mean of the field");
      }
    });
  }
  ++progress.steps;
  double last = std::numeric_limits<double>::infinity();
  for (;; ++progress.steps) {
    const Vector pull = to_coordinates(terms.score);
    Vector rest = pull;
    for (std::size_t i = 0; i < rest.size(); ++i) rest[i] -= coordinates[i];
    const double size = std::sqrt(std::max(dot(pull, pull), dot(coordinates, coordinates)));
    double relative = size > 0 ? std::sqrt(dot(rest, rest)) / size : 0;
    for (const Vector& column : columns) {
      double sum = 0, absolute = 0;
      for (std::size_t i = 0; i < column.size(); ++i) {
        sum += column[i] * terms.score[i];
        absolute += std::abs(column[i] * terms.score[i]);
      }
      sum = comm.sum(sum);
      absolute = comm.sum(absolute);
      if (absolute > 0) relative = std::max(relative, std::abs(sum) / absolute);
    }
    progress.residual = relative;
    if (settings.on_iteration) settings.on_iteration(progress.steps, relative);
    if (relative <= settings.tolerance) break;
    // What rounding leaves of Gᵀ∇ − c.
    if (relative > 0.5 * last && relative <= 1e3 * settings.tolerance && relative < 1e-7) break;
    last = relative;
    if (progress.steps >= settings.max_newton) {
      progress.converged = false;
      progress.reason = fmt::format("the field's equation has the residual {:.1e} after {} steps",
                                    relative, progress.steps);
      break;
    }
    refresh(allowed_in_steps);
    const double forcing = std::max(std::clamp(relative, least_forcing, first_forcing),
                                    0.1 * settings.tolerance / relative);
    if (!step(progress, false, forcing)) {
      progress.converged = relative < 1e3 * settings.tolerance;
      break;
    }
  }
  started = true;
  finish();
  progress.iterations = iterations;
  progress.bases = bases;
  return progress;
}

/// Everything at the mode that its density, derivatives and predictions need.
void LatentState::finish() {
  if (!exact) refresh(allowed_at_mode);
  hessian->set_weights(terms.weight);
  solve_columns(settings.tolerance);
}

}  // namespace kronwerk::models
