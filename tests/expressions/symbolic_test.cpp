#include "kronwerk/expressions/symbolic.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "kronwerk/core/error.hpp"
#include "kronwerk/expressions/lowering.hpp"

namespace kronwerk::expressions {
namespace {

const Symbols symbols{{{"a", 0.3}, {"b", 0.5}, {"s", 2}},
                      {{"V", {3, 3}}, {"W", {4, 4}}, {"R", {3, 3}}}};

SymbolicSum expand(const std::string& formula, const std::set<std::string>& free) {
  return expand(analyse(formula, symbols, "test"), free, symbols.parameters);
}

/// "(V ⊗ I)" and the coefficient's number at the symbols' parameters.
std::map<std::string, double> values(const SymbolicSum& sum,
                                     std::map<std::string, double> parameters) {
  std::map<std::string, double> result;
  for (const SymbolicTerm& term : sum.terms) {
    result[term.factors[0]->text + "," + term.factors[1]->text] =
        evaluate(*term.coefficient, parameters);
  }
  return result;
}

TEST(SymbolicSumTest, MultipliesOutWhatStandsInsideKroneckerProducts) {
  const auto sum = expand("kron(I - a*V, s*I - b*W)", {"a", "b"});
  EXPECT_EQ(sum.row_extents, (Extents{3, 4}));
  const auto at = values(sum, {{"a", 7}, {"b", 5}, {"s", 2}});
  ASSERT_EQ(at.size(), 4U);
  EXPECT_EQ(at.at("I,I"), 2);
  EXPECT_EQ(at.at("V,I"), -14);
  EXPECT_EQ(at.at("I,W"), -5);
  EXPECT_EQ(at.at("V,W"), 35);
}

TEST(SymbolicSumTest, MergesEqualTermsAndDropsWhatVanishes) {
  const auto sum =
      expand("kronsum(a*V, W) + a*b*kron(V, I) - kron(V*V', b*W)' - 0*kron(V, W)", {"a", "b"});
  const auto at = values(sum, {{"a", 7}, {"b", 5}});
  ASSERT_EQ(at.size(), 3U);
  EXPECT_EQ(at.at("V,I"), 42);
  EXPECT_EQ(at.at("I,W"), 1);
  EXPECT_EQ(at.at("V*V',W'"), -5);
}

TEST(SymbolicSumTest, KeepsFixedParametersInTheFactors) {
  const auto sum = expand("kron(inv(I - s*V), I) - a*kron(I, W)", {"a"});
  ASSERT_EQ(sum.terms.size(), 2U);
  EXPECT_EQ(sum.terms[0].factors[0]->text, "inv(I - 2*V)");
}

TEST(SymbolicSumTest, DifferentiatesCoefficientsTwice) {
  const auto sum = expand("kron(I, I) - exp(a)*b^2*kron(V, W)", {"a", "b"});
  const NodePtr& c = sum.terms[1].coefficient;
  const std::map<std::string, double> at{{"a", 0.3}, {"b", 0.5}};
  EXPECT_NEAR(evaluate(*differentiate(c, "b"), at), -std::exp(0.3), 1e-15);
  EXPECT_NEAR(evaluate(*differentiate(differentiate(c, "a"), "b"), at), -std::exp(0.3), 1e-15);
  EXPECT_TRUE(is_number(*differentiate(c, "s"), 0));
}

TEST(SymbolicSumTest, RefusesInversesOfWhatIsEstimated) {
  const auto message = [](const std::string& formula) -> std::string {
    try {
      expand(formula, {"a"});
    } catch (const core::ConfigurationError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(message("kron(inv(I - a*V), W)").find("'inv(I - a*V)' depends on a parameter"),
            std::string::npos);
  EXPECT_EQ(message("kron(inv(I - b*V), W)"), "");
}

}  // namespace
}  // namespace kronwerk::expressions
