// See src/MATHEMATICS.md, "Kernel systems".
#include "kronwerk/operators/kernel_matrices/kernel_solver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "kronwerk/core/text.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"
#include "operators/base/small_lapack.hpp"
#include "operators/kernel_matrices/kernel_cg.hpp"
#include "operators/kernel_matrices/kernel_dense.hpp"
#include "operators/kernel_matrices/kernel_preconditioner.hpp"
#include "operators/kernel_matrices/kernel_sides.hpp"
#include "operators/kernel_matrices/kernel_solver_state.hpp"

namespace kronwerk::operators {
namespace {

// A dense factorisation that takes no longer than this many products with K is taken unseen.
constexpr double few_products = 8;
// What makes a determinant exact may take so long.
constexpr double affordable_seconds = 10;
// … and for kernels that are not known to be positive definite, this many.
constexpr double many_products = 200;

/// Which variable of j runs over the points of which variable of i: those with equal values.
/// Collective.
std::map<std::string, std::string> pair_variables(const KernelOperator& op) {
  std::map<std::string, std::string> result;
  const kernels::Side& rows = op.matrix().rows.local;
  const kernels::Side& columns = op.matrix().columns.local;
  const auto symbols = op.matrix().formula.variables();
  for (const auto& [first, symbol] : symbols) {
    if (symbol.axes != kernels::axis_i) continue;
    for (const auto& [second, other] : symbols) {
      if (other.axes != kernels::axis_j || other.dimension != symbol.dimension) continue;
      const auto& a = rows.variables.at(first).values;
      const auto& b = columns.variables.at(second).values;
      if (op.comm().any(a != b)) continue;
      result[first] = second;
      break;
    }
  }
  return result;
}

bool find_symmetry(const KernelOperator& op) {
  return op.matrix().formula.symmetric(pair_variables(op));
}

std::string name(const KernelOperator& op) {
  return fmt::format("'{}' ({} x {})", op.matrix().formula.text(), op.rows(), op.columns());
}

}  // namespace

KernelSolver::State::State(std::shared_ptr<const KernelOperator> kernel,
                           KernelSolverSettings wanted)
    : op(std::move(kernel)), settings(std::move(wanted)) {
  if (op->rows() != op->columns()) {
    throw core::ShapeError(fmt::format(
        "the kernel matrix {} is not square; only square ones can be solved with", name(*op)));
  }
  communication::collectively(op->comm(), [&] {
    for (const kernels::Side* side : {&op->matrix().rows.local, &op->matrix().columns.local}) {
      const std::string bad = find_not_finite(*side);
      if (bad.empty()) continue;
      throw core::DataError(fmt::format(
          "{}; a solve with the kernel matrix {} needs finite points: remove or correct it", bad,
          name(*op)));
    }
  });
  symmetric = find_symmetry(*op);
  choose();
}

void KernelSolver::State::choose() {
  const DenseEstimate estimate =
      estimate_dense(*op, symmetric, settings.columns, settings.spread_extent);
  // On the smallest node, too: they may have unequal numbers of ranks.
  const auto node_ranks = op->comm().min(Index{op->comm().node().size()});
  const bool fits = estimate.bytes_per_node <= settings.memory * static_cast<double>(node_ranks);
  const auto products = [&](double count) {
    return count * op->estimated_seconds(settings.columns);
  };
  if (settings.method == KernelMethod::direct) {
    factorise(fmt::format("as asked, {} of memory per node",
                          core::format_bytes(estimate.bytes_per_node)));
    return;
  }
  const bool free = settings.method == KernelMethod::automatic && fits;
  if (free && estimate.seconds <= products(few_products)) {
    factorise("the matrix is small");
    return;
  }
  if (free && settings.determinant && estimate.seconds <= affordable_seconds) {
    factorise(fmt::format("the determinant is exact so, at an estimated {}",
                          core::format_seconds(estimate.seconds)));
    return;
  }
  if (symmetric && try_conjugate_gradients(free ? estimate.seconds : 0)) return;
  if (free && estimate.seconds <= products(many_products)) {
    factorise(!symmetric        ? "the kernel is not symmetric"
              : op->shift() < 0 ? "alpha is negative"
                                : "the kernel is indefinite");
    return;
  }
  iterate_without_preconditioner();
}

void KernelSolver::State::factorise(const std::string& reason) {
  inverse.reset();
  try {
    dense.emplace(*op, symmetric, settings.spread_extent);
  } catch (const core::DataError& error) {
    if (op->shift() != 0) throw;
    throw core::SingularError(
        fmt::format("{}; with alpha = 0 the kernel matrix itself must be regular: a positive alpha "
                    "makes it so (points that occur twice make it singular)",
                    error.what()));
  }
  method = "direct";
  why = fmt::format("{}: {}", reason, dense->description());
}

void KernelSolver::State::refuse_singular(const KernelApproximation& found) const {
  if (op->shift() != 0 || !found.complete || found.inverse->rank() >= op->rows()) return;
  throw core::SingularError(fmt::format(
      "the kernel matrix {} is singular to working precision: its numerical rank is {}; with "
      "alpha = 0 there is no unique solution. Use a positive alpha, and look for points that "
      "occur twice",
      name(*op), found.inverse->rank()));
}

/// False if the kernel is indefinite.
/// @param limit  seconds that a dense factorisation would take; 0 if there is none
bool KernelSolver::State::try_conjugate_gradients(double limit) {
  using Wanted = KernelPreconditioner;
  if (settings.preconditioner == Wanted::none && op->shift() > 0) {
    method = "cg";
    why = "no preconditioner, as asked";
    return true;
  }
  if (settings.preconditioner == Wanted::none) return false;
  KernelApproximation found = settings.preconditioner == Wanted::nystrom
                                  ? approximate_by_nystrom(*op, settings)
                                  : approximate_by_cholesky(*op, settings);
  if (found.kind == KernelApproximation::Kind::indefinite) return false;
  refuse_singular(found);
  if (op->shift() < 0) return false;
  if (limit > 0 && found.seconds > limit) {
    factorise(fmt::format("estimated at {} against {} for CG with {}", core::format_seconds(limit),
                          core::format_seconds(found.seconds), found.description));
    return true;
  }
  inverse = std::move(found.inverse);
  method = "cg";
  why = found.description;
  return true;
}

void KernelSolver::State::iterate_without_preconditioner() {
  KrylovSettings krylov{symmetric ? KrylovMethod::minres : KrylovMethod::gmres, settings.tolerance,
                        settings.max_iterations, settings.on_iteration};  // of single columns
  single = std::make_shared<KernelOperator>(op->comm(), op->matrix(), 1, op->scale(), op->shift());
  krylov_solver.emplace(single, nullptr, 1, krylov);
  method = krylov_solver->method_name();
  why = symmetric ? "K + alpha*I is symmetric and not known to be positive definite; no "
                    "preconditioner"
                  : "the formula is not symmetric in the points of its two sides; no "
                    "preconditioner";
}

ColumnSystem KernelSolver::State::system() const {
  ColumnSystem result;
  result.multiply = [this](std::span<const double> x, std::span<double> y, Index width) {
    op->multiply(x, y, width);
  };
  if (inverse) {
    result.precondition = [this](std::span<const double> x, std::span<double> y, Index width) {
      inverse->apply(x, y, width);
    };
  }
  return result;
}

KrylovOutcome KernelSolver::State::solve(std::span<const double> b, std::span<double> a,
                                         Index width, bool transposed) {
  const Index rows = op->matrix().rows.local.count;
  communication::collectively(op->comm(), [&] {
    if (width < 1 || !std::cmp_equal(b.size(), rows * width) || a.size() != b.size()) {
      throw core::ShapeError(fmt::format(
          "a kernel solve was given {} values with room for {}; {} right-hand sides at the {} "
          "points of this rank are {}",
          b.size(), a.size(), width, rows, rows * width));
    }
    const auto bad = std::find_if(b.begin(), b.end(), [](double v) { return !std::isfinite(v); });
    if (bad == b.end()) return;
    const Index at = bad - b.begin();
    throw core::DataError(fmt::format(
        "the right-hand side {} of a kernel solve holds {} at point {}; it must be finite",
        at % width, *bad, op->matrix().rows.local.first + at / width));
  });
  if (dense) return solve_dense(b, a, width, transposed);
  if (krylov_solver) return solve_by_columns(b, a, width, transposed);
  const KrylovSettings krylov{KrylovMethod::cg, settings.tolerance, settings.max_iterations,
                              settings.on_iteration, settings.on_iterate};
  return column_conjugate_gradients(op->comm(), system(), b, a, width, krylov);
}

KrylovOutcome KernelSolver::State::solve_dense(std::span<const double> b, std::span<double> a,
                                               Index width, bool transposed) const {
  dense->solve(*op, b, a, width, transposed);
  const auto product = [&](std::span<const double> x, std::span<double> y, bool turned,
                           bool accumulate) { op->multiply(x, y, width, turned, accumulate); };
  const auto back = [&](std::span<const double> x, std::span<double> y, bool turned, bool) {
    dense->solve(*op, x, y, width, turned);
  };
  SolveJudge judge({product, back, ColumnNorms::side_by_side(op->comm(), width),
                    op->matrix().rows.local.first * width, settings.tolerance});
  std::vector<double> right(b.begin(), b.end());
  const auto again = [&](std::span<double> block) { std::copy(b.begin(), b.end(), block.begin()); };
  Verdict verdict = judge.judge(right, a, transposed, again);
  KrylovOutcome outcome;
  outcome.converged = verdict.accepted;
  outcome.reason = verdict.reason();
  outcome.residuals = std::move(verdict.residuals);
  outcome.refinements = verdict.refinements;
  outcome.rounding = verdict.rounding;
  return outcome;
}

KrylovOutcome KernelSolver::State::solve_by_columns(std::span<const double> b, std::span<double> a,
                                                    Index width, bool transposed) {
  const auto columns = static_cast<std::size_t>(width);
  std::vector<double> right(b.size() / columns);
  std::vector<double> left(right.size());
  KrylovOutcome outcome;
  for (std::size_t c = 0; c < columns; ++c) {
    for (std::size_t i = 0; i < right.size(); ++i) right[i] = b[i * columns + c];
    for (std::size_t i = 0; i < left.size(); ++i) left[i] = a[i * columns + c];
    const KrylovOutcome one = krylov_solver->solve(right, left, transposed);
    for (std::size_t i = 0; i < right.size(); ++i) a[i * columns + c] = left[i];
    if (settings.on_iterate) settings.on_iterate([&](std::vector<double>&) { return a; });
    outcome.residuals.push_back(one.residuals.at(0));
    outcome.iterations = std::max(outcome.iterations, one.iterations);
    if (one.history.size() > outcome.history.size()) outcome.history.resize(one.history.size(), 0);
    for (std::size_t k = 0; k < one.history.size(); ++k) {
      outcome.history[k] = std::max(outcome.history[k], one.history[k]);
    }
    if (one.converged) continue;
    if (outcome.converged) {
      outcome.reason =
          columns == 1 ? one.reason : fmt::format("right-hand side {}: {}", c, one.reason);
    }
    outcome.converged = false;
  }
  return outcome;
}

KernelSolver::KernelSolver(std::shared_ptr<const KernelOperator> op, KernelSolverSettings settings)
    : state_(std::make_unique<State>(std::move(op), std::move(settings))) {}
KernelSolver::~KernelSolver() = default;
KernelSolver::KernelSolver(KernelSolver&&) noexcept = default;

KrylovOutcome KernelSolver::solve(std::span<const double> b, std::span<double> a, Index width,
                                  bool transposed) const {
  return state_->solve(b, a, width, transposed);
}

const std::string& KernelSolver::method() const noexcept {
  return state_->method;
}
const std::string& KernelSolver::why() const noexcept {
  return state_->why;
}
Index KernelSolver::rank() const noexcept {
  return state_->inverse ? state_->inverse->rank() : 0;
}
const KernelOperator& KernelSolver::op() const noexcept {
  return *state_->op;
}

}  // namespace kronwerk::operators
