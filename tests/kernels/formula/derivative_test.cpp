#include "kernels/formula/formula_fixture.hpp"

namespace kronwerk::kernels {
namespace {

class Derivative : public FormulaFixture {};

TEST_F(Derivative, OfEveryOperationIsItsCentralDifference) {
  const std::vector<std::string> formulas{
      "-x",
      "exp(x*p)",
      "log(x + p)",
      "sqrt(x)",
      "rsqrt(x)",
      "1/(x + q*y)",
      "square(x - y)",
      "abs(x - y)",
      "sign(x - y)*x",
      "step(x - y)*x",
      "relu(x - y)",
      "sin(p*x)",
      "cos(p*x)",
      "tan(p*x)",
      "asin(x)",
      "acos(x*y)",
      "atan(x - q)",
      "tanh(x*q)",
      "xlogx(x)",
      "sinc(x - y)",
      "sinc(7*x)",
      "round(10*x)*x",
      "floor(10*x)*x",
      "x^3",
      "(x + p)^7",
      "x^-2",
      "x^0.5 + x^-0.5 + x^1.5 + x^2.5",
      "x^y",
      "x^q",
      "p^y",
      "x^0.3",
      "x + y*b",
      "x - a",
      "a - x",
      "x*y*b",
      "a*x/(y + p)",
      "p/q",
      "atan2(x, y - p)",
      "mod(x, y)",
      "min(x, y)",
      "max(x, y, p)",
      "clamp(x, p/2, y)",
      "x < y",
      "(x <= y)*x",
      "where(x < y, x*x, y)",
      "where(x != y, p, q)*a",
      "where(a > b, x, q)",
      "sum(x*y)",
      "sum(x)*y",
      "sum(x + p)",
      "dot(x, y)",
      "dot(x, x)*b",
      "dot(w*x, y)",
      "norm(x - y)",
      "norm(x)",
      "sqnorm(x*y)",
      "normalize(x - y)",
      "sqdist(x, y)",
      "sqdist(x, y, p)",
      "sqdist(x, y, w)",
      "sqdist(x, y, M)",
      "sqdist(x*p, y)",
      "elem(x, 0)*b",
      "elem(x*y, 0) - elem(x, 0)",
      "concat(x, a, y*b)",
      "slice(concat(x, y), 1, 1)",
      "matvec(M, x - y)",
      "vecmat(M, x*b)",
      "matvec(outer(x, y), w)",
      "vecmat(outer(x, y), w)",
      "outer(x, y*p)",
      "dot(outer(x, y), M)",
      "i*x + j*y",
      "(i == j)*x",
      "exp(-sqdist(x, y)/(2*p^2))*b",
      "exp(-norm(x - y)/p)*exp(-norm(x - y)*q)",
      "log(1 + exp(dot(x, y)))",
      "(1 + dot(x, y))^3/(1 + sqdist(x, y)/p)",
  };
  for (const int dimension : {1, 3, 7}) {
    use_dimension(dimension);
    for (const std::string& formula : formulas) {
      expect_derivatives(formula, 1, 2, 1e-9);
      expect_derivatives(formula, 0, 3, 1e-9);
    }
  }
}

TEST_F(Derivative, OfAVectorInPartsGoesToItsParts) {
  use_dimension(7);
  for (const std::string formula :
       {"slice(x, 2, 3)*p", "elem(x, 6)*elem(x, 0) + sum(slice(x, 0, 4))",
        "concat(slice(x, 4, 3), slice(x, 0, 4))*y",
        "dot(slice(x, 0, 3), slice(y, 1, 3))*slice(x*y, 2, 2)"}) {
    expect_derivatives(formula, 2, 1, 1e-9);
  }
}

TEST_F(Derivative, LeavesOutNamesThatDoNotMatter) {
  use_dimension(3);
  const auto found = vector_jacobian(parse("floor(p)*a + 0*q + (q < b)"), make_number(1),
                                     {"p", "q", "a", "x", "nothing"});
  EXPECT_EQ(found.size(), 1U);
  EXPECT_EQ(found.at("a").text(), "floor(p)");
  EXPECT_EQ(differentiate(parse("p^2*b"), "q").text(), "0");
  EXPECT_EQ(differentiate(parse("p^2*b"), "p").text(), "2*p*b");
}

TEST_F(Derivative, IsFiniteWhereThereIsNone) {
  use_dimension(3);
  for (int c = 0; c < 3; ++c) component("y", 1, 2, c) = component("x", 1, 2, c);
  component("a", 1, 2, 0) = 0;
  component("b", 1, 2, 0) = 1;
  for (const std::string formula : {"norm(x - y)",
                                    "sqrt(a)",
                                    "exp(-norm(x - y))",
                                    "abs(a)",
                                    "relu(a)",
                                    "min(x, y)",
                                    "max(a, 0)",
                                    "xlogx(a)",
                                    "sinc(a)",
                                    "asin(b)",
                                    "acos(b)",
                                    "atan2(x - y, a)",
                                    "a^0.3",
                                    "a^p",
                                    "normalize(x - y)",
                                    "where(i == j, 0, log(a))",
                                    "where(a == 0, 0, 1/a)",
                                    "where(a == 0, 0, b/a)",
                                    "where(a == 0, 0, rsqrt(a))",
                                    "sqrt(sqdist(x, y, w))"}) {
    const Expression parsed = parse(formula);
    rows_.variables["cotangent"] = Cloud{parsed.dimension(), 3, std::vector<double>(9, 0.7)};
    const Expression cotangent = make_variable("cotangent", {parsed.dimension(), axis_i});
    for (const auto& [name, gradient] :
         vector_jacobian(parsed, cotangent, {"x", "y", "a", "b", "w", "p"})) {
      for (const long double entry : value(gradient, 1, 2)) {
        EXPECT_TRUE(std::isfinite(entry)) << formula << " by " << name << ": " << gradient.text();
      }
    }
  }
}

TEST_F(Derivative, OfDeepAndWideFormulasStaysOfTheirSize) {
  use_dimension(3);
  std::string deep = "a*p";
  for (int k = 0; k < 28; ++k) deep = "sin(" + deep + "*b + p)*" + (k % 2 == 0 ? "b" : "p");
  const Expression gradient = differentiate(parse(deep), "p");
  EXPECT_LT(gradient.text().size(), 40'000U);
  std::string wide = "p";
  for (int k = 0; k < 100; ++k) wide += " + exp(-p*sqdist(x, y))*sin(p*" + std::to_string(k) + ")";
  EXPECT_LT(differentiate(parse(wide), "p").text().size(), 40'000U);
}

}  // namespace
}  // namespace kronwerk::kernels
