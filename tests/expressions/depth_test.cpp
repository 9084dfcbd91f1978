// Formulas as deep as the parser lets them through, on a small stack.
#include <gtest/gtest.h>

#include "kronwerk/expressions/lowering.hpp"
#include "support/small_stack.hpp"

namespace kronwerk::expressions {
namespace {

TEST(Depth, OfOperatorFormulasFitsASmallStack) {
  Symbols symbols;
  symbols.parameters = {{"s", 0.5}};
  symbols.matrices["A"] = {3, 3};
  symbols.matrices["B"] = {4, 4};
  for (const std::string& formula : test::deepest_formulas("s", "kron(A,B)", "inv(")) {
    SCOPED_TRACE(formula.substr(0, 60));
    test::on_small_stack([&] {
      const Expression expression = analyse(formula, symbols, "test");
      EXPECT_FALSE(expression.text().empty());
      EXPECT_FALSE(simplify(expression, symbols.parameters).text().empty());
      const Expression derivative = differentiate(expression, "s");
      EXPECT_FALSE(derivative.text().empty());
      static_cast<void>(simplify(derivative, symbols.parameters));
    });
  }
}

}  // namespace
}  // namespace kronwerk::expressions
