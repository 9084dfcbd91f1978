#include <gtest/gtest.h>

#include "expressions/expression_fixture.hpp"

namespace kronwerk::expressions {
namespace {

class SimplifyTest : public ExpressionFixture {};

TEST_F(SimplifyTest, EveryFormulaEqualsItsDenseEvaluation) {
  // W, V: 3 x 3; B: 2 x 2; C: 3 x 2; v: 3.
  check("kron(I - rho*W, I - tau*B)", oracle::kron(minus_scaled(w_, 0.3), minus_scaled(b_, -0.2)));
  check("kron(W, C)", oracle::kron(w_, c_));
  check("kron(C', W)", oracle::kron(oracle::transpose(c_), w_));
  check("W", w_);
  check("2*W + V", oracle::add(2, w_, 1, v_));
  check("kron(I, B) - rho*kron(W, B)",
        oracle::add(1, oracle::kron(oracle::identity(3), b_), -0.3, oracle::kron(w_, b_)));
  check("kron(W, B)*kron(V, B)", oracle::multiply(oracle::kron(w_, b_), oracle::kron(v_, b_)));
  check("kron(W*V, inv(B))", oracle::kron(oracle::multiply(w_, v_), oracle::inverse(b_)));
  check("inv(kron(W, B))'", oracle::transpose(oracle::inverse(oracle::kron(w_, b_))));
  check("kronsum(W, B)", oracle::add(1, oracle::kron(w_, oracle::identity(2)), 1,
                                     oracle::kron(oracle::identity(3), b_)));
  check("kron(diag(v) + W', C'*C)",
        oracle::kron(oracle::add(1, diagonal_, 1, oracle::transpose(w_)),
                     oracle::multiply(oracle::transpose(c_), c_)));
  check("kron(I + inv(W), eye(4))",
        oracle::kron(oracle::add(1, oracle::identity(3), 1, oracle::inverse(w_)),
                     oracle::identity(4)));
  check("kron(I - rho*W*V - rho^2*W', B)",
        oracle::kron(
            oracle::add(1, oracle::add(1, oracle::identity(3), -0.3, oracle::multiply(w_, v_)),
                        -0.09, oracle::transpose(w_)),
            b_));
  check("kron(eye(2), kron(W, eye(cols(B))))",
        oracle::kron({oracle::identity(2), w_, oracle::identity(2)}));
  check("exp(rho)*kron(W, B)/sqrt(4)",
        oracle::add(std::exp(0.3) / 2, oracle::kron(w_, b_), 0, oracle::kron(w_, b_)));
}

TEST_F(SimplifyTest, RankOneCoefficientsAreOneProduct) {
  const auto sum = simplified("kron(I, I) - rho*kron(I, V) - tau*kron(W, I) + rho*tau*kron(W, V)");
  ASSERT_EQ(sum.terms.size(), 1U);
  EXPECT_EQ(
      simplified("kron(I, I) - rho*kron(I, V) - tau*kron(W, I) - 0.1*kron(W, V)").terms.size(), 2U);
}

TEST_F(SimplifyTest, DropsWhatCancelsAndMergesWhatIsAlike) {
  EXPECT_TRUE(simplified("kron(W, B) - kron(W, B)").terms.empty());
  EXPECT_EQ(simplified("kron(W, B) + 2*kron(W, B)").text(), "3*kron(W, B)");
  EXPECT_EQ(simplified("W*inv(W)").text(), "I");
  EXPECT_EQ(simplified("W''").text(), "W");
  EXPECT_EQ(simplified("kron(I - W, B)").text(), "kron(I - W, B)");
  EXPECT_EQ(simplified("0*kron(W, B)").text(), "0");
}

TEST_F(SimplifyTest, TheInverseOfASumOfProductsIsRefusedWithACaret) {
  try {
    static_cast<void>(simplified("inv(kronsum(W, B))"));
    FAIL() << "nothing was thrown";
  } catch (const core::ConfigurationError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("sum of 2 Kronecker products"), std::string::npos) << message;
    EXPECT_NE(message.find("\n    ^~~~"), std::string::npos) << message;
  }
}

TEST_F(SimplifyTest, DerivativesAgreeWithCentralDifferences) {
  for (const char* formula :
       {"kron(I - rho*W, I - tau*B)", "kron(inv(9*I - rho*W), B)",
        "rho^2*kron(W, B) + exp(rho*tau)*kron(V, B)", "kron(I - rho*W, I - rho*B)'",
        "kronsum(rho*W, B/rho)", "kron(W, B)*kron(I - rho*V, B*rho)",
        "inv(kron(9*I - rho*W, sqrt(rho)*B))", "kron(log(1 + rho)*W', B)"}) {
    for (const char* parameter : {"rho", "tau"}) {
      const Expression expression = analyse(formula, symbols_, "test.yaml:1");
      const double step = 1e-5;
      auto above = symbols_.parameters;
      auto below = symbols_.parameters;
      above[parameter] += step;
      below[parameter] -= step;
      const auto difference = oracle::add(0.5 / step, dense(simplify(expression, above)),
                                          -0.5 / step, dense(simplify(expression, below)));
      const auto exact = dense(simplify(differentiate(expression, parameter), symbols_.parameters));
      EXPECT_LE(oracle::relative_error(exact, difference), 1e-7) << formula << " by " << parameter;
    }
  }
}

TEST_F(SimplifyTest, DerivativesAreTakenBeforeSimplification) {
  // At rho = tau the operator is zero, its derivative is not.
  const Expression expression = analyse("(rho - tau)*kron(W, B)", symbols_, "test.yaml:1");
  const std::map<std::string, double> equal{{"rho", 0.3}, {"tau", 0.3}};
  EXPECT_TRUE(simplify(expression, equal).terms.empty());
  EXPECT_EQ(simplify(differentiate(expression, "rho"), equal).text(), "kron(W, B)");
}

}  // namespace
}  // namespace kronwerk::expressions
