// See src/MATHEMATICS.md, "Kernel systems".
#include "operators/kernel_matrices/kernel_preconditioner.hpp"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "factors/base/lapack.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"
#include "operators/kernel_matrices/kernel_cholesky.hpp"

namespace kronwerk::operators {
namespace {

constexpr Index candidates_per_step = 160;
// What a processor core does, conservatively: the choices need no more than the order.
constexpr double flops_per_second = 3e10;
constexpr double bytes_per_second = 8e9;
constexpr double seconds_per_step = 3e-4;  // messages and the small factorisation of a step
constexpr Index nystrom_rank = 300;

/// What building and applying cost, for the rank with the most rows.
class Costs {
 public:
  Costs(const KernelOperator& op, const KernelSolverSettings& settings)
      : rows_(static_cast<double>(op.matrix().rows.partition.largest())),
        columns_(static_cast<double>(std::max<Index>(1, settings.columns))),
        application_(op.estimated_seconds(settings.columns)),
        entry_(op.rows() > 0 ? op.estimated_seconds(1) * op.comm().size() /
                                   (static_cast<double>(op.rows()) * static_cast<double>(op.rows()))
                             : 0) {}

  /// Growing the factor from rank r to r + more, with its part of FᵀF and its factorisation.
  double growing(double r, double more) const {
    const double flops = rows_ * (4 * r * more + 2 * more * more) + (r + more) * (r + more) * more;
    return flops / flops_per_second + rows_ * more * entry_ + seconds_per_step;
  }

  double iterating(double iterations, double r) const {
    const double bytes = 16 * rows_ * r;
    const double flops = 4 * rows_ * r * columns_;
    const double inverse = std::max(bytes / bytes_per_second, flops / flops_per_second);
    return (iterations + 1) * (application_ + inverse);
  }

