// Operator formulas: parsing, types and sizes, derivatives, simplification, structure.
#include "fuzz/fuzz.hpp"
#include "kronwerk/expressions/expression.hpp"
#include "kronwerk/expressions/lowering.hpp"
#include "kronwerk/expressions/structure.hpp"

namespace {

using namespace kronwerk;

expressions::Symbols make_symbols() {
  expressions::Symbols symbols;
  symbols.parameters = {{"rho", 0.3}, {"tau", -0.2}};
  symbols.matrices["W"] = {3, 3, false, true, 4};
  symbols.matrices["V"] = {3, 3, false, false, 0};
  symbols.matrices["B"] = {2, 2, false, false, 0};
  symbols.matrices["C"] = {3, 2, false, false, 0};
  symbols.matrices["v"] = {3, 1, true, false, 0};
  symbols.matrices["u"] = {6, 1, true, false, 0};
  symbols.matrices["g"] = {6, 1, true, false, 0, {3, 2}};
  return symbols;
}

void check(const std::string& formula, const expressions::Symbols& symbols) {
  const auto expression = expressions::analyse(formula, symbols, "x.yaml:7");
  const auto sum = expressions::simplify(expression, symbols.parameters);
  static_cast<void>(expressions::find_structure(sum, {"V"}));
  static_cast<void>(sum.text());
  const auto derivative = expressions::differentiate(expression, "rho");
  static_cast<void>(expressions::simplify(derivative, symbols.parameters).text());
}

// What a formula prints is a formula again, of the same shape and with the same meaning.
void check_print(const std::string& formula, const expressions::Symbols& symbols) {
  const auto expression = expressions::analyse(formula, symbols, "x.yaml:7");
  const std::string printed = expression.text();
  if (printed.size() > 10'000) return;  // longer than a formula may be
  const auto again = expressions::analyse(printed, symbols, "printed");
  fuzz::require(again.row_extents() == expression.row_extents() &&
                    again.col_extents() == expression.col_extents(),
                "printed with another shape: " + printed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const expressions::Symbols symbols = make_symbols();
  const std::string formula = fuzz::to_text(data, size);
  fuzz::accepted([&] { static_cast<void>(expressions::used_names(formula, "x.yaml:7")); });
  if (!fuzz::accepted([&] { check(formula, symbols); })) return 0;
  fuzz::require(fuzz::accepted([&] { check_print(formula, symbols); }),
                "what an accepted formula prints is refused");
  return 0;
}
