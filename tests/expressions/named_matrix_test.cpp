#include <gtest/gtest.h>

#include "expressions/expression_fixture.hpp"

namespace kronwerk::expressions {
namespace {

/// W depends on rho: there it goes by "W(rho=0.3)" where that is 0.3, and its derivative is V.
class NamedMatrix : public ExpressionFixture {
 protected:
  NamedMatrix() {
    symbols_.matrices["W"].derivatives["rho"] = "V";
    names_["W"] = "W(rho=0.3)";
    data_["W(rho=0.3)"] = data_["W"];
    data_.erase("W");
  }

  SumOfProducts derivative(const std::string& formula, const std::string& parameter) const {
    return simplify(differentiate(analyse(formula, symbols_, "test.yaml:1"), parameter),
                    symbols_.parameters, names_);
  }

  MatrixNames names_;
};

TEST_F(NamedMatrix, IsLookedUpByWhatItIsCalledAtTheParametersValues) {
  const auto expression = analyse("kron(rho*W + I, W')", symbols_, "test.yaml:1");
  EXPECT_EQ(factor_names(expression), (std::set<std::string>{"W"}));
  const SumOfProducts sum = simplify(expression, symbols_.parameters, names_);
  EXPECT_EQ(sum.text(), "kron(I + 0.3*W(rho=0.3), W(rho=0.3)')");
  EXPECT_LE(
      oracle::relative_error(dense(sum), oracle::kron(oracle::add(1, oracle::identity(3), 0.3, w_),
                                                      oracle::transpose(w_))),
      1e-13);
}

TEST_F(NamedMatrix, IsAnotherOneAtOtherValuesOfTheSameFormula) {
  const auto expression = analyse("kron(rho*W + I, W')", symbols_, "test.yaml:1");
  const SumOfProducts sum = simplify(expression, {{"rho", 0.5}}, {{"W", "W(rho=0.5)"}});
  EXPECT_EQ(sum.text(), "kron(I + 0.5*W(rho=0.5), W(rho=0.5)')");
}

TEST_F(NamedMatrix, IsDifferentiatedByTheChainRule) {
  const oracle::Matrix expected = oracle::add(1, oracle::kron(w_, b_), 0.3, oracle::kron(v_, b_));
  EXPECT_LE(oracle::relative_error(dense(derivative("rho*kron(W, B)", "rho")), expected), 1e-13);
  EXPECT_TRUE(derivative("kron(W, B)", "tau").terms.empty());
  const oracle::Matrix inverse = oracle::inverse(w_);
  const oracle::Matrix of_inverse = oracle::multiply(oracle::multiply(inverse, v_), inverse);
  EXPECT_LE(oracle::relative_error(dense(derivative("kron(B, inv(W'))", "rho")),
                                   oracle::add(-1, oracle::kron(b_, oracle::transpose(of_inverse)),
                                               0, oracle::kron(b_, w_))),
            1e-12);
}

}  // namespace
}  // namespace kronwerk::expressions
