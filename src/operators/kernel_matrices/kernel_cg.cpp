#include "operators/kernel_matrices/kernel_cg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "operators/base/local_vectors.hpp"
#include "operators/krylov/column_cg.hpp"
#include "operators/krylov/failure_summary.hpp"

namespace kronwerk::operators {
namespace {

// Another start from the present x has been of use if it left less than this part of the residual.
constexpr double progress = 0.5;
// A Lanczos process whose residual is below this part of the first one has found all there is.
constexpr double exhausted = 1e-14;
constexpr const char* not_finite = "numbers that are not finite came up";
constexpr const char* not_definite =
    "K + alpha*I is not positive definite (<p, (K + alpha*I) p> is not positive), which CG needs";

/// Σ over this rank's rows of x_c y_c, for each column.
void add_dots(std::span<const double> x, std::span<const double> y, std::span<double> sums) {
  const std::size_t width = sums.size();
  if (width == 1) {
    sums[0] += local_dot(x.data(), y.data(), x.size());
    return;
  }
  for (std::size_t i = 0; i < x.size(); i += width) {
    for (std::size_t c = 0; c < width; ++c) sums[c] += x[i + c] * y[i + c];
  }
}

/// A and M positive definite.
class PositiveRules final : public CgRules {
 public:
  const char* refuse_start(double rho) const override { return check_product(rho); }
  const char* refuse_curvature(double curvature, double /*last*/, double /*rho*/) const override {
    if (!std::isfinite(curvature)) return not_finite;
    return curvature > 0 ? nullptr : not_definite;
  }
  const char* refuse_turn(double rho, double /*beta*/) const override { return check_product(rho); }

 private:
  static const char* check_product(double product) {
    if (!std::isfinite(product)) return not_finite;
    return product > 0 ? nullptr
                       : "the preconditioner is not positive definite to working precision";
  }
};

/// Columns side by side, of which only those that are active are kept and multiplied.
class SideBySideVectors final : public CgVectors {
 public:
  SideBySideVectors(const communication::Communicator& comm, const ColumnSystem& system,
                    std::size_t width)
      : comm_(&comm), system_(&system), width_(width) {}

  PerColumn start(KrylovRun& run) override {
    columns_.clear();
    for (std::size_t c = 0; c < width_; ++c) {
      if (run.active[c] != 0) columns_.push_back(c);
    }
    const std::size_t count = columns_.size();
    const std::size_t rows = run.r.size() / width_;
    r_.resize(rows * count);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t c = 0; c < count; ++c) r_[i * count + c] = run.r[i * width_ + columns_[c]];
    }
    w_.resize(r_.size());
    precondition();
    p_ = z();
    std::vector<double> products(count, 0.0);
    add_dots(r_, p_, products);
    comm_->sum(std::span<double>(products));
    return for_all(products);
  }

  PerColumn multiply(KrylovRun& run) override {
    drop_finished(run);  // at the start
    system_->multiply(p_, w_, std::ssize(columns_));
    std::vector<double> curvature(columns_.size(), 0.0);
    add_dots(p_, w_, curvature);
    comm_->sum(std::span<double>(curvature));
    return for_all(curvature);
  }

  void advance(KrylovRun& run, const PerColumn& alpha) override {
    const std::size_t count = columns_.size();
    const std::vector<double> factors = of_kept(alpha);
    for (std::size_t i = 0; i < rows(); ++i) {
      double* target = run.x.data() + i * width_;
      for (std::size_t c = 0; c < count; ++c) {
        target[columns_[c]] += factors[c] * p_[i * count + c];
        r_[i * count + c] -= factors[c] * w_[i * count + c];
      }
    }
  }

