#include <gtest/gtest.h>

#include "expressions/expression_fixture.hpp"

namespace kronwerk::expressions {
namespace {

/// W depends on rho and tau: it goes by "W(rho=0.3)", its derivative by rho is V.
class NamedMatrix : public ExpressionFixture {
 protected:
  NamedMatrix() {
    MatrixSymbol& symbol = symbols_.matrices["W"];
    symbol.identity = "W(rho=0.3)";
    symbol.derivatives["rho"] = "V";
    data_["W(rho=0.3)"] = data_["W"];
    data_.erase("W");
  }

  SumOfProducts derivative(const std::string& formula, const std::string& parameter) const {
    return simplify(differentiate(analyse(formula, symbols_, "test.yaml:1"), parameter),
                    symbols_.parameters);
  }
};

TEST_F(NamedMatrix, IsLookedUpByWhatItIsCalledAtTheParametersValues) {
  const auto expression = analyse("kron(rho*W + I, W')", symbols_, "test.yaml:1");
  EXPECT_EQ(factor_names(expression), (std::set<std::string>{"W(rho=0.3)"}));
  check("kron(rho*W + I, W')",
        oracle::kron(oracle::add(1, oracle::identity(3), 0.3, w_), oracle::transpose(w_)));
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
