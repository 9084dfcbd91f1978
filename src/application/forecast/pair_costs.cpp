#include "application/forecast/pair_costs.hpp"

#include "kronwerk/kernels/engine/program.hpp"

namespace kronwerk::application {
namespace {

/// Nanoseconds, as the choice of methods estimates them. The values of parameters do not matter.
double estimated_cost(const kernels::Expression& formula) {
  kernels::Constants constants;
  for (const std::string& name : formula.parameters()) constants.parameters[name] = 1;
  for (const auto& [name, symbol] : formula.variables()) {
    if (symbol.axes != kernels::no_axis) continue;
    constants.variables[name].assign(static_cast<std::size_t>(symbol.dimension), 1.0);
  }
  return kernels::Program(formula, constants, kernels::Precision::float64).cost_per_pair();
}

}  // namespace

kernels::Expression reference_formula() {
  kernels::Symbols symbols;
  symbols.variables = {{"x", {2, kernels::axis_i}}, {"y", {2, kernels::axis_j}}};
  return kernels::analyse("exp(-sqdist(x, y))", symbols, "kronwerk measure");
}

double relative_cost(const kernels::Expression& formula) {
  return estimated_cost(formula) / estimated_cost(reference_formula());
}

}  // namespace kronwerk::application
