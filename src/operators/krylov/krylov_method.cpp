#include "operators/krylov/krylov_method.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace kronwerk::operators {

bool KrylovRun::any_active() const {
  return std::any_of(active.begin(), active.end(), [](char wanted) { return wanted != 0; });
}

double KrylovRun::largest_residual() const {
  double largest = 0;
  for (const double each : residual) {
    if (!(each <= largest)) largest = each;  // keeps a NaN
  }
  return largest;
}

void KrylovRun::finish(std::size_t column, End how, std::string why) {
  active[column] = 0;
  end[column] = how;
  failure[column] = std::move(why);
}

void KrylovRun::record(const PerColumn& squared_residuals) {
  for (std::size_t column = 0; column < active.size(); ++column) {
    if (active[column] == 0) continue;
    const double relative = std::sqrt(squared_residuals[column]) / scale[column];
    residual[column] = relative;
    if (!std::isfinite(relative)) {
      finish(column, End::failed, "DIVERGED_NANORINF: the residual is not a finite number");
    } else if (relative <= tolerance) {
      finish(column, End::converged);
    } else if (relative > divergence) {
      finish(column, End::failed,
             fmt::format("DIVERGED_DTOL: the relative residual grew to {:.2g}", relative));
    }
  }
  ++iterations;
  report();
}

void KrylovRun::report() {
  const double largest = largest_residual();
  history.push_back(largest);
  if (on_iterate && iterations > 0) {
    on_iterate(
        [this](std::vector<double>& room) { return solution ? solution(room) : present(room); });
  }
  if (on_iteration) on_iteration(iterations, largest);
}

void PreconditionedOperator::apply(bool transposed, std::span<const double> x,
                                   std::span<double> y) const {
  if (transposed) {
    op_->apply_transposed(x, y);
  } else {
    op_->apply(x, y);
  }
}

void PreconditionedOperator::residual(bool transposed, std::span<const double> b,
                                      std::span<const double> x, std::span<double> r) const {
  apply(transposed, x, r);
  for (std::size_t i = 0; i < r.size(); ++i) r[i] = b[i] - r[i];
}

std::span<const double> PreconditionedOperator::precondition(bool transposed,
                                                             std::span<const double> r,
                                                             std::span<double> z) const {
  if (!preconditioner_) return r;
  if (transposed) {
    preconditioner_->apply_transposed(r, z);
  } else {
    preconditioner_->apply(r, z);
  }
  return z;
}

}  // namespace kronwerk::operators
