// See src/MATHEMATICS.md, "Missing cells".
#include "kronwerk/models/missing/missing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

#include "kronwerk/operators/base/dot.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "kronwerk/operators/krylov/krylov.hpp"
#include "models/covariance/cross_operator.hpp"
#include "models/missing/dense_missing.hpp"
#include "models/missing/masked_operator.hpp"

namespace kronwerk::models {
namespace {

using operators::KrylovOutcome;
using operators::KrylovSettings;
using operators::KrylovSolver;
using operators::StochasticValue;

// Iterations that each way is given in its first turn, and how many times more in the next one.
constexpr Index first_turn = 24;
constexpr Index turn_growth = 4;
// Cells may have been hidden by the numbers of the same seed, on which probes must not depend.
constexpr std::uint64_t other_sequence = 0x9E3779B97F4A7C15;

double length_of(const communication::Communicator& comm, const std::vector<double>& values) {
  return std::sqrt(operators::dot(comm, values, values));
}

}  // namespace

struct MissingCells::State {
  /// The operators for so many fields at once.
  struct Batch {
    std::shared_ptr<const std::vector<char>> mask;
    OperatorPtr inverse;         ///< K⁻¹
    OperatorPtr matrix;          ///< M, and 1 on what was observed
    OperatorPtr preconditioner;  ///< K_mm likewise; made when it is first needed
  };

  State(const Covariance& of, const CellMask& cells, MissingSettings wanted)
      : covariance(&of), mask(&cells), settings(std::move(wanted)) {
    settings.stochastic.seed ^= other_sequence;
    settings.stochastic.steps = settings.max_iterations;
    if (cells.layout().extents() == of.extents()) return;
    throw core::ShapeError(
        fmt::format("the mask of missing cells is over the grid {}, the covariance over {}",
                    core::to_text(cells.layout().extents()), core::to_text(of.extents())));
  }

  Batch& batch(Index count) {
    Batch& result = batches[count];
    if (result.mask) return result;
    result.mask = mask->block(covariance->layout(count), count);
    result.inverse = covariance->inverse(count);
    result.matrix = make_masked(result.inverse, result.mask);
    return result;
  }

  KrylovOutcome iterate(Index count, bool with_preconditioner, Index iterations,
                        std::span<const double> b, std::span<double> x);
  Completion solve(Index count, std::span<const double> b, std::span<double> x);

  DenseMissing& dense() {
    if (!dense_missing) dense_missing.emplace(*covariance, mask->positions());
    return *dense_missing;
  }

  std::size_t local_size() const {
    return static_cast<std::size_t>(covariance->layout().home_size(covariance->comm().rank()));
  }
  std::vector<StochasticValue> stochastic_traces(
      const std::vector<CovarianceDerivative>& derivatives);
  double add_stochastic_variance(std::span<const ScaledProduct> cross, std::span<double> variance);

