#include <algorithm>
#include <functional>

#include "kernels/formula/formula_fixture.hpp"

namespace kronwerk::kernels {
namespace {

class ExpressionTest : public FormulaFixture {};

TEST_F(ExpressionTest, FoldsWhatIsComputedMoreCheaplyOtherwise) {
  use_dimension(3);
  const std::vector<std::pair<std::string, std::string>> folded{
      {"2*3 + 4", "10"},
      {"x*1 + 0", "x"},
      {"0*exp(a*b) + p", "p"},
      {"0*x", "concat(0, 0, 0)"},
      {"a - a", "0"},
      {"a + b + a", "2*a + b"},
      {"--a", "a"},
      {"a - -b", "a + b"},
      {"x*x", "square(x)"},
      {"a^2", "square(a)"},
      {"a^4", "a^4"},
      {"a^-2", "1/square(a)"},
      {"a^0.5", "sqrt(a)"},
      {"a^-0.5", "rsqrt(a)"},
      {"exp(a*b)*exp(p)", "exp(a*b + p)"},
      {"exp(a)*exp(b)", "exp(a)*exp(b)"},  // once per row and once per column
      {"log(exp(a))", "a"},
      {"sqrt(a^2)", "abs(a)"},
      {"norm(x - y)^2", "sqdist(x, y)"},
      {"sum(x*y)", "dot(x, y)"},
      {"sum(p*x*y*b)", "p*b*dot(x, y)"},
      {"sum((x - y)^2)", "sqdist(x, y)"},
      {"sqnorm(x - y)", "sqdist(x, y)"},
      {"dot(x - y, x - y)", "sqdist(x, y)"},
      {"sum(2*(x - y)^2)", "2*sqdist(x, y)"},
      {"square(a - b)", "sqdist(a, b)"},
      {"exp(-sqdist(x, y)/(2*p^2))", "exp(-0.5*(1/square(p))*sqdist(x, y))"},
      {"exp(-sqdist(x, y)/(2*p^2))*b", "b*exp(-0.5*(1/square(p))*sqdist(x, y))"},
      {"exp(-norm(x - y)/p)", "exp(-(1/p)*sqrt(sqdist(x, y)))"},
      {"1/sqrt(a*b)", "rsqrt(a*b)"},
      {"a/exp(b)", "a*exp(-b)"},
      {"(x + y)/p", "1/p*(x + y)"},
      {"b*dot(x, y)*p*a", "p*a*b*dot(x, y)"},
      {"dot(p*x, b*y)", "p*b*dot(x, y)"},
      {"elem(concat(a, b, x), 1)", "b"},
      {"concat(slice(x, 0, 2), elem(x, 2))", "x"},
      {"where(1 < 2, a, b)", "a"},
      {"where(a < b, p, p)", "p"},
      {"floor(i/49)", "floor(i/49)"},
      {"floor(i/49) + i/4", "floor(i/49) + 0.25*i"},
      {"matvec(outer(x, y), w)", "dot(y, w)*x"},
  };
  for (const auto& [formula, text] : folded) EXPECT_EQ(parse(formula).text(), text) << formula;
}

TEST_F(ExpressionTest, ComputesEqualPartsOnce) {
  use_dimension(3);
  const auto count = [](const Expression& formula, Operation operation) {
    std::set<const Node*> seen;
    int found = 0;
    const std::function<void(const Node&)> visit = [&](const Node& node) {
      if (!seen.insert(&node).second) return;
      found += node.operation == operation ? 1 : 0;
      for (const NodePtr& argument : node.arguments) visit(*argument);
    };
    visit(*formula.root());
    return found;
  };
  const Expression formula =
      parse("exp(-sqdist(x, y))*sin(sqdist(y, x)) + cos(sum((y - x)^2))/(2 + exp(-sqdist(x, y)))");
  EXPECT_EQ(count(formula, Operation::sqdist), 1);
  EXPECT_EQ(count(formula, Operation::exp), 1);
  EXPECT_EQ(count(multiply(formula, formula), Operation::sqdist), 1);
}

TEST_F(ExpressionTest, WritesFormulasThatMeanTheSameWhenReadAgain) {
  use_dimension(3);
  for (const std::string formula :
       {"-(a - b)^3", "(a - b) - (p - q)", "a/(b/p)", "a^b^p", "(a^b)^p", "-(a^2)", "2*-a",
        "(a < b) == (p < q)", "1/(a*b + 1)/(a + b)", "exp(-a)*concat(-1.5, 2e-30, p)*x",
        "slice(x*b, 1, 2)", "where(x != y, x - y - a, y/(x*x))", "-1*(a + b)", "(-2)^a", "(-a)^b",
        "(1/3)^(a*b)"}) {
    const Expression once = parse(formula);
    const Expression again = parse(once.text());
    EXPECT_EQ(again.text(), once.text()) << formula;
    for (std::size_t c = 0; c < static_cast<std::size_t>(once.dimension()); ++c) {
      const double expected = static_cast<double>(value(once, 1, 2)[c]);
      const double actual = static_cast<double>(value(again, 1, 2)[c]);
      if (std::isnan(expected)) continue;
      EXPECT_NEAR(actual, expected, 1e-15 * std::abs(expected)) << once.text();
    }
  }
}

TEST_F(ExpressionTest, NamesSharedPartsWhereTheTextWouldExplode) {
  use_dimension(1);
  std::string formula = "a*b";
  Expression shared = parse(formula);
  for (int k = 0; k < 60; ++k) shared = multiply(exponential(shared), add(shared, parse("p")));
  EXPECT_LT(shared.text().size(), 20'000U);
  EXPECT_EQ(shared.text().rfind("#1 = ", 0), 0U) << shared.text().substr(0, 80);
  EXPECT_LT(shared.transposed().text().size(), 20'000U);
}

TEST_F(ExpressionTest, ExchangesRowsAndColumns) {
  use_dimension(3);
  const Expression formula = parse("exp(-sqdist(x, y))*b + i/(j + 1)*p");
  const Expression transposed = formula.transposed();
  EXPECT_EQ(transposed.variables().at("x").axes, axis_j);
  EXPECT_EQ(transposed.variables().at("b").axes, axis_i);
  EXPECT_EQ(transposed.variables().at("x").dimension, 3);
  const ReferenceEvaluator evaluate(columns_, rows_, constants_);
  for (Index i = 0; i < rows_.count; ++i) {
    for (Index j = 0; j < columns_.count; ++j) {
      EXPECT_EQ(evaluate(*transposed.root(), j, i)[0], value(formula, i, j)[0]);
    }
  }
  EXPECT_EQ(transposed.transposed().text(), formula.text());
  EXPECT_TRUE(parse("b*p").varies(axis_j));
  EXPECT_FALSE(parse("b*p").varies(axis_i));
  EXPECT_TRUE(parse("b*p").transposed().varies(axis_i));
}

TEST_F(ExpressionTest, SeesSymmetryThatTheFormulaShows) {
  use_dimension(3);
  const std::map<std::string, std::string> pairs{{"x", "y"}, {"a", "b"}};
  for (const std::string formula : {"p",
                                    "exp(-sqdist(x, y)/p)",
                                    "norm(x - y)",
                                    "norm(y - x)*p",
                                    "dot(x, y)^3 + a + b + 2",
                                    "a + p + b",
                                    "b*p*a",
                                    "abs(a - b)",
                                    "abs(b - a)^p",
                                    "(a - b)^2",
                                    "(3*a - 3*b)^4",
                                    "cos(a - b)",
                                    "sin(a - b)*tan(a - b)",
                                    "sin(a - b)^2",
                                    "(i == j)*p",
                                    "abs(i - j)",
                                    "sqdist(x, y, w)",
                                    "sqdist(x, y, M)",
                                    "min(a, b)",
                                    "exp(-(sqnorm(x) + sqnorm(y) - 2*dot(x, y)))",
                                    "a/b + b/a",
                                    "exp(a)*exp(b)",
                                    "sum(abs(x - y))",
                                    "1/(1 + sqdist(x*p, y*p))",
                                    "where(i == j, p, exp(-norm(x - y)))",
                                    "(a < b) + (b < a)",
                                    "norm(x/w - y/w)"}) {
    EXPECT_TRUE(parse(formula).symmetric(pairs)) << formula << " = " << parse(formula).text();
  }
  for (const std::string formula : {"a",
                                    "b",
                                    "a - b",
                                    "exp(-sqdist(x, y))*b",
                                    "a*b*b",
                                    "a + 2*b",
                                    "i + 2*j",
                                    "a^b",
                                    "a < b",
                                    "sin(a - b)",
                                    "(a - b)^3",
                                    "dot(x, w)",
                                    "atan2(a, b)",
                                    "i",
                                    "sqdist(2*x, y)",
                                    "where(i < j, a, b)",
                                    "x",
                                    "outer(x, y)",
                                    "a/b",
                                    "sum(matvec(M, x)*y)"}) {
    EXPECT_FALSE(parse(formula).symmetric(pairs)) << formula;
  }
  EXPECT_FALSE(parse("exp(-sqdist(x, y))").symmetric({}));
  EXPECT_FALSE(parse("a*b*sqdist(x, y)").symmetric({{"x", "y"}}));
  name_points();
  for (const std::string formula :
       {"matern52(d, p)", "rbf(d, concat(p, q, p))", "linear(p)",
        "polynomial(3, 1)*periodic(d, p, q) + white()", "rational_quadratic(d, p, q)"}) {
    EXPECT_TRUE(parse(formula).symmetric(pairs)) << formula;
  }
  use_dimension(2);
  name_points();
  symbols_.distance = Distance::great_circle;
  EXPECT_TRUE(parse("matern32(d, p)").symmetric(pairs));
}

TEST_F(ExpressionTest, CombinesWithoutText) {
  use_dimension(3);
  const Expression d = parse("sqdist(x, y)");
  EXPECT_EQ(exponential(multiply(make_number(-2), d)).text(), "exp(-2*sqdist(x, y))");
  EXPECT_EQ(subtract(add(d, parse("p")), d).text(), "p");
  EXPECT_EQ(equal(make_variable("c", {1, axis_j}), parse("j")).text(), "c == j");
  EXPECT_EQ(make_variable("x", {3, axis_i}).text(), "x");
  EXPECT_THROW(add(parse("x"), make_variable("z", {2, axis_i})), core::InternalError);
  EXPECT_EQ(parse("exp(-sqdist(x, y)/p)*q + b").parameters(), (std::set<std::string>{"p", "q"}));
  EXPECT_EQ(used_names("exp(-sqdist(u, v)/l^2)*i + d", "t"),
            (std::vector<std::string>{"u", "v", "l"}));
}

TEST_F(ExpressionTest, PointsAtWhatIsWrong) {
  use_dimension(3);
  expect_refused("exp(x + z)", "unknown name 'z'", "        ^");
  expect_refused("epx(x)", "unknown function 'epx' (did you mean 'exp'?)", "^~~");
  expect_refused("gaussian(x)",
                 "unknown function 'gaussian'; covariance functions are rbf(d, length_scale), exp",
                 "^~~~~~~~");
  expect_refused("1 + sqdst(x, y)", "did you mean 'sqdist'?", "    ^~~~~");
  expect_refused("x + concat(a, b)", "'x' is a vector of 3 and 'concat(a, b)' is a vector of 2",
                 "^~~~~~~~~~~~~~~~");
  expect_refused("dot(x, a)", "'x' is a vector of 3 and 'a' is a scalar", "^~~~~~~~~");
  expect_refused("sqdist(x, concat(a, b))", "a vector of 2", "^~~~");
  expect_refused("sqdist(x, y, concat(a, b))", "a matrix of 9 values; it is a vector of 2",
                 "             ^");
  expect_refused("matvec(concat(a, b), x)", "a multiple of 3 values; this one has 2",
                 "       ^~~~~~~~~~~~");
  expect_refused("elem(x, 3)", "from 0 to 2; it is 3", "        ^");
  expect_refused("elem(x, p)", "whole number, written out", "        ^");
  expect_refused("slice(x, 1, 3)", "from 1 to 2; it is 3", "            ^");
  expect_refused("exp(a, b)", "exp() is called with 2 arguments; it is exp(x)", "^~~~~~~~~");
  expect_refused("where(a, b)", "where(condition, a, b)", "^~~~~~~~~~~");
  expect_refused("where(x, y, concat(a, b))", "do not conform in where()", "^~~~");
  expect_refused("x'*y", "no transpose", " ^");
  expect_refused("norm", "'norm' is a function: write norm(v)", "^~~~");
  expect_refused("p(x)", "'p' is no function", "^");
  expect_refused("a < b < p", "cannot be chained", "      ^");
  expect_refused("exp(a", "never closed", "   ^");
  expect_refused("", "empty", "");
  for (const std::string formula :
       {"x + ", "a b", "2x", "exp()", "min(a)", "clamp(x, y)", "i()", "d", "outer(x)", "A",
        "elem(x, 1.5)", "elem(x, -1)", "slice(x, 0, 0)", "x ^ concat(1, 2)", "atan2(x)", "x,y"}) {
    EXPECT_NE(refusal(formula), "accepted") << formula;
  }
}

TEST_F(ExpressionTest, RefusesNamesThatMeanSomethingElse) {
  use_dimension(3);
  EXPECT_TRUE(is_reserved_name("i"));
  EXPECT_TRUE(is_reserved_name("d"));
  EXPECT_TRUE(is_reserved_name("matern32"));
  EXPECT_FALSE(is_reserved_name("x"));
  symbols_.parameters.insert("norm");
  EXPECT_NE(refusal("x").find("'norm' has a meaning"), std::string::npos) << refusal("x");
  symbols_.parameters = {"x"};
  EXPECT_NE(refusal("x").find("both a parameter and a variable"), std::string::npos);
  symbols_.parameters.clear();
  symbols_.variables["j"] = {1, axis_j};
  EXPECT_NE(refusal("x").find("cannot name a variable"), std::string::npos);
}

TEST_F(ExpressionTest, PartsThatAreNoNumberAreRefusedWhereTheyStand) {
  use_dimension(2);
  expect_refused("a*(0/0)", "'0/0' is no number", "   ^~~");
  expect_refused("a + (1/0 - 1/0)", "'1/0 - 1/0' is no number", "     ^~~~~~~~~");
  expect_refused("0*(1/0)", "'0*(1/0)' is no number", "^~~~~~~");
  expect_refused("exp(0*log(0))*a", "'0*log(0)' is no number", "    ^~~~~~~~");
  expect_refused("sqrt(-1) + a", "'sqrt(-1)' is no number", "^~~~~~~~");
  expect_refused("where(a < b, 1, log(-2))", "'log(-2)' is no number", "                ^~~~~~~");
  expect_refused("a^(0/0)", "'0/0' is no number", "   ^~~");
  expect_refused("-(1/0)/(1/0)*a", "is no number", "^~~");
  // Infinities have their uses.
  EXPECT_EQ(refusal("where(a < b, 0, 1/0)"), "accepted");
  EXPECT_EQ(refusal("min(a, 1/0)"), "accepted");
  EXPECT_EQ(refusal("exp(-1/0)*a"), "accepted");
  EXPECT_EQ(refusal("where(1/0 == 1/0, a, b)"), "accepted");
  EXPECT_EQ(refusal("log(0) + a"), "accepted");
}

}  // namespace
}  // namespace kronwerk::kernels
