// The estimator of Greenewald, Zhou and Hero (2019), "Tensor graphical lasso (TeraLasso)".
// See src/MATHEMATICS.md, "Graphs of every mode".
#include "kronwerk/models/graph/graph.hpp"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kronwerk/operators/base/random.hpp"
#include "models/graph/graph_solver.hpp"
#include "models/graph/spectrum_fit.hpp"
#include "models/graph/symmetric.hpp"

namespace kronwerk::models {
namespace {

// Of the diagonal solution that the steps begin with.
constexpr double start_tolerance = 1e-6;

bool without_penalties(const GraphObjective& objective) {
  bool found = false;
  for (const auto& block : objective.penalties()) {
    found = found || std::ranges::any_of(block, [](double value) { return value > 0; });
  }
  return !objective.comm().any(found);
}

/// Each block's Uᵀ diag(a) U, exactly symmetric, after shifts that make all a positive. Local.
void compose_factors(const GraphObjective& objective, GraphPoint& point) {
  const double share = least_sum(point.spectra) / static_cast<double>(point.spectra.size());
  for (auto& spectrum : point.spectra) {
    const double shift = share - *std::ranges::min_element(spectrum);
    for (double& value : spectrum) value += shift;
  }
  std::vector<double> work;
  for (std::size_t b = 0; b < point.factors.size(); ++b) {
    const GraphBlock& block = objective.own_block(b);
    auto& factor = point.factors[b];
    compose(block.extent(), point.vectors[b], point.spectra[block.mode].data() + block.offset, work,
            factor);
    for_pairs(block.extent(),
              [&](std::size_t below, std::size_t above) { factor[above] = factor[below]; });
  }
}

/// The factors of prohibitive penalties: diagonal. Collective.
BlockMatrices diagonal_start(const GraphObjective& objective) {
  std::vector<std::vector<double>> own;
  for (const auto& gram : objective.grams()) {
    const auto n = static_cast<std::size_t>(objective.own_block(own.size()).extent());
    auto& diagonal = own.emplace_back();
    for (std::size_t i = 0; i < n; ++i) diagonal.push_back(gram[i * (n + 1)]);
  }
  const auto fit = fit_spectra(objective.comm(), objective.gather(own), start_tolerance);
  BlockMatrices factors;
  communication::collectively(objective.comm(), [&] {
    objective.resize(factors);
    for (std::size_t b = 0; b < factors.size(); ++b) {
      const GraphBlock& block = objective.own_block(b);
      std::ranges::fill(factors[b], 0.0);
      for (Index i = 0; i < block.extent(); ++i) {
        factors[b][static_cast<std::size_t>(i * (block.extent() + 1))] =
            fit.spectra[block.mode][static_cast<std::size_t>(block.offset + i)];
      }
    }
  });
  return factors;
}

/// The given estimate within the blocks, if its sum is positive definite there; else diagonal
/// factors. Collective.
BlockMatrices start_of(const GraphObjective& objective, const GraphEstimate* start) {
  if (start == nullptr) return diagonal_start(objective);
  GraphPoint point;
  communication::collectively(objective.comm(), [&] {
    point.factors = objective.take(start->factors);
    for (std::size_t b = 0; b < point.factors.size(); ++b) {
      const GraphBlock& block = objective.own_block(b);
      auto& factor = point.factors[b];
      for (std::size_t i = 0; i < factor.size(); ++i) {
        factor[i] = std::isinf(objective.penalties()[b][i]) ? 0 : factor[i] * objective.unit();
      }
      const auto step = static_cast<std::size_t>(block.extent() + 1);
      for (std::size_t i = 0; block.mode == 0 && i < factor.size(); i += step) {
        factor[i] += start->offset * objective.unit();
      }
    }
  });
  return objective.evaluate(point) ? std::move(point.factors) : diagonal_start(objective);
}

/// Of the largest entry of S − Uᵀ diag(values) U: ten times the Frobenius norm as random vectors
/// estimate it, which the norm itself exceeds once in ten million. Collective.
double decomposition_error(const GraphObjective& objective, const GraphPoint& point,
                           const ModeVectors& values) {
  constexpr int probes = 8;
  constexpr double certain = 10;
  double worst = 0;
  communication::collectively(objective.comm(), [&] {
    std::vector<double> normal, image, coordinates;
    for (std::size_t b = 0; b < point.vectors.size(); ++b) {
      const GraphBlock& block = objective.own_block(b);
      const int n = core::narrow<int>(block.extent());
      for (auto* panel : {&normal, &image, &coordinates}) {
        panel->resize(static_cast<std::size_t>(n * Index{probes}));
      }
      operators::fill_random(operators::RandomKind::normal, 0, objective.own()[b], 0, normal);
      const auto multiply = [&](CBLAS_TRANSPOSE transposed, double scale, const auto& matrix,
                                const auto& from, double before, auto& to) {
        cblas_dgemm(CblasRowMajor, transposed, CblasNoTrans, n, probes, n, scale, matrix.data(), n,
                    from.data(), probes, before, to.data(), probes);
      };
      multiply(CblasNoTrans, 1, objective.grams()[b], normal, 0, image);
      multiply(CblasNoTrans, 1, point.vectors[b], normal, 0, coordinates);
      const double* of_block = values[block.mode].data() + block.offset;
      for (std::size_t i = 0; i < coordinates.size(); ++i) coordinates[i] *= of_block[i / probes];
      multiply(CblasTrans, -1, point.vectors[b], coordinates, 1, image);
      double squares = 0;
      for (const double value : image) squares += value * value;
      worst = std::max(worst, certain * std::sqrt(squares / probes));
    }
  });
  return objective.comm().max(worst);
}

/// Without penalties Ψ_k has the eigenvectors of S_k, and S − B the eigenvalues σ − b and what the
/// decomposition left: a bound of the residual, which is computed itself only where it is above the
/// tolerance. Collective.
GraphPoint solve_without_penalties(const GraphObjective& objective, const GraphSettings& settings,
                                   GraphEstimate& estimate) {
  GraphPoint point;
  point.factors = objective.grams();
  objective.evaluate(point);
  check_spectra(point.spectra);
  const auto fit = fit_spectra(objective.comm(), point.spectra, settings.tolerance / 2);
  estimate.newton_steps = fit.steps;
  estimate.inner_iterations = fit.inner_iterations;
  const double linear = mean_product(point.spectra, fit.spectra);
  point.kkt = fit.residual + decomposition_error(objective, point, point.spectra);
  point.spectra = fit.spectra;
  communication::collectively(objective.comm(), [&] { compose_factors(objective, point); });
  point.log_determinant = fit.log_determinant;
  point.objective = linear - point.log_determinant / static_cast<double>(objective.points());
  if (point.kkt > settings.tolerance) objective.differentiate(point);
  estimate.converged = point.kkt <= settings.tolerance;
  if (!estimate.converged) {
    estimate.reason = fmt::format(
        "Newton's method for the eigenvalues stopped after {} steps: rounding keeps the KKT "
        "residual above the tolerance",
        fit.steps);
  }
  if (settings.on_iteration) settings.on_iteration(fit.steps, point.kkt);
  return point;
}

/// Ω's trace by the rule: one number more on each factor's diagonal, zero in all.
void place_trace(const Extents& extents, operators::TraceRule rule, GraphEstimate& estimate) {
  operators::KroneckerSumFit fit;
  std::vector<double> traces;
  for (std::size_t k = 0; k < extents.size(); ++k) {
    const Index n = extents[k];
    double trace = 0;
    for (Index i = 0; i < n; ++i) {
      trace += estimate.factors[k][static_cast<std::size_t>(i * (n + 1))];
    }
    traces.push_back(trace / static_cast<double>(n));
    fit.mean += traces.back();
  }
  for (std::size_t k = 0; k < extents.size(); ++k) {
    const double shift = fit.mean - traces[k];
    const auto n = static_cast<std::size_t>(extents[k]);
    for (std::size_t i = 0; i < n; ++i) estimate.factors[k][i * (n + 1)] += shift;
    for (double& value : estimate.eigenvalues[k]) value += shift;
  }
  fit.factors = std::move(estimate.factors);
  operators::apply_trace_rule(fit, extents, true, rule);
  estimate.factors = std::move(fit.factors);
  estimate.offset = fit.offset;
  fit.factors = std::move(estimate.eigenvalues);
  operators::apply_trace_rule(fit, extents, false, rule);
  estimate.eigenvalues = std::move(fit.factors);
}

void fill(const GraphObjective& objective, const GraphPoint& point, operators::TraceRule rule,
          GraphEstimate& estimate) {
  const double unit = objective.unit();
  const Extents& extents = objective.extents();
  estimate.factors = objective.assemble(point.factors);
  estimate.eigenvalues = point.spectra;
  for (std::size_t k = 0; k < extents.size(); ++k) {
    for (double& value : estimate.factors[k]) value /= unit;
    for (double& value : estimate.eigenvalues[k]) value /= unit;
    std::ranges::sort(estimate.eigenvalues[k]);
    Index entries = 0;
    for (Index i = 0; i < extents[k]; ++i) {
      for (Index j = 0; j < i; ++j) {
        entries += estimate.factors[k][static_cast<std::size_t>(i * extents[k] + j)] != 0 ? 1 : 0;
      }
    }
    estimate.edges.push_back(entries);
  }
  place_trace(extents, rule, estimate);
  const auto points = static_cast<double>(objective.points());
  estimate.log_determinant = point.log_determinant - points * std::log(unit);
  estimate.objective = points * (point.objective + std::log(unit));
  estimate.kkt = point.kkt;
  estimate.decompositions = objective.decompositions();
  estimate.blocks = std::ssize(objective.blocks());
}

}  // namespace

GraphEstimate estimate_graph(const communication::Communicator& comm, const GraphProblem& problem,
                             const GraphSettings& settings, const GraphEstimate* start) {
  check_graph_problem(comm, problem);
  const bool fits = start == nullptr ||
                    std::ranges::equal(start->factors, problem.grams, {},
                                       &std::vector<double>::size, &std::vector<double>::size);
  if (!fits) throw core::ShapeError("an estimate to begin with has factors of other extents");
  const GraphObjective objective(comm, problem);
  GraphEstimate estimate;
  if (without_penalties(objective)) {
    const GraphPoint point = solve_without_penalties(objective, settings, estimate);
    estimate.iterations = estimate.newton_steps;
    fill(objective, point, settings.trace, estimate);
    return estimate;
  }
  GraphSolver solver(objective, settings);
  solver.run(start_of(objective, start));
  estimate.converged = solver.converged();
  estimate.reason = solver.reason();
  estimate.proximal_steps = solver.proximal_steps();
  estimate.newton_steps = solver.newton_steps();
  estimate.inner_iterations = solver.inner_iterations();
  estimate.iterations = estimate.proximal_steps + estimate.newton_steps;
  fill(objective, solver.best(), settings.trace, estimate);
  return estimate;
}

double graph_log_density(const Extents& extents, const GraphEstimate& estimate,
                         std::span<const std::vector<double>> grams) {
  const auto points = static_cast<double>(core::product(extents));
  double quadratic = 0;
  for (std::size_t k = 0; k < extents.size(); ++k) {
    const auto others = points / static_cast<double>(extents[k]);
    const auto& factor = estimate.factors.at(k);
    const auto& gram = grams[k];
    if (gram.size() != factor.size()) {
      throw core::ShapeError("Gram matrices do not have the extents of the factors");
    }
    double sum = 0, trace = 0;
    for (std::size_t i = 0; i < factor.size(); ++i) sum += factor[i] * gram[i];
    for (std::size_t i = 0; i < gram.size(); i += static_cast<std::size_t>(extents[k] + 1)) {
      trace += gram[i];
    }
    quadratic += others * (sum + (k == 0 ? estimate.offset * trace : 0));
  }
  return 0.5 * (estimate.log_determinant - quadratic - points * std::log(2 * std::numbers::pi));
}

}  // namespace kronwerk::models