  std::pair<PerColumn, PerColumn> products(KrylovRun& /*run*/) override {
    precondition();
    const std::size_t count = columns_.size();
    std::vector<double> sums(2 * count, 0.0);
    const std::span<double> squares = std::span(sums).first(count);
    const std::span<double> products = std::span(sums).subspan(count);
    add_dots(r_, r_, squares);
    add_dots(r_, z(), products);
    comm_->sum(std::span<double>(sums));
    return {for_all(squares), for_all(products)};
  }

  void turn(KrylovRun& run, const PerColumn& beta) override {
    const std::size_t count = columns_.size();
    const std::vector<double> factors = of_kept(beta);
    const std::vector<double>& direction = z();
    for (std::size_t i = 0; i < p_.size(); i += count) {
      for (std::size_t c = 0; c < count; ++c) {
        p_[i + c] = direction[i + c] + factors[c] * p_[i + c];
      }
    }
    drop_finished(run);
  }

 private:
  std::size_t rows() const { return columns_.empty() ? 0 : r_.size() / columns_.size(); }
  const std::vector<double>& z() const { return system_->precondition ? z_ : r_; }

  void precondition() {
    if (!system_->precondition || columns_.empty()) return;
    z_.resize(r_.size());
    system_->precondition(r_, z_, std::ssize(columns_));
  }

  PerColumn for_all(std::span<const double> kept) const {
    PerColumn result(width_, 0.0);
    for (std::size_t c = 0; c < columns_.size(); ++c) result[columns_[c]] = kept[c];
    return result;
  }
  std::vector<double> of_kept(const PerColumn& all) const {
    std::vector<double> result;
    for (const std::size_t column : columns_) result.push_back(all[column]);
    return result;
  }

  /// Takes the columns that have ended out of r and p, and their residuals out of the history.
  void drop_finished(KrylovRun& run) {
    const std::size_t count = columns_.size();
    std::vector<std::size_t> kept;
    for (std::size_t c = 0; c < count; ++c) {
      if (run.active[columns_[c]] != 0) {
        kept.push_back(c);
      } else {
        run.residual[columns_[c]] = 0;
      }
    }
    if (kept.size() == count) return;
    const std::size_t rows_here = rows();
    for (std::vector<double>* values : {&r_, &p_}) {
      for (std::size_t i = 0; i < rows_here; ++i) {
        for (std::size_t k = 0; k < kept.size(); ++k) {
          (*values)[i * kept.size() + k] = (*values)[i * count + kept[k]];
        }
      }
      values->resize(rows_here * kept.size());
    }
    w_.resize(r_.size());
    std::erase_if(columns_, [&](std::size_t column) { return run.active[column] == 0; });
  }

  const communication::Communicator* comm_;
  const ColumnSystem* system_;
  std::size_t width_;
  std::vector<std::size_t> columns_;  ///< those kept: their numbers in b and x
  std::vector<double> r_, z_, p_, w_;
};

/// The Lanczos matrices of the columns, for their quadratures; a column ends when its own has
/// settled.
class QuadratureListener final : public CgListener {
 public:
  QuadratureListener(const communication::Communicator& comm, std::vector<LogQuadrature>& rules)
      : comm_(&comm), rules_(&rules) {}

  // A pivot of the Lanczos matrix (Golub and Van Loan 2013, section 11.3).
  void stepped(std::size_t column, double alpha) override {
    if (alpha > 0) (*rules_)[column].extend_pivot(1 / alpha);
  }
  void turned(std::size_t column, double beta) override {
    (*rules_)[column].couple_ratio(std::sqrt(beta));
  }
  /// Rank 0 decides for all, so that the last bits of different processors cannot part the ranks.
  void end_iteration(KrylovRun& run) override {
    std::vector<double> settled(run.active.size(), 0.0);
    if (comm_->is_root()) {
      for (std::size_t c = 0; c < settled.size(); ++c) {
        LogQuadrature& rule = (*rules_)[c];
        if (run.active[c] != 0 && rule.due() && rule.estimate().settled) settled[c] = 1;
      }
    }
    comm_->broadcast(std::span<double>(settled));
    for (std::size_t c = 0; c < settled.size(); ++c) {
      if (settled[c] != 0) run.finish(c, KrylovRun::End::accepted);
    }
  }