  const Covariance* covariance;
  const CellMask* mask;
  MissingSettings settings;
  std::map<Index, Batch> batches;
  std::optional<bool> preconditioned;  ///< absent before it was found out
  std::optional<DenseMissing> dense_missing;
  Index most_iterations = 0;
};

KrylovOutcome MissingCells::State::iterate(Index count, bool with_preconditioner, Index iterations,
                                           std::span<const double> b, std::span<double> x) {
  Batch& fields = batch(count);
  if (with_preconditioner && !fields.preconditioner) {
    fields.preconditioner = make_masked(covariance->forward(count), fields.mask);
  }
  OperatorPtr column;
  OperatorPtr column_preconditioner;
  if (count > 1) {
    Batch& one = batch(1);
    if (with_preconditioner && !one.preconditioner) {
      one.preconditioner = make_masked(covariance->forward(), one.mask);
    }
    column = one.matrix;
    if (with_preconditioner) column_preconditioner = one.preconditioner;
  }
  KrylovSettings krylov;
  krylov.method = operators::KrylovMethod::cg;
  krylov.tolerance = settings.tolerance;
  krylov.max_iterations = iterations;
  krylov.on_iteration = settings.on_iteration;
  KrylovSolver solver(fields.matrix, with_preconditioner ? fields.preconditioner : nullptr, count,
                      krylov, column, column_preconditioner);
  return solver.solve(b, x);
}

/// Which way is cheaper shows in the first system: both take turns of growing length, each going on
/// from where it was, and the first to converge is taken from then on. The first turn is enough for
/// scattered gaps.
MissingCells::Completion MissingCells::State::solve(Index count, std::span<const double> b,
                                                    std::span<double> x) {
  std::array<std::vector<double>, 2> solutions;  // without the preconditioner, and with it
  std::array<Index, 2> done{};
  Completion result;
  result.converged = false;
  Index turn = preconditioned ? settings.max_iterations : first_turn;
  for (bool left = true; left && !result.converged; turn *= turn_growth) {
    left = false;
    for (const std::size_t way : {0, 1}) {
      if (result.converged || (preconditioned && *preconditioned != (way == 1))) continue;
      const Index limit = std::min(turn, settings.max_iterations - done[way]);
      if (limit <= 0) continue;
      left = true;
      solutions[way].resize(x.size());
      const auto outcome = iterate(count, way == 1, limit, b, solutions[way]);
      done[way] += outcome.iterations;
      result = {outcome.converged, outcome.reason, done[way],
                *std::ranges::max_element(outcome.residuals), way == 1};
    }
  }
  const auto& solution = solutions[result.preconditioned ? 1 : 0];
  std::copy(solution.begin(), solution.end(), x.begin());
  // One that was solved within the first turn says nothing about the next one's chances.
  if (result.converged && done[1] > 0) preconditioned = result.preconditioned;
  most_iterations = std::max(most_iterations, result.iterations);
  return result;
}

MissingCells::MissingCells(const Covariance& covariance, const CellMask& mask,
                           MissingSettings settings)
    : state_(std::make_unique<State>(covariance, mask, std::move(settings))) {}
MissingCells::~MissingCells() = default;
MissingCells::MissingCells(MissingCells&&) noexcept = default;

bool MissingCells::exact() const noexcept {
  return state_->mask->missing() <= state_->settings.exact_limit;
}

const Covariance& MissingCells::covariance() const noexcept {
  return *state_->covariance;
}

Index MissingCells::iterations() const noexcept {
  return state_->most_iterations;
}

MissingCells::Completion MissingCells::complete(Index batch, std::span<double> fields) {
  if (state_->mask->missing() == 0) return {};
  auto& operators = state_->batch(batch);
  std::vector<double> right(fields.size());
  std::vector<double> solution(fields.size());
  keep_only(false, *operators.mask, fields);
  operators.inverse->apply(fields, right);
  for (double& each : right) each = -each;
  keep_only(true, *operators.mask, right);
  const Completion result = state_->solve(batch, right, solution);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if ((*operators.mask)[i] != 0) fields[i] = solution[i];
  }
  return result;
}

StochasticValue MissingCells::log_determinant() {
  if (state_->mask->missing() == 0) return {};
  if (exact()) return {.value = state_->dense().log_determinant()};
  return operators::stochastic_logdet(*state_->batch(1).matrix, false, state_->settings.stochastic);
}

std::vector<StochasticValue> MissingCells::traces(
    const std::vector<CovarianceDerivative>& derivatives) {
  std::vector<StochasticValue> result(derivatives.size());
  if (state_->mask->missing() == 0 || derivatives.empty()) return result;
  if (!exact()) return state_->stochastic_traces(derivatives);
  const auto values = state_->dense().traces(derivatives);
  for (std::size_t i = 0; i < values.size(); ++i) result[i].value = values[i];
  return result;
}

