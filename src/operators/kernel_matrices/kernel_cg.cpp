#include "operators/kernel_matrices/kernel_cg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "operators/base/local_vectors.hpp"

namespace kronwerk::operators {
namespace {

// Another start from the present x has been of use if it left less than this part of the residual.
constexpr double progress = 0.5;
// A Lanczos process whose residual is below this part of the first one has found all there is.
constexpr double exhausted = 1e-14;
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

/// One column among those still worked on.
struct Column {
  std::size_t number = 0;  ///< in b and x
  double rho = 0;          ///< <r, M⁻¹r>
  bool active = true;
};

class ColumnIteration {
 public:
  ColumnIteration(const communication::Communicator& comm, const ColumnSystem& system,
                  std::size_t width, const KrylovSettings& settings, KrylovOutcome& outcome,
                  std::vector<std::string>& failures)
      : comm_(&comm),
        system_(&system),
        settings_(&settings),
        width_(width),
        outcome_(&outcome),
        failures_(&failures) {}

  /// With rules, a column ends when its quadrature has settled.
  void record(std::vector<LogQuadrature>& rules) { rules_ = &rules; }

  /// Improves the wanted columns of x from residual r (both rows x all columns, r is lost).
  void run(const std::vector<char>& wanted, const std::vector<double>& norms,
           std::span<const double> r, std::span<double> x) {
    norms_ = &norms;
    start(wanted, r);
    while (!columns_.empty() && outcome_->iterations < settings_->max_iterations) {
      system_->multiply(p_, w_, std::ssize(columns_));
      step(x);
      precondition();
      turn();
      drop_finished();
    }
  }

 private:
  std::size_t rows() const { return columns_.empty() ? 0 : r_.size() / columns_.size(); }

  void start(const std::vector<char>& wanted, std::span<const double> r) {
    columns_.clear();
    for (std::size_t c = 0; c < width_; ++c) {
      if (wanted[c] != 0) columns_.push_back({c});
    }
    const std::size_t count = columns_.size();
    r_.resize(r.size() / width_ * count);
    for (std::size_t i = 0; i < r.size() / width_; ++i) {
      for (std::size_t c = 0; c < count; ++c) {
        r_[i * count + c] = r[i * width_ + columns_[c].number];
      }
    }
    w_.resize(r_.size());
    precondition();
    p_ = z();
    std::vector<double> products(count, 0.0);
    add_dots(r_, p_, products);
    comm_->sum(std::span<double>(products));
    for (std::size_t c = 0; c < count; ++c) {
      columns_[c].rho = products[c];
      check_product(columns_[c], products[c]);
    }
    drop_finished();
  }

  const std::vector<double>& z() const { return system_->precondition ? z_ : r_; }

  void precondition() {
    if (!system_->precondition || columns_.empty()) return;
    z_.resize(r_.size());
    system_->precondition(r_, z_, std::ssize(columns_));
  }

  void fail(Column& column, std::string why) {
    column.active = false;
    (*failures_)[column.number] = std::move(why);
  }

  void check_product(Column& column, double product) {
    if (product > 0 && std::isfinite(product)) return;
    fail(column, std::isfinite(product)
                     ? "the preconditioner is not positive definite to working precision"
                     : "numbers that are not finite came up");
  }

  void step(std::span<double> x) {
    const std::size_t count = columns_.size();
    std::vector<double> curvature(count, 0.0);
    add_dots(p_, w_, curvature);
    comm_->sum(std::span<double>(curvature));
    std::vector<double> alpha(count, 0.0);
    for (std::size_t c = 0; c < count; ++c) {
      if (!std::isfinite(curvature[c])) {
        fail(columns_[c], "numbers that are not finite came up");
      } else if (!(curvature[c] > 0)) {
        fail(columns_[c], not_definite);
      } else {
        alpha[c] = columns_[c].rho / curvature[c];
      }
      extend(columns_[c], alpha[c]);
    }
    for (std::size_t i = 0; i < rows(); ++i) {
      double* target = x.data() + i * width_;
      for (std::size_t c = 0; c < count; ++c) {
        target[columns_[c].number] += alpha[c] * p_[i * count + c];
        r_[i * count + c] -= alpha[c] * w_[i * count + c];
      }
    }
  }

  // A pivot of the Lanczos matrix (Golub and Van Loan 2013, section 11.3).
  void extend(const Column& column, double alpha) {
    if (rules_ != nullptr && alpha > 0) (*rules_)[column.number].extend_pivot(1 / alpha);
  }

  void turn() {
    const std::size_t count = columns_.size();
    std::vector<double> sums(2 * count, 0.0);
    const std::span<double> squares = std::span(sums).first(count);
    const std::span<double> products = std::span(sums).subspan(count);
    add_dots(r_, r_, squares);
    add_dots(r_, z(), products);
    comm_->sum(std::span<double>(sums));
    std::vector<double> beta(count, 0.0);
    double largest = 0;
    for (std::size_t c = 0; c < count; ++c) {
      Column& column = columns_[c];
      if (!column.active) continue;
      const double residual = std::sqrt(squares[c]) / (*norms_)[column.number];
      largest = std::max(largest, residual);
      if (residual <= settings_->tolerance) {
        if (rules_ != nullptr) (*rules_)[column.number].couple_ratio(0);
        column.active = false;
        continue;
      }
      check_product(column, products[c]);
      beta[c] = products[c] / column.rho;
      if (rules_ != nullptr && column.active) {
        (*rules_)[column.number].couple_ratio(std::sqrt(beta[c]));
      }
      column.rho = products[c];
    }
    if (rules_ != nullptr) end_settled();
    const std::vector<double>& direction = z();
    for (std::size_t i = 0; i < p_.size(); i += count) {
      for (std::size_t c = 0; c < count; ++c) p_[i + c] = direction[i + c] + beta[c] * p_[i + c];
    }
    ++outcome_->iterations;
    outcome_->history.push_back(largest);
    if (settings_->on_iteration) settings_->on_iteration(outcome_->iterations, largest);
  }