 private:
  const communication::Communicator* comm_;
  std::vector<LogQuadrature>* rules_;
};

KrylovRun make_run(const KrylovSettings& settings, const std::vector<double>& norms,
                   std::span<double> residual, std::span<double> x) {
  const std::size_t columns = norms.size();
  KrylovRun run;
  run.x = x;
  run.r = residual;
  run.tolerance = settings.tolerance;
  run.divergence = std::numeric_limits<double>::infinity();
  run.max_iterations = settings.max_iterations;
  run.on_iteration = settings.on_iteration;
  run.on_iterate = settings.on_iterate;
  run.active.assign(columns, 1);
  run.scale = norms;
  run.residual.assign(columns, 0.0);
  run.end.assign(columns, KrylovRun::End::running);
  run.failure.assign(columns, {});
  return run;
}

std::vector<double> norms_of_columns(const communication::Communicator& comm,
                                     std::span<const double> x, std::size_t width) {
  std::vector<double> result(width, 0.0);
  add_dots(x, x, result);
  comm.sum(std::span<double>(result));
  for (double& each : result) each = std::sqrt(each);
  return result;
}

/// Right-hand sides brought to entries of at most 1, so that no square under- or overflows.
class ScaledColumns {
 public:
  ScaledColumns(const communication::Communicator& comm, std::span<const double> b,
                std::size_t width)
      : values(b.begin(), b.end()), scales(width, 0.0) {
    for (std::size_t i = 0; i < b.size(); ++i) {
      scales[i % width] = std::max(scales[i % width], std::abs(b[i]));
    }
    communication::check_mpi(MPI_Allreduce(MPI_IN_PLACE, scales.data(), core::narrow<int>(width),
                                           MPI_DOUBLE, MPI_MAX, comm.get()));
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (scales[i % width] > 0) values[i] /= scales[i % width];
    }
  }
  /// Solutions of the columns as they were given, and back; those of zero columns are zero.
  void unscale(std::span<double> x) const {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] *= scales[i % scales.size()];
  }
  void scale(std::span<double> x) const {
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double by = scales[i % scales.size()];
      x[i] = by > 0 ? x[i] / by : 0.0;
    }
  }
  std::vector<double> values;
  std::vector<double> scales;
};

/// Relative residuals of the start x, which becomes r; 0 for columns without a right-hand side.
std::vector<double> start_residuals(const communication::Communicator& comm,
                                    const ColumnSystem& system, std::span<const double> b,
                                    const std::vector<double>& norms, std::span<const double> x,
                                    std::span<double> r) {
  std::vector<double> residuals(norms.size(), 1.0);
  const bool zero = std::ranges::all_of(x, [](double value) { return value == 0; });
  if (comm.any(!zero)) {
    system.multiply(x, r, std::ssize(norms));
    for (std::size_t i = 0; i < r.size(); ++i) r[i] = b[i] - r[i];
    residuals = norms_of_columns(comm, r, norms.size());
    for (std::size_t c = 0; c < norms.size(); ++c) {
      if (norms[c] > 0) residuals[c] /= norms[c];
    }
  }
  for (std::size_t c = 0; c < norms.size(); ++c) {
    if (!(norms[c] > 0)) residuals[c] = 0;
  }
  return residuals;
}

}  // namespace