/// With random signs s on the missing cells, the mean of (K⁻¹s)ᵀ ∂K K⁻¹(M⁻¹s) (Hutchinson 1990).
/// A residual r of M⁻¹s changes a probe's value by wᵀM⁻¹r with w = (K⁻¹∂K K⁻¹s)_m, at most
/// ‖w‖ ‖M⁻¹‖ ‖r‖, where ‖M⁻¹s‖ is about the Frobenius norm of M⁻¹; w is taken from the first probe.
std::vector<StochasticValue> MissingCells::State::stochastic_traces(
    const std::vector<CovarianceDerivative>& derivatives) {
  const auto& comm = covariance->comm();
  const Layout layout = covariance->layout();
  Batch& one = batch(1);
  std::vector<OperatorPtr> operators;
  for (const auto& derivative : derivatives) {
    operators.push_back(covariance->derivative(derivative));
  }
  std::vector<double> signs(local_size()), solved(local_size());
  std::vector<double> left(local_size()), right(local_size()), image(local_size());
  std::vector<std::vector<double>> samples(derivatives.size());
  std::vector<double> weights(derivatives.size(), 0.0);  // ‖w‖ ‖M⁻¹s‖
  double residual = 0;
  for (Index probe = 0; probe < settings.stochastic.probes; ++probe) {
    operators::fill_random(operators::RandomKind::uniform, settings.stochastic.seed,
                           probe * layout.size() + layout.home_begin(comm.rank()), signs);
    for (double& each : signs) each = each < 0.5 ? -1 : 1;
    keep_only(true, *one.mask, signs);
    std::fill(solved.begin(), solved.end(), 0.0);
    const Completion completion = solve(1, signs, solved);
    require_converged(completion, covariance->extents());
    residual = std::max(residual, completion.residual * length_of(comm, signs));
    one.inverse->apply(signs, left);
    for (std::size_t p = 0; probe == 0 && p < operators.size(); ++p) {
      if (!operators[p]) continue;
      operators[p]->apply(left, image);
      one.inverse->apply(image, right);
      keep_only(true, *one.mask, right);
      weights[p] = length_of(comm, right) * length_of(comm, solved);
    }
    one.inverse->apply(solved, right);
    for (std::size_t p = 0; p < operators.size(); ++p) {
      double value = 0;
      if (operators[p]) {
        operators[p]->apply(right, image);
        for (std::size_t i = 0; i < image.size(); ++i) value += left[i] * image[i];
      }
      samples[p].push_back(comm.sum(value));
    }
  }
  std::vector<StochasticValue> result;
  for (std::size_t p = 0; p < samples.size(); ++p) {
    result.push_back(operators::mean_of(samples[p]));
    result.back().bias_bound = weights[p] * residual;
  }
  return result;
}

Layout MissingCells::point_layout(std::span<const ScaledProduct> cross) const {
  return layout_of_points(*state_->covariance, cross);
}

double MissingCells::add_variance(std::span<const ScaledProduct> cross,
                                  std::span<double> variance) {
  const Layout points = point_layout(cross);
  communication::collectively(covariance().comm(), [&] {
    const Index size = points.home_size(covariance().comm().rank());
    if (std::ssize(variance) == size) return;
    throw core::ShapeError(fmt::format(
        "the variance has {} entries on this rank; its part of the new points {} has {}",
        variance.size(), core::to_text(points.extents()), size));
  });
  if (state_->mask->missing() == 0) return 0;
  if (!exact()) return state_->add_stochastic_variance(cross, variance);
  state_->dense().add_variance(cross, points, variance);
  return 0;
}

/// s = M⁻¹ g_m with g ~ N(0, K⁻¹) has the covariance M⁻¹ of the missing cells given the others.
double MissingCells::State::add_stochastic_variance(std::span<const ScaledProduct> cross,
                                                    std::span<double> variance) {
  const auto& comm = covariance->comm();
  const Layout layout = covariance->layout();
  Batch& one = batch(1);
  const OperatorPtr from_basis = covariance->from_basis();
  const OperatorPtr to_points = cross_operator(*covariance, cross, 1);
  std::vector<double> normal(local_size()), field(local_size()), solved(local_size());
  std::vector<double> image(variance.size());
  const Index probes = settings.stochastic.probes;
  for (Index probe = 0; probe < probes; ++probe) {
    operators::fill_random(operators::RandomKind::normal, settings.stochastic.seed,
                           probe * layout.size() + layout.home_begin(comm.rank()), normal);
    covariance->divide_by_root(1, normal);
    from_basis->apply(normal, field);
    keep_only(true, *one.mask, field);
    std::fill(solved.begin(), solved.end(), 0.0);
    require_converged(solve(1, field, solved), covariance->extents());
    one.inverse->apply(solved, field);
    to_points->apply(field, image);
    for (std::size_t i = 0; i < image.size(); ++i) {
      variance[i] += image[i] * image[i] / static_cast<double>(probes);
    }
  }
  return std::sqrt(2 / static_cast<double>(probes));
}

}  // namespace kronwerk::models