  /// Rank 0 decides for all, so that the last bits of different processors cannot part the ranks.
  void end_settled() {
    std::vector<double> settled(columns_.size(), 0.0);
    if (comm_->is_root()) {
      for (std::size_t c = 0; c < columns_.size(); ++c) {
        LogQuadrature& rule = (*rules_)[columns_[c].number];
        if (columns_[c].active && rule.due() && rule.estimate().settled) settled[c] = 1;
      }
    }
    comm_->broadcast(std::span<double>(settled));
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (settled[c] != 0) columns_[c].active = false;
    }
  }

  /// Takes the columns that have ended out of r and p.
  void drop_finished() {
    const std::size_t count = columns_.size();
    std::vector<std::size_t> kept;
    for (std::size_t c = 0; c < count; ++c) {
      if (columns_[c].active) kept.push_back(c);
    }
    if (kept.size() == count) return;
    const std::size_t rows_here = count == 0 ? 0 : r_.size() / count;
    for (std::vector<double>* values : {&r_, &p_}) {
      for (std::size_t i = 0; i < rows_here; ++i) {
        for (std::size_t k = 0; k < kept.size(); ++k) {
          (*values)[i * kept.size() + k] = (*values)[i * count + kept[k]];
        }
      }
      values->resize(rows_here * kept.size());
    }
    w_.resize(r_.size());
    std::erase_if(columns_, [](const Column& column) { return !column.active; });
  }

  const communication::Communicator* comm_;
  const ColumnSystem* system_;
  const KrylovSettings* settings_;
  std::size_t width_;
  KrylovOutcome* outcome_;
  std::vector<std::string>* failures_;
  std::vector<LogQuadrature>* rules_ = nullptr;
  const std::vector<double>* norms_ = nullptr;
  std::vector<Column> columns_;
  std::vector<double> r_, z_, p_, w_;
};

std::vector<double> column_norms(const communication::Communicator& comm, std::span<const double> x,
                                 std::size_t width) {
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
  std::vector<double> values;
  std::vector<double> scales;
};

/// What is wrong with the whole solve.
std::string summary(const std::vector<std::string>& failures) {
  std::size_t count = 0;
  std::size_t first = 0;
  for (std::size_t c = failures.size(); c-- > 0;) {
    if (failures[c].empty()) continue;
    ++count;
    first = c;
  }
  if (count == 0) return {};
  if (failures.size() == 1) return failures[0];
  return fmt::format("{} of {} right-hand sides; the first is number {}: {}", count,
                     failures.size(), first, failures[first]);
}

}  // namespace

KrylovOutcome column_conjugate_gradients(const communication::Communicator& comm,
                                         const ColumnSystem& system, std::span<const double> b,
                                         std::span<double> x, Index width,
                                         const KrylovSettings& settings) {
  const auto columns = static_cast<std::size_t>(width);
  const ScaledColumns right(comm, b, columns);
  const std::vector<double> norms = column_norms(comm, right.values, columns);
  std::fill(x.begin(), x.end(), 0.0);
  KrylovOutcome outcome;
  outcome.residuals.assign(columns, 1.0);
  std::vector<std::string> failures(columns);
  std::vector<char> wanted(columns, 1);
  for (std::size_t c = 0; c < columns; ++c) {
    if (norms[c] > 0) continue;
    wanted[c] = 0;
    outcome.residuals[c] = 0;
  }
  std::vector<double> residual = right.values;
  ColumnIteration iteration(comm, system, columns, settings, outcome, failures);
  while (std::any_of(wanted.begin(), wanted.end(), [](char each) { return each != 0; })) {
    iteration.run(wanted, norms, residual, x);
    system.multiply(x, residual, width);
    for (std::size_t i = 0; i < residual.size(); ++i) residual[i] = right.values[i] - residual[i];
    const std::vector<double> lengths = column_norms(comm, residual, columns);
    for (std::size_t c = 0; c < columns; ++c) {
      if (wanted[c] == 0) continue;
      const double before = outcome.residuals[c];
      const double now = lengths[c] / norms[c];
      outcome.residuals[c] = now;
      if (now <= settings.tolerance) {
        failures[c].clear();
        wanted[c] = 0;
      } else if (outcome.iterations >= settings.max_iterations) {
        failures[c] = fmt::format("{} iterations were not enough: the relative residual is {:.2g}",
                                  settings.max_iterations, now);
        wanted[c] = 0;
      } else if (!failures[c].empty()) {
        wanted[c] = 0;
      } else if (!(now < progress * before)) {
        failures[c] = fmt::format(
            "stagnation at the relative residual {:.2g}: rounding errors allow no less", now);
        wanted[c] = 0;
      }
    }
  }
  for (std::size_t i = 0; i < x.size(); ++i) x[i] *= right.scales[i % columns];
  outcome.reason = summary(failures);
  outcome.converged = outcome.reason.empty();
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
  KrylovOutcome outcome;
  std::vector<std::string> failures(columns);
  const std::vector<double> norms = column_norms(comm, b, columns);
  std::vector<double> x(b.size(), 0.0);
  ColumnIteration iteration(comm, system, columns, settings, outcome, failures);
  iteration.record(rules);
  iteration.run(std::vector<char>(columns, 1), norms, b, x);
  const std::string failure = summary(failures);
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
