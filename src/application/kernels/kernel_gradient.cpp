#include "application/kernels/kernel_gradient.hpp"

#include <fmt/format.h>

#include <cmath>

#include "application/tasks/scalar_cotangent.hpp"

namespace kronwerk::application {
namespace {

double dot(const communication::Communicator& comm, std::span<const double> a,
           std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return comm.sum(sum);
}

}  // namespace

void KernelGradient::write_of_apply(const VectorReader& reader, const operators::KernelOperator& op,
                                    std::span<const double> input, std::span<const double> g,
                                    const SideBySide& block) {
  for (const auto& parameter : job().gradient->parameters) {
    write_parameter(parameter.value, product_gradient(parameter.value, g, input, block.width()));
  }
  if (!job().gradient->input) return;
  std::vector<double> by_input(input.size());
  op.multiply(g, by_input, block.width(), true);
  write_input_gradient(reader, block, by_input);
}

operators::KrylovOutcome KernelGradient::write_of_solve(
    const VectorReader& reader, operators::KernelSolver& solver, std::span<const double> input,
    std::span<const double> result, std::span<const double> g, const SideBySide& block) {
  std::vector<std::string> names = point_names();
  for (const auto& parameter : job().gradient->parameters) names.push_back(parameter.value);
  auto found = solver.solve_gradient(result, g, block.width(), names);
  // With v = Op⁻ᵀ g: K a = (b - shift a) / scale, and alpha's derivative is -v·a.
  const double by_scale =
      -(dot(context_.comm, found.right_hand_side, input) + system_.shift * found.alpha) /
      system_.scale;
  for (const auto& parameter : job().gradient->parameters) {
    write_parameter(parameter.value,
                    chain_rule(parameter.value, found.kernel, found.alpha, by_scale));
  }
  write_point_gradient(found.kernel);
  if (job().gradient->input) write_input_gradient(reader, block, found.right_hand_side);
  return std::move(found.outcome);
}

void KernelGradient::write_of_logdet(operators::KernelSolver& solver, double result,
                                     const operators::StochasticSettings& settings) {
  std::vector<std::string> names;
  for (const auto& parameter : job().gradient->parameters) names.push_back(parameter.value);
  const auto found = solver.log_determinant_gradient(names, settings);
  // tr(Op⁻¹ Op) = N.
  const double by_scale =
      (static_cast<double>(kernel_.rows) - system_.shift * found.alpha) / system_.scale;
  const double cotangent = read_scalar_cotangent(context_.comm, job(), result);
  for (const std::string& name : names) {
    write_parameter(name, cotangent * chain_rule(name, found.kernel, found.alpha, by_scale),
                    std::abs(cotangent) * error_of(name, found));
  }
}

/// Of a log determinant's derivative: the standard errors of its parts, added up.
double KernelGradient::error_of(const std::string& parameter,
                                const operators::KernelLogDeterminantGradient& found) const {
  double error = 0;
  for (const auto& [name, coefficient] : derivative_terms(parameter)) {
    if (name.empty()) {
      error += std::abs(coefficient) * found.alpha_error;
    } else if (problem_.kernel_factors.at(name).parameter.empty()) {
      error += std::abs(coefficient * system_.shift / system_.scale) * found.alpha_error;
    } else {
      error += std::abs(coefficient / system_.scale) * found.standard_errors.at(parameter);
    }
  }
  return error;
}

/// @param error  the standard error; 0 if it is exact
void KernelGradient::write_parameter(const std::string& name, double value, double error) {
  check_finite(value, "/gradient/" + name);
  context_.file.write_scalar("/gradient/" + name, value);
  std::string line = fmt::format("gradient    {} = {:.12g}", name, value);
  if (error > 0) {
    context_.file.write_scalar("/gradient_standard_error/" + name, error);
    line += fmt::format(" ± {:.2g}", error);
  }
  context_.report.line(line);
}

/// The factor of `input.transform` is included.
void KernelGradient::write_input_gradient(const VectorReader& reader, const SideBySide& block,
                                          std::vector<double>& values) {
  const Extents in{job().task == configuration::Task::solve ? kernel_.rows : kernel_.cols};
  context_.file.create_dataset("/gradient/input", dataset_shape(reader.shape(), in));
  const std::vector<double> transform =
      block.read([&](Index offset, std::span<double> one) { reader.read_flat(offset, one, true); });
  for (std::size_t i = 0; i < values.size(); ++i) values[i] *= transform[i];
  check_finite(context_.comm, values, "/gradient/input");
  block.write(context_.file, "/gradient/input", values);
}

/// ∂Op/∂θ: the coefficients of I, of K and of K's derivative.
std::map<std::string, double> KernelGradient::derivative_terms(const std::string& parameter) const {
  const auto terms = kernel_coefficients(problem_.derivatives.at(parameter));
  if (!terms) throw core::InternalError("a derivative of a kernel system has products");
  return *terms;
}

/// ∂L/∂θ from ∂L/∂θ through the formula alone, ∂L/∂shift and ∂L/∂scale.
double KernelGradient::chain_rule(const std::string& parameter,
                                  const kernels::ReduceGradient& by_formula, double by_shift,
                                  double by_scale) const {
  double value = 0;
  for (const auto& [name, coefficient] : derivative_terms(parameter)) {
    if (name.empty()) {
      value += coefficient * by_shift;
    } else if (problem_.kernel_factors.at(name).parameter.empty()) {
      value += coefficient * by_scale;
    } else {
      value += coefficient / system_.scale * by_formula.parameters.at(parameter);
    }
  }
  return value;
}

/// gᵀ (∂Op/∂θ) x, summed over the vectors.
double KernelGradient::product_gradient(const std::string& parameter, std::span<const double> g,
                                        std::span<const double> x, Index width) const {
  double value = 0;
  for (const auto& [name, coefficient] : derivative_terms(parameter)) {
    if (name.empty()) {
      value += coefficient * dot(context_.comm, g, x);
      continue;
    }
    const auto& by = problem_.kernel_factors.at(name).parameter;
    const auto formula = by.empty() ? kernel_.formula : kernels::differentiate(kernel_.formula, by);
    const operators::KernelOperator derivative(context_.comm, points_.matrix(formula), width, 1,
                                               by.empty() ? kernel_.jitter : 0);
    std::vector<double> product(g.size());
    derivative.multiply(x, product, width);
    value += coefficient * dot(context_.comm, g, product);
  }
  return value;
}

/// The variables to differentiate by; one set of points is both `x` and `y`.
std::vector<std::string> KernelGradient::point_names() const {
  std::vector<std::string> names;
  for (const auto& name : job().gradient->points) {
    const bool known =
        kernel_.one_cloud ? name.value == "x" : kernel_.variables.contains(name.value);
    if (!known) {
      throw core::ConfigurationError(
          fmt::format("{}: 'gradient.points' names '{}', which is no variable of the kernel '{}'{}",
                      job().where(name.position), name.value, kernel_.name,
                      kernel_.one_cloud ? "; its one set of points is called 'x'" : ""));
    }
    names.push_back(name.value);
  }
  if (kernel_.one_cloud && !names.empty()) return {"x", "y"};
  return names;
}

void KernelGradient::write_point_gradient(const kernels::ReduceGradient& gradient) {
  if (job().gradient->points.empty()) return;
  for (const auto& [name, values] : gradient.constants) {
    context_.file.write_vector("/gradient/" + name, values);
  }
  std::map<std::string, std::vector<double>> sums;
  for (const auto* side : {&gradient.rows, &gradient.columns}) {
    for (const auto& [name, values] : *side) {
      auto& sum = sums[kernel_.one_cloud ? "x" : name];
      sum.resize(values.size(), 0.0);
      for (std::size_t i = 0; i < values.size(); ++i) sum[i] += values[i];
    }
  }
  for (const auto& [name, values] : sums) {
    const PointVariable& variable = kernel_.variables.at(name);
    const auto& side = points_.side(variable.symbol.axes);
    check_finite(context_.comm, values, "/gradient/" + name);
    context_.file.create_dataset("/gradient/" + name, variable.data.shape);
    context_.file.write_range(
        "/gradient/" + name, side.partition.begin(context_.comm.rank()) * variable.symbol.dimension,
        values);
  }
}

}  // namespace kronwerk::application