 private:
  double rows_;
  double columns_;
  double application_;
  double entry_;
};

Index largest_rank(const KernelOperator& op, const KernelSolverSettings& settings) {
  const auto rows = static_cast<double>(std::max<Index>(1, op.matrix().rows.partition.largest()));
  const auto fits = static_cast<Index>(settings.memory / (8 * rows));
  // R and FᵀF are k x k on every rank.
  const auto square = static_cast<Index>(std::sqrt(settings.memory / 32));
  return std::min({op.rows(), fits, square});
}

double preconditioner_shift(const KernelOperator& op, double trace) {
  if (op.shift() > 0) return op.shift();
  return trace / static_cast<double>(std::max<Index>(1, op.rows()));
}

std::string because(const PartialCholesky& factor, double iterations, Index rows,
                    const KernelSolverSettings& settings, bool complete, bool full) {
  const Index rank = factor.rank();
  std::string reason;
  if (complete) {
    reason = "what is left of the kernel matrix is rounding error";
  } else if (settings.rank > 0) {
    reason = "as asked";
  } else if (rank == rows) {
    reason = "all of the kernel matrix";
  } else if (full) {
    reason = "the most that fits the memory";
  } else {
    reason = fmt::format("more would cost more than it saves; about {:.0f} iterations expected",
                         std::ceil(iterations));
  }
  return fmt::format("randomly pivoted Cholesky of rank {} ({}; {:.2g} of the trace is left)", rank,
                     reason, factor.full_trace() > 0 ? factor.trace() / factor.full_trace() : 0.0);
}

}  // namespace

double estimated_iterations(double norm, double shift, double tolerance) {
  const double root = std::sqrt(1 + norm / shift);
  const double factor = (root - 1) / (root + 1);
  if (!(factor > 0)) return 1;
  return std::max(1.0, std::log(2 / tolerance) / -std::log(factor));
}

KernelApproximation approximate_by_cholesky(const KernelOperator& op,
                                            const KernelSolverSettings& settings) {
  const Costs costs(op, settings);
  const Index most = largest_rank(op, settings);
  const Index limit = settings.rank > 0 ? std::min(settings.rank, most) : most;
  PartialCholesky factor(op, settings.seed);
  KernelApproximation result;
  // The trace stands for the norm until there is an estimate.
  double norm = factor.trace();
  const auto shift = [&] { return preconditioner_shift(op, factor.trace()); };
  const auto iterations = [&](double of_norm) {
    return estimated_iterations(of_norm, shift(), settings.tolerance);
  };
  double seconds = 0;
  // Without a positive alpha, K must be known to be regular.
  const bool by_cost = settings.rank == 0 && op.shift() > 0;
  while (factor.rank() < limit) {
    const double before = factor.trace();
    const auto rank_before = static_cast<double>(factor.rank());
    const Index count = std::min(candidates_per_step, limit - factor.rank());
    const PartialCholesky::Step step = factor.grow(count);
    if (step == PartialCholesky::Step::indefinite) {
      result.kind = KernelApproximation::Kind::indefinite;
      return result;
    }
    result.complete = step == PartialCholesky::Step::exhausted;
    if (result.complete) break;
    const double decay = factor.trace() / before;
    norm = std::min(factor.trace(), factor.residual_norm() * decay);
    const auto rank = static_cast<double>(factor.rank());
    const double more = rank - rank_before;
    seconds = costs.iterating(iterations(norm), rank);
    const double next =
        costs.iterating(iterations(norm * decay), rank + more) + costs.growing(rank, more);
    if (by_cost && rank_before > 0 && next >= seconds) break;
  }
  if (factor.rank() == 0 && !result.complete && limit > 0) {
    throw core::InternalError("the pivoted Cholesky factorisation found no pivot");
  }
  const bool full = factor.rank() >= limit;
  if (result.complete) norm = factor.trace();
  result.trace = factor.trace();
  result.iterations = iterations(norm);
  result.seconds = costs.iterating(result.iterations, static_cast<double>(factor.rank()));
  result.description =
      because(factor, result.iterations, op.rows(), settings, result.complete, full);
  const Index rank = factor.rank();
  const double alpha = shift();
  const Index rows = factor.local_rows();
  result.inverse.emplace(op.comm(), std::move(factor).take_factor(), rows, rank, alpha);
  return result;
}

KernelApproximation approximate_by_nystrom(const KernelOperator& op,
                                           const KernelSolverSettings& settings) {
  const Index wanted = settings.rank > 0 ? settings.rank : nystrom_rank;
  const Index rank = std::min(wanted, largest_rank(op, settings));
  const Index rows = op.matrix().rows.local.count;
  const auto& comm = op.comm();
  const int k = core::narrow<int>(rank);
  const int n = core::narrow<int>(rows);
  // Vectors side by side: (rows x rank), row-major.
  std::vector<double> probes(static_cast<std::size_t>(rows * rank));
  fill_random(RandomKind::normal, settings.seed, op.matrix().rows.local.first * rank, probes);
  std::vector<double> images(probes.size());
  op.multiply(probes, images, rank);
  double squares = 0;
  for (std::size_t i = 0; i < images.size(); ++i) {
    images[i] -= op.shift() * probes[i];
    squares += images[i] * images[i];
  }
  // A small shift keeps the core matrix positive definite; it is well below what alpha hides.
  const double nudge = 2.2e-16 * std::sqrt(comm.sum(squares));
  std::vector<double> core(static_cast<std::size_t>(rank * rank), 0.0);
  for (std::size_t i = 0; i < images.size(); ++i) images[i] += nudge * probes[i];
  if (n > 0 && k > 0) {
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, k, k, n, 1.0, probes.data(), k,
                images.data(), k, 0.0, core.data(), k);
  }
  comm.sum(std::span<double>(core));
  int info = 0;
  const int leading = std::max(1, k);
  dpotrf_("U", &k, core.data(), &leading, &info, 1);
  KernelApproximation result;
  if (comm.any(info != 0)) {
    result.kind = KernelApproximation::Kind::indefinite;
    return result;
  }
  // images = F R with the core RᵀR. R stands in the lower triangle when it is read by rows.
  std::vector<double> factor(images.size());
  for (Index i = 0; i < rows; ++i) {
    for (Index c = 0; c < rank; ++c) {
      factor[static_cast<std::size_t>(c * rows + i)] =
          images[static_cast<std::size_t>(i * rank + c)];
    }
  }
  if (n > 0 && k > 0) {
    cblas_dtrsm(CblasColMajor, CblasRight, CblasUpper, CblasNoTrans, CblasNonUnit, n, k, 1.0,
                core.data(), k, factor.data(), n);
  }
  double own = 0;
  for (const double each : op.point_diagonal()) own += each - op.shift();
  for (const double each : factor) own -= each * each;
  result.trace = std::max(0.0, comm.sum(own));
  const double shift = preconditioner_shift(op, result.trace);
  result.iterations =
      estimated_iterations(result.trace / std::max(1.0, std::sqrt(static_cast<double>(rank))),
                           shift, settings.tolerance);
  result.seconds = Costs(op, settings).iterating(result.iterations, static_cast<double>(rank));
  result.description = fmt::format("randomised Nyström approximation of rank {}", rank);
  result.inverse.emplace(comm, std::move(factor), rows, rank, shift);
  return result;
}

}  // namespace kronwerk::operators
