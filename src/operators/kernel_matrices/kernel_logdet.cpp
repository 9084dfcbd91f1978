// Declared in kronwerk/operators/kernel_matrices/kernel_solver.hpp.
// Stochastic Lanczos quadrature of the preconditioned matrix (Gardner, Pleiss, Bindel, Weinberger
// and Wilson 2018; Wenger, Pleiss, Hennig, Cunningham and Gardner 2022): with M the preconditioner,
// log det A = log det M + tr log(M^-½ A M^-½), and for z of covariance M the mean of
// (M^-½z)ᵀ log(M^-½AM^-½) (M^-½z) is that trace. CG with M, started at z, runs the Lanczos process
// of M^-½AM^-½ from M^-½z. The length of M^-½z, a normal vector, does not depend on its direction
// and is replaced by its mean, which takes the mean of the logarithms out of the variance.
// See src/MATHEMATICS.md, "Kernel systems".
#include <algorithm>
#include <cmath>

#include "kronwerk/operators/base/random.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"
#include "operators/kernel_matrices/kernel_solver_state.hpp"

namespace kronwerk::operators {
namespace {

// Of the bounds of eigenvalues, for what rounding (of a kernel in float32, say) may take off.
constexpr double bound_slack = 0.9;

}  // namespace

void KernelSolver::State::check_stochastic(const StochasticSettings& wanted) const {
  if (method != "cg") {
    throw core::DataError(
        "log det(K + alpha*I) by stochastic Lanczos quadrature needs a symmetric positive definite "
        "matrix, and this one is not known to be: " +
        why);
  }
  if (wanted.probes < 1 || wanted.steps < 1) {
    throw core::ConfigurationError(
        "a stochastic log determinant needs at least one probe and one step");
  }
}

// Side by side; the same for every np: the numbers of point p are p * width … of the sequence.
std::vector<double> KernelSolver::State::probes(const StochasticSettings& wanted) const {
  const kernels::Side& points = op->matrix().rows.local;
  const Index width = wanted.probes;
  std::vector<double> z(static_cast<std::size_t>(points.count * width));
  fill_random(RandomKind::normal, wanted.seed, points.first * width, z);
  if (!inverse) return z;
  std::vector<double> g(static_cast<std::size_t>(inverse->rank() * width));
  fill_random(RandomKind::normal, wanted.seed, op->rows() * width, g);
  std::vector<double> colored(z.size());
  inverse->color(g, z, colored, width);
  return colored;
}

StochasticValue KernelSolver::log_determinant(const StochasticSettings& wanted) const {
  const State& state = *state_;
  if (state.dense) {
    const factors::Determinant determinant = state.dense->determinant();
    if (determinant.sign > 0) return {.value = determinant.log_abs};
    throw core::DataError(
        "log det(K + alpha*I): the determinant is not positive; the kernel "
        "matrix is indefinite and alpha too small");
  }
  state.check_stochastic(wanted);
  const KernelOperator& op = *state.op;
  const Index width = wanted.probes;
  const std::vector<double> z = state.probes(wanted);
  const double known = state.inverse ? state.inverse->log_determinant() : 0;
  // The low-rank approximation never exceeds K as a quadratic form, so that no eigenvalue is
  // below 1.
  const double least = state.inverse ? bound_slack : 0;
  const auto points = static_cast<double>(op.rows());
  std::vector<double> samples;
  StochasticValue result;
  for (const ColumnQuadrature& column : column_quadratures(op.comm(), state.system(), z, width,
                                                           wanted.steps, least, wanted.tolerance)) {
    samples.push_back(points * column.estimate.value);
    result.quadrature_error += points * column.estimate.error / static_cast<double>(width);
    result.steps = std::max(result.steps, column.steps);
    result.settled = result.settled && (column.steps == 0 || column.estimate.settled);
  }
  const StochasticValue mean = mean_of(samples);
  result.value = known + mean.value;
  result.standard_error = mean.standard_error;
  if (std::isfinite(result.value)) return result;
  throw core::DataError(
      "log det(K + alpha*I) by stochastic Lanczos quadrature: the matrix is not "
      "positive definite to working precision; use a larger alpha");
}

}  // namespace kronwerk::operators
