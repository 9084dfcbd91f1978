#include "kronwerk/expressions/structure.hpp"

#include <gtest/gtest.h>

#include "expressions/expression_fixture.hpp"

namespace kronwerk::expressions {
namespace {

using Kind = ModeStructure::Kind;

class StructureTest : public ExpressionFixture {
 protected:
  StructureTest() { symbols_.matrices["S"] = symbols_.matrices["T"] = {3, 3, false, false, 0, {}}; }

  SpectralStructure structure(const std::string& formula) const {
    return find_structure(simplified(formula), symmetric_);
  }

  /// "identity" or "diagonal", "functions of W", "pair S, T", "none".
  std::string mode(const std::string& formula, std::size_t k = 0) const {
    const ModeStructure mode = structure(formula).modes.at(k);
    switch (mode.kind) {
      case Kind::identity:
        return "identity";
      case Kind::diagonal:
        return "diagonal";
      case Kind::functions:
        return "functions of " + mode.first->text;
      case Kind::pair:
        return "pair " + mode.first->text + ", " + mode.second->text;
      case Kind::none:
        return "none";
    }
    return "?";
  }

  std::set<std::string> symmetric_{"S", "T"};
};

TEST_F(StructureTest, FindsTheMatrixThatTheFactorsOfAModeAreFunctionsOf) {
  EXPECT_EQ(mode("kron(I, B) - rho*kron(W, B) - tau*kron(inv(I - rho*W)*W, I)"), "functions of W");
  EXPECT_EQ(mode("kron(W, I) + kron(I, diag(v))", 1), "diagonal");
  EXPECT_EQ(mode("kron(W, eye(2)) + kron(V, B)*0", 1), "identity");
  EXPECT_EQ(mode("kron(W, B) + kron(I, I)", 1), "functions of B");
  EXPECT_EQ(mode("kron(diag(v) + 2*I, B) + kron(inv(diag(v)), I)"), "diagonal");
}

TEST_F(StructureTest, TransposesAreFunctionsOfSymmetricMatricesOnly) {
  EXPECT_EQ(mode("kron(S, B) + kron(S', I) + kron(I, B*B)"), "functions of S");
  EXPECT_EQ(mode("kron(S, B) + kron(I + S'*S, I) + kron(I, B*B)"), "functions of S");
  EXPECT_EQ(mode("kron(W, B) + kron(W', I) + kron(I, B*B)"), "none");
  EXPECT_EQ(mode("kron(W', B) + kron(I, I)"), "functions of W'");
}

TEST_F(StructureTest, CompositesOfSeveralMatricesGenerateWhatIsMadeOfThem) {
  EXPECT_EQ(mode("kron(W + 2*V, B) + kron(inv(W + 2*V), I)"), "functions of V + 0.5*W");
  EXPECT_EQ(mode("kron(W*W', B) + kron(I, I)"), "functions of W*W'");
  EXPECT_EQ(mode("kron(I + W*W', B) + kron(inv(W*W'), I)"), "functions of W*W'");
  EXPECT_EQ(mode("kron(inv(W*V), B) + kron(W*V, I)"), "functions of W*V");
  EXPECT_EQ(mode("kron(9*I + W + V, B) + kron(W + V, B*B) + kron(inv(W + V), I)"),
            "functions of V + W");
  EXPECT_EQ(mode("kron(C*C', B) + kron(I, I)"), "functions of C*C'");
}

TEST_F(StructureTest, TwoMatricesWithoutTheIdentityAreAPair) {
  EXPECT_EQ(mode("kron(S, B) + kron(T, I)"), "pair S, T");
  EXPECT_EQ(mode("kron(S, B) + kron(T, I) + kron(I, B*B)"), "none");
  EXPECT_EQ(mode("kron(S, B) + kron(T, I) + kron(W, B*B)"), "none");
}

TEST_F(StructureTest, CombinationsOfTwoMatricesAreAPair) {
  EXPECT_EQ(mode("kron(S, B) + kron(W, I) + kron(3*S - 2*W, B*B)"), "pair S, W");
  EXPECT_EQ(mode("kron(W, B) + kron(W', I)"), "pair W, W'");
  EXPECT_EQ(mode("kron(I + S, B) + kron(W, I) + kron(S + I - W, B*B)"), "pair I + S, W");
  EXPECT_EQ(mode("kron(S + W, B) + kron(W, I) + kron(T, B*B)"), "none");
}

TEST_F(StructureTest, APairTellsWhatElseOfTheFormulaIsACombinationOfIt) {
  const ModeStructure mode =
      structure("kron(S + 5*W, B) + kron(W, I) + kron(S - W, B*B)").modes.at(0);
  EXPECT_EQ(mode.first->text + ", " + mode.second->text, "S, W");
  ASSERT_FALSE(mode.combinations.empty());
  for (const FactorNodePtr& factor : mode.combinations) {
    EXPECT_TRUE(weights_in_pair(*factor, *mode.first, *mode.second, symmetric_)) << factor->text;
    EXPECT_NE(factor->text, "S");
    EXPECT_NE(factor->text, "W");
  }
  EXPECT_TRUE(structure("kron(S, B) + kron(T, I)").modes.at(0).combinations.empty());
}

TEST_F(StructureTest, WeightsInAPairAreThoseOfTheFormula) {
  const auto factor = [&](const std::string& formula) {
    return simplified("kron(" + formula + ", B)").terms.at(0);
  };
  const auto first = factor("S - 2*W").factors[0];
  const auto second = factor("W").factors[0];
  const auto third = factor("3*S' + W");
  const auto weights = weights_in_pair(*third.factors[0], *first, *second, symmetric_);
  ASSERT_TRUE(weights.has_value());
  EXPECT_NEAR(third.coefficient * weights->first, 3, 1e-14);
  EXPECT_NEAR(third.coefficient * weights->second, 7, 1e-14);
  EXPECT_FALSE(weights_in_pair(*factor("S + V").factors[0], *first, *second, symmetric_));
  EXPECT_FALSE(weights_in_pair(*factor("S + W'").factors[0], *first, *second, symmetric_));
}

TEST_F(StructureTest, SaysWhyThereIsNone) {
  EXPECT_EQ(structure("kron(S, B) + kron(T, I) + kron(I, B*B)").why_not,
            "the factors of mode 1 (I, 'S', 'T') are neither functions of one matrix nor two "
            "matrices only");
  EXPECT_EQ(structure("kron(W, C)").why_not, "the factor 'C' of mode 2 is 3 x 2, not square");
  EXPECT_EQ(structure("diag(g) + kron(W, B)").why_not,
            "'diag(g)' holds a diagonal over the whole grid");
  EXPECT_FALSE(structure("diag(g)").complete());
}

TEST_F(StructureTest, RecognisesKroneckerSums) {
  EXPECT_TRUE(structure("kronsum(W, B)").kronecker_sum);
  EXPECT_TRUE(structure("3*kronsum(W, B, V) + rho*kron(I, I, I)").kronecker_sum);
  EXPECT_TRUE(structure("kron(I, B) - kron(W*V, I)").kronecker_sum);
  EXPECT_FALSE(structure("kron(W, B) + rho*kron(I, I)").kronecker_sum);
  EXPECT_FALSE(structure("kron(W, I) + kron(W*V, I) + kron(I, B)").kronecker_sum);
}

TEST_F(StructureTest, FunctionsHaveTheValuesOfTheFormulaAtEveryEigenvalue) {
  const std::complex<double> z(0.7, 0.4);
  const std::vector<std::complex<double>> at{z};
  const auto value = [&](const std::string& formula, std::size_t k = 0) {
    const auto sum = simplified(formula);
    const auto found = find_structure(sum, symmetric_);
    return evaluate_at(*sum.terms.at(0).factors[k], *found.modes[k].first, at, symmetric_)[0];
  };
  const auto expect = [&](std::complex<double> found, std::complex<double> expected) {
    EXPECT_LE(std::abs(found - expected), 1e-14 * std::abs(expected));
  };
  expect(value("W"), z);
  expect(value("I - rho*W"), 1.0 - 0.3 * z);
  expect(value("W*inv(I - rho*W)*W"), z * z / (1.0 - 0.3 * z));
  expect(value("kron(S'*S, B)"), z * z);
  expect(value("I - rho*S'*inv(S + 2*I)"), 1.0 - 0.3 * z / (z + 2.0));
  expect(value("kron(I + W*V*W*V, B) + kron(W*V, I)"), 1.0 + z * z);
  const auto sum = simplified("kron(2*I + 3*W + 3*V, B) + kron(inv(W + V), I)");
  const auto found = find_structure(sum, symmetric_);
  expect(sum.terms[0].coefficient *
             evaluate_at(*sum.terms[0].factors[0], *found.modes[0].first, at, symmetric_)[0],
         2.0 + 3.0 * z);
  expect(sum.terms[1].coefficient *
             evaluate_at(*sum.terms[1].factors[0], *found.modes[0].first, at, symmetric_)[0],
         1.0 / z);
}

TEST_F(StructureTest, AnInverseThatMeetsZeroUpToRoundingNamesItsFactor) {
  const auto values = [&](const std::string& formula,
                          const std::vector<std::complex<double>>& eigenvalues) {
    const auto sum = simplified(formula);
    const auto found = find_structure(sum, symmetric_);
    return evaluate_at(*sum.terms[0].factors[0], *found.modes[0].first, eigenvalues, symmetric_);
  };
  const auto expect_singular = [&](const std::string& formula, double zero, double largest,
                                   const std::string& name) {
    try {
      static_cast<void>(values(formula, {largest, zero}));
      FAIL() << formula << ": nothing was thrown";
    } catch (const core::SingularError& error) {
      EXPECT_NE(std::string(error.what()).find("'" + name + "' is singular"), std::string::npos)
          << error.what();
    }
  };
  expect_singular("inv(I - 2*W)", 0.5, 1, "I - 2*W");
  expect_singular("inv(I - 2*W)", 0.5 + 1e-15, 1, "I - 2*W");
  expect_singular("inv(W)", 1e-16, 1, "W");
  expect_singular("inv(W)", -1e-6, 1e10, "W");
  expect_singular("inv(W*inv(I + 3*W))", 1e-17, 1, "W");
  // What is small beside nothing else is no zero.
  EXPECT_NEAR(values("inv(W)", {1e-16, 2e-16})[0].real(), 1e16, 1);
  EXPECT_NEAR(values("inv(W)", {1e-10, 1.0})[0].real(), 1e10, 1e-4);
  EXPECT_NEAR(values("inv(I - 2*W)", {0.25, 1.0})[0].real(), 2, 1e-14);
}

}  // namespace
}  // namespace kronwerk::expressions
