#include "application/gaussian/covariance_formula.hpp"

#include <gtest/gtest.h>

namespace kronwerk::application {
namespace {

using Parameters = CovarianceFormula::Parameters;

/// K is a kernel matrix that depends on l.
class CovarianceFormulaTest : public testing::Test {
 protected:
  CovarianceFormulaTest() {
    symbols_.parameters = {{"s", 2}, {"l", 1}, {"noise", 0.5}};
    symbols_.matrices["A"] = {3, 3, false, false, 0};
    symbols_.matrices["K"] = {4, 4, false, false, 0};
    symbols_.matrices["K"].derivatives["l"] = "dK/dl";
    symbols_.matrices["d"] = {4, 1, true, false, 0};
  }

  CovarianceFormula formula(const std::string& text) const {
    return CovarianceFormula(expressions::analyse(text, symbols_, "test.yaml:1"));
  }
  static expressions::MatrixNames names(const std::string& values) {
    return {{"K", "K" + values}, {"dK/dl", "dK/dl" + values}};
  }

  expressions::Symbols symbols_;
};

TEST_F(CovarianceFormulaTest, ItsPartsFollowTheParametersWithoutParsingAgain) {
  const auto covariance = formula("s*kron(A, K) + noise*kron(I, diag(d))");
  const auto first = covariance.parts({{"s", 2}, {"noise", 0.5}}, names("(l=1)"));
  EXPECT_EQ(first.signal.text(), "2*kron(A, K(l=1))");
  EXPECT_EQ(first.noise.text(), "0.5*kron(I, diag(d))");
  const auto second = covariance.parts({{"s", 3}, {"noise", 4}}, names("(l=7)"));
  EXPECT_EQ(second.signal.text(), "3*kron(A, K(l=7))");
  EXPECT_EQ(second.noise.text(), "4*kron(I, diag(d))");
}

TEST_F(CovarianceFormulaTest, DiagonalsAloneAreASignalAndPerhapsNoise) {
  const auto one = formula("s*kron(eye(3), diag(d))").parts({{"s", 2}}, {});
  EXPECT_EQ(one.signal.text(), "2*kron(I, diag(d))");
  EXPECT_TRUE(one.noise.terms.empty());
  const auto two = formula("kron(eye(3), diag(d)) - noise*I").parts({{"noise", 0.5}}, {});
  EXPECT_EQ(two.signal.text(), "kron(I, diag(d))");
  EXPECT_EQ(two.noise.text(), "-0.5*kron(I, I)");
}

TEST_F(CovarianceFormulaTest, WhatMultipliesTheWholeSumMultipliesBothParts) {
  const auto parts =
      formula("s*(kron(A, K) + noise*I)").parts({{"s", 2}, {"noise", 0.5}}, names(""));
  EXPECT_EQ(parts.signal.text(), "2*kron(A, K)");
  EXPECT_EQ(parts.noise.text(), "kron(I, I)");
}

TEST_F(CovarianceFormulaTest, KnowsWhichMatricesADerivativeNeeds) {
  auto covariance = formula("s*kron(A, K) + noise*I");
  EXPECT_EQ(covariance.factor_names(), (std::set<std::string>{"A", "K"}));
  EXPECT_TRUE(covariance.names_of_derivative("l").contains("dK/dl"));
  const CovarianceFormula::Parameters values{{"s", 2}, {"noise", 0.5}};
  EXPECT_EQ(covariance.derivative("l", values, names("(l=1)")).products.text(),
            "2*kron(A, dK/dl(l=1))");
  EXPECT_TRUE(covariance.derivative("tau", values, {}).products.terms.empty());
}

TEST_F(CovarianceFormulaTest, SumsOfAMatrixAndIdentitiesStayApartWhereAModeHasBoth) {
  const auto parts = formula("kron(A, K) + kron(A, I) + s*kron(I, K) + noise*I")
                         .parts({{"s", 2}, {"noise", 0.5}}, {});
  EXPECT_EQ(parts.signal.text(), "kron(A, I) + kron(A, K) + 2*kron(I, K)");
  EXPECT_EQ(parts.noise.text(), "0.5*kron(I, I)");
  // One matrix in every mode: nothing to be gained.
  EXPECT_EQ(formula("kron(A, K + s*I)").parts({{"s", 2}}, {}).signal.text(),
            "2*kron(A, I + 0.5*K)");
}

TEST_F(CovarianceFormulaTest, InversesOfSumsAreWrittenInPowersOfTheirMatrices) {
  auto covariance = formula("s*inv(kronsum((l*I + A)*(l*I + A), K)) + noise*I");
  const CovarianceFormula::Parameters values{{"s", 2}, {"noise", 0.5}, {"l", 3}};
  const auto parts = covariance.parts(values, {});
  EXPECT_TRUE(parts.signal.terms.empty());
  ASSERT_EQ(parts.inverses.size(), 1U);
  EXPECT_EQ(parts.inverses[0].scale, 2);
  EXPECT_EQ(parts.inverses[0].sum.terms.size(), 4U) << parts.inverses[0].sum.text();
  EXPECT_EQ(parts.noise.text(), "0.5*kron(I, I)");
  const auto by_shift = covariance.derivative("l", values, {});
  ASSERT_EQ(by_shift.inverses.size(), 1U);
  EXPECT_EQ(by_shift.inverses[0].scale, 0);
  // 2 (l I + A) and dK/dl
  EXPECT_EQ(by_shift.inverses[0].sum.text(), "6*kron(I, I) + 2*kron(A, I) + kron(I, dK/dl)");
  EXPECT_TRUE(by_shift.products.terms.empty());
  EXPECT_EQ(covariance.derivative("s", values, {}).inverses[0].scale, 1);
}

TEST_F(CovarianceFormulaTest, InversesOfOneProductArePartOfTheSignal) {
  const auto parts = formula("inv(kron(A, I + s*K))").parts({{"s", 2}}, {});
  EXPECT_TRUE(parts.inverses.empty());
  EXPECT_EQ(parts.signal.terms.size(), 1U);
  // A product of the inverse of a sum and a matrix is the inverse of another sum.
  const auto three = formula("s*kron(inv(kronsum(A, K)), A)").parts({{"s", 2}}, {});
  ASSERT_EQ(three.inverses.size(), 1U);
  EXPECT_EQ(three.inverses[0].sum.text(), "kron(A, I, inv(A)) + kron(I, K, inv(A))");
}

}  // namespace
}  // namespace kronwerk::application
