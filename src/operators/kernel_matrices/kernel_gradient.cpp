// Declared in kronwerk/operators/kernel_matrices/kernel_solver.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "operators/base/local_vectors.hpp"
#include "operators/kernel_matrices/kernel_solver_state.hpp"

namespace kronwerk::operators {
namespace {

// No formula can say this name.
constexpr const char* vector_name = "@solution";
// Columns of the identity that are solved for together.
constexpr Index identity_columns = 64;
// Probes are averaged in this many groups, whose spread gives the standard error.
constexpr Index most_groups = 10;

/// Derivatives of Σ_c left_cᵀ (scale K) right_c by names in K's formula. Collective.
kernels::ReduceGradient bilinear_gradient(const KernelOperator& op, std::span<const double> left,
                                          std::span<const double> right, Index width,
                                          const std::vector<std::string>& names) {
  const DistributedKernel& matrix = op.matrix();
  const int dimension = core::narrow<int>(width);
  const auto vectors = kernels::make_variable(vector_name, {dimension, kernels::axis_j});
  kernels::ReductionSetup setup{kernels::multiply(matrix.formula, vectors),
                                {{kernels::ReductionKind::sum}},
                                kernels::axis_j,
                                matrix.constants,
                                matrix.precision};
  kernels::DistributedSide columns = matrix.columns;
  columns.local.variables[vector_name] = kernels::to_cloud(right, columns.local.count, dimension);
  std::vector<double> cotangent(left.begin(), left.end());
  for (double& each : cotangent) each *= op.scale();
  kernels::ReductionResult result;
  result.rows = matrix.rows.local.count;
  result.dimension = dimension;
  result.values.assign(cotangent.size(), 0.0);  // the derivative of a sum does not depend on it
  return kernels::reduce_gradient(op.comm(), setup, matrix.rows, columns, result, cotangent, names);
}

/// total += factor * part
void add(kernels::ReduceGradient& total, const kernels::ReduceGradient& part, double factor) {
  for (const auto& [name, value] : part.parameters) total.parameters[name] += factor * value;
  const auto vectors = [&](auto& to, const auto& from) {
    for (const auto& [name, values] : from) {
      auto& target = to[name];
      target.resize(values.size(), 0.0);
      for (std::size_t i = 0; i < values.size(); ++i) target[i] += factor * values[i];
    }
  };
  vectors(total.constants, part.constants);
  vectors(total.rows, part.rows);
  vectors(total.columns, part.columns);
}

double inner_product(const KernelOperator& op, std::span<const double> x,
                     std::span<const double> y) {
  return op.comm().sum(local_dot(x.data(), y.data(), x.size()));
}

void check(const KrylovOutcome& outcome) {
  if (outcome.converged) return;
  throw core::ConvergenceError("the gradient of log det(K + alpha*I) needs solves that converge: " +
                               outcome.reason);
}

/// The columns [first, first + count) of (rows x width).
std::vector<double> take_columns(std::span<const double> values, Index width, Index first,
                                 Index count) {
  const Index rows = std::ssize(values) / width;
  std::vector<double> result(static_cast<std::size_t>(rows * count));
  for (Index i = 0; i < rows; ++i) {
    std::copy_n(values.begin() + i * width + first, count, result.begin() + i * count);
  }
  return result;
}

double standard_error(const std::vector<double>& means) {
  const auto count = static_cast<double>(means.size());
  if (means.size() < 2) return std::numeric_limits<double>::infinity();
  double mean = 0;
  for (const double each : means) mean += each / count;
  double squares = 0;
  for (const double each : means) squares += (each - mean) * (each - mean);
  return std::sqrt(squares / (count - 1) / count);
}

}  // namespace

KernelSolveGradient KernelSolver::solve_gradient(std::span<const double> a,
                                                 std::span<const double> cotangent, Index width,
                                                 const std::vector<std::string>& names) const {
  KernelSolveGradient result;
  result.right_hand_side.resize(cotangent.size());
  result.outcome = solve(cotangent, result.right_hand_side, width, true);
  const std::vector<double>& v = result.right_hand_side;
  communication::collectively(op().comm(), [&] {
    if (a.size() == v.size()) return;
    throw core::ShapeError(fmt::format(
        "the gradient of a kernel solve was given a solution of {} values and a cotangent of {}",
        a.size(), v.size()));
  });
  result.alpha = -inner_product(op(), v, a);
  std::vector<double> negative(v.size());
  std::transform(v.begin(), v.end(), negative.begin(), std::negate<>());
  result.kernel = bilinear_gradient(op(), negative, a, width, names);
  return result;
}

KernelLogDeterminantGradient KernelSolver::State::exact_gradient(
    const std::vector<std::string>& names) {
  KernelLogDeterminantGradient result;
  const kernels::Side& points = op->matrix().rows.local;
  for (Index first = 0; first < op->rows(); first += identity_columns) {
    const Index count = std::min(identity_columns, op->rows() - first);
    std::vector<double> identity(static_cast<std::size_t>(points.count * count), 0.0);
    for (Index i = 0; i < points.count; ++i) {
      const Index column = points.first + i - first;
      if (column >= 0 && column < count) {
        identity[static_cast<std::size_t>(i * count + column)] = 1;
      }
    }
    std::vector<double> inverse_rows(identity.size());
    check(solve(identity, inverse_rows, count, true));
    result.alpha += inner_product(*op, inverse_rows, identity);
    add(result.kernel, bilinear_gradient(*op, inverse_rows, identity, count, names), 1);
  }
  for (const auto& [name, value] : result.kernel.parameters) result.standard_errors[name] = 0;
  return result;
}

KernelLogDeterminantGradient KernelSolver::log_determinant_gradient(
    const std::vector<std::string>& names, const StochasticSettings& wanted) const {
  State& state = *state_;
  if (state.dense) return state.exact_gradient(names);
  state.check_stochastic(wanted);
  const Index width = wanted.probes;
  const std::vector<double> z = state.probes(wanted);
  std::vector<double> solved(z.size());
  check(state.solve(z, solved, width, false));
  std::vector<double> preconditioned = z;
  if (state.inverse) state.inverse->apply(z, preconditioned, width);
  const distribution::BlockPartition groups(width, static_cast<int>(std::min(most_groups, width)));
  KernelLogDeterminantGradient result;
  std::map<std::string, std::vector<double>> means;
  std::vector<double> alpha_means;
  for (int group = 0; group < groups.parts(); ++group) {
    const Index count = groups.count(group);
    const auto left = take_columns(solved, width, groups.begin(group), count);
    const auto right = take_columns(preconditioned, width, groups.begin(group), count);
    const auto part = bilinear_gradient(*state.op, left, right, count, names);
    const double share = 1.0 / static_cast<double>(count);
    alpha_means.push_back(share * inner_product(*state.op, left, right));
    for (const auto& [name, value] : part.parameters) means[name].push_back(share * value);
    add(result.kernel, part, 1.0 / static_cast<double>(width));
    result.alpha += alpha_means.back() * static_cast<double>(count) / static_cast<double>(width);
  }
  for (const auto& [name, values] : means) result.standard_errors[name] = standard_error(values);
  result.alpha_error = standard_error(alpha_means);
  return result;
}

}  // namespace kronwerk::operators
