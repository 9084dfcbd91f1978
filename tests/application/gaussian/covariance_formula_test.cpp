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
  const auto& by_length = covariance.derivative("l");
  EXPECT_TRUE(by_length.factor_names.contains("dK/dl"));
  EXPECT_EQ(expressions::simplify(by_length.expression, {{"s", 2}}, names("(l=1)")).text(),
            "2*kron(A, dK/dl(l=1))");
  EXPECT_EQ(&covariance.derivative("l"), &by_length);
  EXPECT_TRUE(expressions::simplify(covariance.derivative("tau").expression, {}).terms.empty());
}

}  // namespace
}  // namespace kronwerk::application
