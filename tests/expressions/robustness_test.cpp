// Formulas as users mistype them, and formulas nobody would write.
#include <gtest/gtest.h>

#include <random>

#include "expressions/expression_fixture.hpp"

namespace kronwerk::expressions {
namespace {

class RobustnessTest : public ExpressionFixture {
 protected:
  std::string message(const std::string& formula) const {
    try {
      const Expression expression = analyse(formula, symbols_, "x.yaml:7");
      static_cast<void>(simplify(expression, symbols_.parameters));
    } catch (const core::Error& error) {
      return error.what();
    }
    return "accepted";
  }
  void expect(const std::string& formula, const std::string& what, const std::string& caret) const {
    EXPECT_EQ(message(formula), "x.yaml:7: " + what + "\n    " + formula + "\n    " + caret);
  }
};

TEST_F(RobustnessTest, ErrorsOfShapeShowTheShapesUnderTheFormula) {
  expect("kron(I - rho*W, W + B)", "the shapes do not conform in 'W + B': 3 x 3 and 2 x 2",
         "                ^~~~~");
  expect("C*W", "the shapes do not conform in 'C*W': 3 x 2 and 3 x 3", "^~~");
  expect("C + C'", "the shapes do not conform in 'C + C'': 3 x 2 and 2 x 3", "^~~~~~");
  expect("C - rho*I", "the shapes do not conform in 'C - rho*I': 3 x 2 and ? x ?", "^~~~~~~~~");
  expect("kron(W, B) + kron(B, W)",
         "the shapes do not conform in 'kron(W, B) + kron(B, W)': (3, 2) x (3, 2) and (2, 3) x "
         "(2, 3)",
         "^~~~~~~~~~~~~~~~~~~~~~~");
  expect(
      "kron(W, B) + W",
      "the grids do not conform in 'kron(W, B) + W': 'kron(W, B)' has 2 modes and 'W' has 1 mode",
      "^~~~~~~~~~~~~~");
  expect("kron(W, inv(C))", "inv() needs a square matrix; 'C' is 3 x 2", "            ^");
  expect("kronsum(W, C)", "kronsum() needs a square matrix; 'C' is 3 x 2", "           ^");
  expect(
      "2*inv(kronsum(W, B))",
      "'kronsum(W, B)' is a sum of 2 Kronecker products, whose inverse is not a sum of products; "
      "'inv' takes one product: to solve with a sum, make it the whole operator and use 'task: "
      "solve'",
      "  ^~~~~~~~~~~~~~~~~~");
  expect("inv(kron(C, C'))",
         "inv() needs square matrices in every mode; 'kron(C, C')' is (3, 2) x (2, 3)",
         "    ^~~~~~~~~~~");
}

TEST_F(RobustnessTest, ErrorsOfNamesAndTypesSayWhatToWrite) {
  const std::string open =
      "the size of this 'I' cannot be inferred: write eye(n), or eye(rows(A)) for the size of a "
      "matrix A";
  expect("kron(I, W)", open, "     ^");
  expect("kron(I, I) - rho*kron(W, I)", open, "        ^");
  expect("2*v", "'v' is a vector: as a matrix, write diag(v)", "  ^");
  expect("diag(W)", "diag() takes a vector; 'W' is a matrix of 3 x 3", "     ^");
  expect("W + rho", "a number and a matrix cannot be added in 'W + rho': write rho*I", "^~~~~~~");
  expect("W/B", "division by the matrix 'B': write inv(B)", "  ^");
  expect("(I - W)^2", "'^' is for numbers; '(I - W)' is a matrix: write a power as a product",
         "^~~~~~~");
  expect("exp(W)", "exp() takes a number; 'W' is a matrix", "    ^");
  expect("kron(rho, W)", "kron takes matrices; 'rho' is a number: write it in front of kron",
         "     ^~~");
  expect("2*rho", "the formula is a number, not an operator: multiply it by a matrix or eye(n)",
         "^~~~~");
  expect("krn(W, B)", "unknown function 'krn' (did you mean 'kron'?)", "^~~");
  expect("kron*W", "'kron' is a function: write kron(...)", "^~~~");
  expect("W(2)", "'W' is no function: a product is written W*(...)", "^");
  expect("eye(rho)*W", "the size of eye() cannot depend on the parameter 'rho'", "    ^~~");
  expect("ones(rho)*W", "the size of ones() cannot depend on the parameter 'rho'", "     ^~~");
  expect("ones(W)", "ones() takes a size; 'W' is a matrix: write ones(rows(W))", "     ^");
  expect("ones*W", "'ones' is a function: write ones(...)", "^~~~");
  expect("eye(1.5)", "the size of eye() must be a positive whole number; it is 1.5", "    ^~~");
  expect("inv(W, B)", "inv() takes one argument, 2 are given", "^~~~~~~~~");
  expect("W < W", "'<' compares: an operator formula has no comparisons", "  ^");
  expect("kron(eye(4e9), eye(4e9))", "the grid has more than 2^63 - 1 points",
         "^~~~~~~~~~~~~~~~~~~~~~~~");
}

TEST_F(RobustnessTest, GridsOfMoreModesThanADatasetHasDimensionsAreRefused) {
  const auto product = [](int modes) {
    std::string formula = "kron(B";
    for (int i = 1; i < modes; ++i) formula += ", B";
    return formula + ")";
  };
  EXPECT_EQ(message(product(32)), "accepted");
  EXPECT_NE(message(product(33)).find("the grid has 33 modes; at most 32 are supported"),
            std::string::npos)
      << message(product(33));
}

TEST_F(RobustnessTest, NumbersOutsideAFunctionsDomainAreRefused) {
  expect("log(tau)*W",
         "the logarithm of a number that is not positive in 'log(tau)': its argument is -0.2",
         "^~~~~~~~");
  expect("sqrt(tau)*W", "the square root of a negative number in 'sqrt(tau)': its argument is -0.2",
         "^~~~~~~~~");
  expect("W/(rho - 0.3)", "division by zero in '1/(rho - 0.3)'", "  ^~~~~~~~~~~");
  expect("tau^0.5*W", "a broken power of a negative number in 'tau^0.5': its argument is -0.2",
         "^~~~~~~");
  expect("exp(1000)*W", "the value of 'exp(1000)' is not finite", "^~~~~~~~~");
  expect("1e300*(1e300*W)", "a coefficient of '1e300*(1e300*W)' is too large for double precision",
         "^~~~~~~~~~~~~~~");
  expect("inv(0*W)", "the operator is zero at these parameters and cannot be inverted", "^~~~~~~~");
  // Other parameters may do, where the program chooses them.
  for (const char* formula : {"log(tau)*W", "exp(1000)*W", "W/(rho - 0.3)"}) {
    const Expression expression = analyse(formula, symbols_, "x");
    EXPECT_THROW(static_cast<void>(simplify(expression, symbols_.parameters)), core::DataError);
  }
}

TEST_F(RobustnessTest, ReservedNamesCannotNameAnything) {
  for (const char* name : {"I", "input", "result", "kron", "kronsum", "inv", "eye", "diag", "rows",
                           "cols", "exp", "log", "sqrt"}) {
    EXPECT_TRUE(is_reserved_name(name)) << name;
    Symbols symbols = symbols_;
    symbols.parameters[name] = 1;
    EXPECT_THROW(static_cast<void>(analyse("W", symbols, "x")), core::ConfigurationError) << name;
  }
  EXPECT_FALSE(is_reserved_name("W"));
  Symbols symbols = symbols_;
  symbols.parameters["W"] = 1;
  EXPECT_THROW(static_cast<void>(analyse("W", symbols, "x")), core::ConfigurationError);
}

TEST_F(RobustnessTest, FormulasThatExplodeAreRefusedQuickly) {
  std::string formula = "kronsum(W, B)";
  for (int i = 0; i < 60; ++i) formula += "*(kron(W, B) + rho*kron(V, inv(B)))";
  EXPECT_NE(message(formula).find("expands into more than 1000 Kronecker products"),
            std::string::npos)
      << message(formula);
  std::string sums = "W";
  for (int i = 0; i < 390; ++i) sums += " + " + std::to_string(i) + "*W*V";
  EXPECT_EQ(message(sums), "accepted");
}

TEST_F(RobustnessTest, RandomFormulasAreAcceptedOrRefusedButNeverCrash) {
  std::mt19937 random(11);
  const auto printed_again = [&](const Expression& expression) {
    try {
      return analyse(expression.text(), symbols_, "x");
    } catch (const core::ConfigurationError& error) {
      ADD_FAILURE() << "what is printed is refused: " << error.what();
      throw;
    }
  };
  const std::vector<std::string> pieces = {
      "W",     "V",     "B",   "C",   "I",     "v",        "rho",  "tau",  "2",    "0.5",
      "(",     ")",     "(",   ")",   "kron(", "inv(",     "eye(", "exp(", ",",    "diag(",
      "'",     "+",     "-",   "*",   "*",     "/",        "^",    "+",    "log(", "0",
      "rows(", "sqrt(", "W*V", "-W)", "rho*W", "kronsum(", "I)",   "W,",   "B)"};
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string formula;
    for (std::size_t i = 0; i < 1 + random() % 12; ++i) formula += pieces[random() % pieces.size()];
    try {
      const Expression expression = analyse(formula, symbols_, "x");
      ++accepted;
      static_cast<void>(simplify(expression, symbols_.parameters).text());
      // What a formula prints is a formula again, with the same meaning.
      const Expression again = printed_again(expression);
      EXPECT_EQ(again.row_extents(), expression.row_extents()) << formula;
      EXPECT_EQ(simplify(again, symbols_.parameters).text(),
                simplify(expression, symbols_.parameters).text())
          << formula << " printed as " << expression.text();
      static_cast<void>(simplify(differentiate(expression, "rho"), symbols_.parameters).text());
    } catch (const core::ConfigurationError&) {
    } catch (const core::DataError&) {
    }
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace kronwerk::expressions
