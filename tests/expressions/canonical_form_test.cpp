// Which formulas are the same factor, and which factors are never formed.
#include <gtest/gtest.h>

#include "expressions/expression_fixture.hpp"

namespace kronwerk::expressions {
namespace {

class CanonicalFormTest : public ExpressionFixture {
 protected:
  SumOfProducts derivative(const std::string& formula, const std::string& parameter) const {
    return simplify(differentiate(analyse(formula, symbols_, "x"), parameter), symbols_.parameters);
  }
};

TEST_F(CanonicalFormTest, OrderAndSignOfASumDoNotMakeANewFactor) {
  EXPECT_EQ(simplified("rho*W - I").text(), "-(I - 0.3*W)");
  Lowering lowering(comm_, data_);
  const auto product =
      lowering.lower(simplified("kron(I - rho*W, rho*W - I, (2*I - 2*rho*W)', inv(-rho*W + I))"))
          .front();
  EXPECT_DOUBLE_EQ(product.scale, -2);
  for (const factors::Chain& chain : product.chains) {
    ASSERT_EQ(chain.size(), 1U);
    EXPECT_EQ(chain[0].factor, product.chains[0][0].factor);
  }
  EXPECT_EQ(simplified("kron(W + V, V + W)").text(), "kron(V + W, V + W)");
}

TEST_F(CanonicalFormTest, SumsWithATinyLeadingCoefficientStayInScale) {
  EXPECT_EQ(simplified("1e-300*I - W").text(), "1e-300*I - W");
  EXPECT_EQ(simplified("W - 1e-300*I").text(), "-(1e-300*I - W)");
  EXPECT_EQ(simplified("4*I - W").text(), "4*(I - 0.25*W)");
}

TEST_F(CanonicalFormTest, CompositionsAreChainsOfTheFactorsTheyName) {
  Lowering lowering(comm_, data_);
  const auto product = lowering.lower(simplified("inv(kron(W*V', B))*kron(I, B')")).front();
  ASSERT_EQ(product.chains[0].size(), 2U);
  EXPECT_EQ(product.chains[0][0].factor, data_.at("V"));
  EXPECT_TRUE(product.chains[0][0].transposed && product.chains[0][0].inverse);
  EXPECT_EQ(product.chains[0][1].factor, data_.at("W"));
  ASSERT_EQ(product.chains[1].size(), 2U);
  EXPECT_EQ(product.chains[1][0].factor, product.chains[1][1].factor);
}

TEST_F(CanonicalFormTest, MoreFormulasEqualTheirDenseEvaluation) {
  const oracle::Matrix low = minus_scaled(w_, 0.3);
  const oracle::Matrix right = minus_scaled(v_, -0.2);
  check("kron((I - rho*W)*(I - tau*V)', B)",
        oracle::kron(oracle::multiply(low, oracle::transpose(right)), b_));
  check("inv(kron(C'*C, W))",
        oracle::inverse(oracle::kron(oracle::multiply(oracle::transpose(c_), c_), w_)));
  check("(W + V)' + (I - rho*W)'",
        oracle::transpose(oracle::add(1, oracle::add(1, w_, 1, v_), 1, low)));
  check("kron(W, B) + kron(W*V, B) - kron(inv(W), B)",
        oracle::kron(oracle::add(1, oracle::add(1, w_, 1, oracle::multiply(w_, v_)), -1,
                                 oracle::inverse(w_)),
                     b_));
  check("(kron(W, I) + kron(V, B))*kron(V', B')",
        oracle::multiply(
            oracle::add(1, oracle::kron(w_, oracle::identity(2)), 1, oracle::kron(v_, b_)),
            oracle::transpose(oracle::kron(v_, b_))));
  check("inv(kron(I, I) - rho*kron(W, eye(2)))",
        oracle::inverse(oracle::kron(low, oracle::identity(2))));
}

TEST_F(CanonicalFormTest, TermsWhoseSumMustBeFormedStayApart) {
  EXPECT_EQ(simplified("kron(W, B) + kron(W*V, B)").terms.size(), 2U);
  EXPECT_EQ(simplified("kron(W, B) + kron(V, B)").terms.size(), 1U);
  // As one factor, because it is written as one and a solve needs it.
  EXPECT_EQ(simplified("kron(W + W*V, B)").terms.size(), 1U);
}

TEST_F(CanonicalFormTest, DerivativesFormNoFactor) {
  const auto sum = derivative("kron(inv(I - rho*W)*V*inv(I - rho*V), B)", "rho");
  EXPECT_EQ(sum.terms.size(), 2U);
  Lowering lowering(comm_, data_);
  for (const LoweredProduct& product : lowering.lower(sum)) {
    EXPECT_GE(product.chains[0].size(), 4U) << product.text;
  }
  EXPECT_EQ(derivative("kron(I - rho*W, I - rho*B)", "rho").terms.size(), 2U);
  EXPECT_TRUE(derivative("kron(I - rho*W, B)", "tau").terms.empty());
}

}  // namespace
}  // namespace kronwerk::expressions
