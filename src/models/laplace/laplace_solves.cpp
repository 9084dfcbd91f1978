// Declared in models/laplace/laplace_state.hpp.
// What is linear at given weights: see src/MATHEMATICS.md, "Counts on grids".
#include <cmath>

#include "kronwerk/operators/base/dot.hpp"
#include "models/covariance/positive_definite.hpp"
#include "models/fit/small_dense.hpp"
#include "models/laplace/laplace_state.hpp"

namespace kronwerk::models {

double LatentState::dot(std::span<const double> x, std::span<const double> y) const {
  return operators::dot(comm, x, y);
}

Vector LatentState::weighted(std::span<const double> field_values) const {
  Vector result(field_values.begin(), field_values.end());
  for (std::size_t i = 0; i < result.size(); ++i) result[i] *= terms.weight[i];
  return result;
}

Vector LatentState::nearest_product() const {
  Vector result(cells.y.size());
  GridValues(cells.layout.extents(), {GridTerm{1, basis->weights()}})
      .evaluate(cells.layout.home_begin(comm.rank()), std::ssize(result), result.data());
  return result;
}

Vector LatentState::to_field(std::span<const double> c) const {
  Vector result(static_cast<std::size_t>(cells.layout.home_size(comm.rank())));
  basis->root().apply(c, result);
  return result;
}

Vector LatentState::to_coordinates(std::span<const double> values) const {
  Vector result(static_cast<std::size_t>(basis->root().input_layout().home_size(comm.rank())));
  basis->root().apply_transposed(values, result);
  return result;
}

Vector LatentState::solve(std::span<const double> b, double tolerance, Vector start) {
  Vector right(b.begin(), b.end());
  hessian->scale(right);
  if (start.empty()) {
    start.assign(right.size(), 0.0);
  } else {
    // D^½ x, for which D is taken off twice.
    Vector ones(start.size(), 1.0);
    hessian->scale(ones);
    for (std::size_t i = 0; i < start.size(); ++i) start[i] /= ones[i];
  }
  const auto outcome = krylov->solve(right, start, false, tolerance / krylov->tolerance());
  iterations += outcome.iterations;
  if (!outcome.converged) {
    throw core::ConvergenceError("a linear system of Laplace's method did not converge: " +
                                 outcome.reason + "; raise solver.max_iterations");
  }
  hessian->scale(start);
  return start;
}

void LatentState::solve_columns(double tolerance) {
  const std::size_t p = columns.size();
  solved.resize(p);
  residual.resize(p);
  reduced_columns.resize(p);
  for (std::size_t j = 0; j < p; ++j) {
    solved[j] = solve(to_coordinates(weighted(columns[j])), tolerance, std::move(solved[j]));
    const Vector inner = to_field(solved[j]);
    residual[j] = columns[j];
    for (std::size_t i = 0; i < inner.size(); ++i) residual[j][i] -= inner[i];
    reduced_columns[j] = weighted(residual[j]);
  }
  schur_factor.assign(p * p, 0.0);
  for (std::size_t i = 0; i < p; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      // The least of ‖W^½(x − GY)‖² + ‖Y‖², so that errors of the solves are squared.
      schur_factor[i * p + j] = schur_factor[j * p + i] =
          dot(residual[i], reduced_columns[j]) + dot(solved[i], solved[j]);
    }
  }
  communication::collectively(comm, [&] {
    if (p > 0 && !cholesky_in_place(static_cast<Index>(p), schur_factor)) {
      throw core::DataError(
          "the columns of the mean are linearly dependent on the observed cells; leave one out");
    }
  });
}

Vector LatentState::solve_small(Vector v) const {
  solve_root(schur_factor, v);
  solve_root_transposed(schur_factor, v);
  return v;
}

}  // namespace kronwerk::models
