// Formulas as deep as the parser lets them through, on a small stack.
#include <gtest/gtest.h>

#include "kronwerk/kernels/reductions/reduction.hpp"
#include "support/small_stack.hpp"

namespace kronwerk::kernels {
namespace {

TEST(Depth, OfKernelFormulasFitsASmallStack) {
  Symbols symbols;
  symbols.parameters = {"p"};
  symbols.variables = {{"a", {1, axis_i}}, {"b", {1, axis_j}}};
  const Constants constants{{{"p", 0.5}}, {}};
  for (const std::string& formula : test::deepest_formulas("p", "(a-b)", "sin(")) {
    SCOPED_TRACE(formula.substr(0, 60));
    test::on_small_stack([&] {
      const Expression expression = analyse(formula, symbols, "test");
      EXPECT_FALSE(expression.text().empty());
      static_cast<void>(expression.symmetric({{"a", "b"}}));
      const Program values(expression.transposed(), constants, Precision::float64);
      const Expression derivative = differentiate(expression, "p");
      EXPECT_FALSE(derivative.text().empty());
      const Program slopes(derivative, constants, Precision::float32);
      EXPECT_FALSE(vector_jacobian(expression, make_number(1), {"a", "b", "p"}).empty());
    });
  }
}

}  // namespace
}  // namespace kronwerk::kernels
