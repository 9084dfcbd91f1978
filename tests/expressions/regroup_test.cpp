// Sums are written over their atoms where that shows them to be simpler.
#include <gtest/gtest.h>

#include "expressions/expression_fixture.hpp"
#include "kronwerk/expressions/factor_node.hpp"

namespace kronwerk::expressions {
namespace {

class RegroupTest : public ExpressionFixture {
 protected:
  oracle::Matrix one3_ = oracle::identity(3);
  oracle::Matrix one2_ = oracle::identity(2);
};

TEST_F(RegroupTest, DependentLeadingFactorsBecomeTheirAtoms) {
  // I - rho W, W and I are three factors of which two are independent.
  const std::string formula = "kron(I - rho*W, B) + kron(W, B') + kron(I, B*B)";
  const auto sum = simplified(formula);
  std::set<std::string> leading;
  for (const auto& term : sum.terms) leading.insert(term.factors[0]->text);
  EXPECT_EQ(leading, (std::set<std::string>{"I", "W"})) << sum.text();
  const auto squared = oracle::multiply(b_, b_);
  check(formula, oracle::add(1, oracle::kron(minus_scaled(w_, 0.3), b_), 1,
                             oracle::add(1, oracle::kron(w_, oracle::transpose(b_)), 1,
                                         oracle::kron(one3_, squared))));
  EXPECT_EQ(simplified("kron(I - rho*W, B) + kron(I - tau*W, B')").text(),
            "kron(I, B + B') - 0.3*kron(W, B - 0.666666666666667*B')");
}

TEST_F(RegroupTest, DependentTrailingFactorsBecomeTheirAtoms) {
  const auto sum = simplified("kron(V, I - rho*B) + kron(W, B) + kron(V*W, I)");
  std::set<std::string> trailing;
  for (const auto& term : sum.terms) trailing.insert(term.factors[1]->text);
  EXPECT_EQ(trailing, (std::set<std::string>{"B", "I"})) << sum.text();
  check("kron(V, I - rho*B) + kron(W, B) + kron(V*W, I)",
        oracle::add(1, oracle::kron(v_, minus_scaled(b_, 0.3)), 1,
                    oracle::add(1, oracle::kron(w_, b_), 1,
                                oracle::kron(oracle::multiply(v_, w_), one2_))));
}

TEST_F(RegroupTest, NoCombinationCancelsLargeNumbers) {
  // W = ((V*W)'s row - V's row) / -1e-9 would lose nine digits.
  const std::string formula = "kron(V, I - 1e-9*B) + kron(W, B) + kron(V*W, I)";
  for (const auto& term : simplified(formula).terms) EXPECT_LE(std::abs(term.coefficient), 1);
  check(formula, oracle::add(1, oracle::kron(v_, minus_scaled(b_, 1e-9)), 1,
                             oracle::add(1, oracle::kron(w_, b_), 1,
                                         oracle::kron(oracle::multiply(v_, w_), one2_))));
}

TEST_F(RegroupTest, RankOneHidesBehindMergedSums) {
  EXPECT_EQ(simplified("kron(I - rho*W, I) - tau*kron(I - rho*W, V)").terms.size(), 1U);
  // The sum V + 2W was merged with one half of a product only.
  const std::string formula =
      "kron(W, I + B) + kron(V + W, I) - rho*kron(V, B) - rho*kron(2*W, B) - kron(W, B)";
  const auto sum = simplified(formula);
  EXPECT_EQ(sum.terms.size(), 1U) << sum.text();
  check(formula, oracle::kron(oracle::add(1, v_, 2, w_), minus_scaled(b_, 0.3)));
  // Three modes, eight terms.
  const std::string cube =
      "kron(I,I,I) - 0.1*kron(W,I,I) - 0.2*kron(I,B,I) - 0.7*kron(I,I,V) + 0.02*kron(W,B,I) + "
      "0.07*kron(W,I,V) + 0.14*kron(I,B,V) - 0.014*kron(W,B,V)";
  EXPECT_EQ(simplified(cube).terms.size(), 1U) << simplified(cube).text();
}

TEST_F(RegroupTest, NumbersThatAgreeToRoundingMakeOneProduct) {
  // 0.1*3 is not 0.3 in floating point, and 0.1*0.7 is not 0.07.
  EXPECT_EQ(simplified("kron(I, I) - 0.1*3*kron(I, V) - 0.7*kron(W, I) + 0.3*0.7*kron(W, V)")
                .terms.size(),
            1U);
  EXPECT_EQ(simplified("kron(I, I) - 0.3*kron(I, V) - 0.7*kron(W, I) + 0.2100001*kron(W, V)")
                .terms.size(),
            2U);
}

TEST_F(RegroupTest, WhatIsNotSimplerStaysAsItIsWritten) {
  EXPECT_EQ(simplified("kron(I - rho*W, I - tau*B)").text(), "kron(I - 0.3*W, I + 0.2*B)");
  EXPECT_EQ(simplified("kron(W, B) + kron(V, B')").text(), "kron(W, B) + kron(V, B')");
  EXPECT_EQ(simplified("kronsum(W, B) + rho*kron(I, I)").terms.size(), 2U);
}

TEST_F(RegroupTest, WhatCancelsOverItsAtomsIsZero) {
  EXPECT_TRUE(simplified("kron(I - rho*W, B) - kron(I, B) + rho*kron(W, B)").terms.empty());
  EXPECT_TRUE(
      simplified("kron(W + V, I + B) - kron(W, I + B) - kron(V, I) - kron(V, B)").terms.empty());
}

TEST_F(RegroupTest, EveryStructureOfSumsEqualsItsDenseEvaluation) {
  const auto three = [](const oracle::Matrix& a, const oracle::Matrix& b, const oracle::Matrix& c) {
    return oracle::kron({a, b, c});
  };
  const oracle::Matrix sum =
      oracle::add(1, oracle::add(1, three(w_, one2_, one3_), 1, three(one3_, b_, one3_)), 1,
                  three(one3_, one2_, v_));
  check("kronsum(W, B, V)", sum);
  check("2*kronsum(W, B, V) - rho*kron(I, I, I)", oracle::add(2, sum, -0.3, oracle::identity(18)));
  check("kronsum(W, B, V)'*kronsum(W, B, V)", oracle::multiply(oracle::transpose(sum), sum));
  check("kronsum(W)", w_);
  const oracle::Matrix ct = oracle::transpose(c_);
  check("kron(W, C') + rho*kron(V, C')*kron(W, I)",
        oracle::add(1, oracle::kron(w_, ct), 0.3, oracle::kron(oracle::multiply(v_, w_), ct)));
  check("(kron(I, C) - kron(W, C))*(kron(V, C') + tau*kron(I, C'))",
        oracle::multiply(oracle::kron(oracle::add(1, one3_, -1, w_), c_),
                         oracle::kron(oracle::add(1, v_, -0.2, one3_), ct)));
  check("inv(kron(W, B)*kron(V, inv(B)))*kronsum(V, B)",
        oracle::multiply(oracle::inverse(oracle::kron(oracle::multiply(w_, v_), one2_)),
                         oracle::add(1, oracle::kron(v_, one2_), 1, oracle::kron(one3_, b_))));
  check("inv(kron(I, I) - rho*kron(I, B) - tau*kron(W, I) + rho*tau*kron(W, B))",
        oracle::inverse(oracle::kron(minus_scaled(w_, -0.2), minus_scaled(b_, 0.3))));
}

}  // namespace
}  // namespace kronwerk::expressions
