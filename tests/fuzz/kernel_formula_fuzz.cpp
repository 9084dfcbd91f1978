// Kernel formulas: parsing, dimensions and axes, folding, derivatives by everything they use.
#include "fuzz/fuzz.hpp"
#include "kronwerk/kernels/formula/expression.hpp"

namespace {

using namespace kronwerk;

kernels::Symbols make_symbols() {
  kernels::Symbols symbols;
  symbols.variables = {{"x", {3, kernels::axis_i}},
                       {"y", {3, kernels::axis_j}},
                       {"a", {1, kernels::axis_i}},
                       {"b", {1, kernels::axis_j}},
                       {"w", {3, kernels::no_axis}}};
  symbols.parameters = {"p", "q"};
  symbols.first_point = "x";
  symbols.second_point = "y";
  return symbols;
}

void check(const std::string& formula, const kernels::Symbols& symbols) {
  const auto expression = kernels::analyse(formula, symbols, "x.yaml:7");
  static_cast<void>(expression.transposed().text());
  static_cast<void>(expression.symmetric({{"x", "y"}}));
  std::vector<std::string> names;
  for (const auto& name : expression.parameters()) names.push_back(name);
  for (const auto& [name, symbol] : expression.variables()) names.push_back(name);
  const auto cotangent =
      kernels::make_variable("cotangent", {expression.dimension(), kernels::axis_i});
  for (const auto& [name, derivative] : kernels::vector_jacobian(expression, cotangent, names)) {
    fuzz::require(derivative.dimension() > 0, "a derivative without components");
    static_cast<void>(derivative.text());
  }
  if (expression.dimension() != 1) return;
  for (const auto& name : expression.parameters()) {
    static_cast<void>(kernels::differentiate(expression, name).text());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const kernels::Symbols symbols = make_symbols();
  const std::string formula = fuzz::to_text(data, size);
  fuzz::accepted([&] { static_cast<void>(kernels::used_names(formula, "x.yaml:7")); });
  fuzz::accepted([&] { check(formula, symbols); });
  return 0;
}