KrylovOutcome column_conjugate_gradients(const communication::Communicator& comm,
                                         const ColumnSystem& system, std::span<const double> b,
                                         std::span<double> x, Index width,
                                         const KrylovSettings& settings) {
  const auto columns = static_cast<std::size_t>(width);
  const ScaledColumns right(comm, b, columns);
  const std::vector<double> norms = norms_of_columns(comm, right.values, columns);
  right.scale(x);
  std::vector<double> residual = right.values;
  KrylovRun run = make_run(settings, norms, residual, x);
  run.solution = [&](std::vector<double>& room) -> std::span<const double> {
    room.assign(x.begin(), x.end());
    right.unscale(room);
    return room;
  };
  std::vector<double> residuals = start_residuals(comm, system, right.values, norms, x, residual);
  std::vector<char> wanted(columns, 0);
  for (std::size_t c = 0; c < columns; ++c) wanted[c] = !(residuals[c] <= settings.tolerance);
  SideBySideVectors vectors(comm, system, columns);
  while (std::any_of(wanted.begin(), wanted.end(), [](char each) { return each != 0; })) {
    run.active = wanted;
    try {
      conjugate_gradients(run, vectors, PositiveRules());
    } catch (const core::Terminated&) {
      right.unscale(x);
      throw;
    }
    std::fill(run.residual.begin(), run.residual.end(), 0.0);
    system.multiply(x, residual, width);
    for (std::size_t i = 0; i < residual.size(); ++i) residual[i] = right.values[i] - residual[i];
    const std::vector<double> lengths = norms_of_columns(comm, residual, columns);
    for (std::size_t c = 0; c < columns; ++c) {
      if (wanted[c] == 0) continue;
      const double before = residuals[c];
      const double now = lengths[c] / norms[c];
      residuals[c] = now;
      std::string& failure = run.failure[c];
      if (now <= settings.tolerance) {
        failure.clear();
        wanted[c] = 0;
      } else if (run.iterations >= settings.max_iterations) {
        failure = fmt::format("{} iterations were not enough: the relative residual is {:.2g}",
                              settings.max_iterations, now);
        wanted[c] = 0;
      } else if (!failure.empty()) {
        wanted[c] = 0;
      } else if (!(now < progress * before)) {
        failure = fmt::format(
            "stagnation at the relative residual {:.2g}: rounding errors allow no less", now);
        wanted[c] = 0;
      }
    }
  }
  right.unscale(x);
  KrylovOutcome outcome;
  outcome.reason = failure_summary(run.failure);
  outcome.converged = outcome.reason.empty();
  outcome.iterations = run.iterations;
  outcome.residuals = std::move(residuals);
  outcome.history = std::move(run.history);
  return outcome;
}

std::vector<ColumnQuadrature> column_quadratures(const communication::Communicator& comm,
                                                 const ColumnSystem& system,
                                                 std::span<const double> b, Index width,
                                                 Index max_iterations, double least,
                                                 double tolerance) {
  const auto columns = static_cast<std::size_t>(width);
  std::vector<LogQuadrature> rules(columns, LogQuadrature(least, tolerance));
  KrylovSettings settings;
  settings.tolerance = exhausted;
  settings.max_iterations = max_iterations;
  std::vector<double> residual(b.begin(), b.end());
  std::vector<double> x(b.size(), 0.0);
  KrylovRun run = make_run(settings, norms_of_columns(comm, b, columns), residual, x);
  SideBySideVectors vectors(comm, system, columns);
  QuadratureListener listener(comm, rules);
  conjugate_gradients(run, vectors, PositiveRules(), &listener);
  const std::string failure = failure_summary(run.failure);
  if (!failure.empty()) throw core::DataError("stochastic Lanczos quadrature: " + failure);
  std::vector<ColumnQuadrature> result(columns);
  for (std::size_t c = 0; c < columns; ++c) {
    if (rules[c].steps() == 0) continue;
    const QuadratureEstimate found = rules[c].estimate();
    std::array<double, 6> values{found.value, found.error,    found.size,
                                 found.least, found.greatest, found.settled ? 1.0 : 0.0};
    comm.broadcast(std::span<double>(values));
    result[c].estimate = {values[0], values[1], values[2], values[3], values[4], values[5] != 0};
    result[c].steps = static_cast<Index>(rules[c].steps());
  }
  return result;
}

}  // namespace kronwerk::operators
