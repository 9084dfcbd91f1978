#include "kronwerk/expressions/lowering.hpp"

#include <gtest/gtest.h>

#include "expressions/expression_fixture.hpp"

namespace kronwerk::expressions {
namespace {

class LoweringTest : public ExpressionFixture {};

TEST_F(LoweringTest, EqualFactorsAreBuiltAndFactorisedOnce) {
  Lowering lowering(comm_, data_);
  const auto product = lowering.lower(simplified("kron(I - rho*W, I - rho*W)")).front();
  EXPECT_EQ(product.chains[0][0].factor, product.chains[1][0].factor);
  const auto adjoint = lowering.lower(simplified("kron(I - rho*W, I - rho*W)'")).front();
  EXPECT_EQ(adjoint.chains[0][0].factor, product.chains[0][0].factor);
  EXPECT_TRUE(adjoint.chains[0][0].transposed);
  auto workspace = std::make_shared<operators::Workspace>(comm_);
  const operators::KroneckerProduct op(comm_, workspace, 1, product.chains);
  const auto before = factors::factorisation_count();
  static_cast<void>(op.inverse());
  EXPECT_EQ(factors::factorisation_count(), before + 1);
}

TEST_F(LoweringTest, TransposesAndInversesOfMatricesAreFlagsOfOneFactor) {
  Lowering lowering(comm_, data_);
  const auto product = lowering.lower(simplified("kron(W', inv(W))")).front();
  EXPECT_EQ(product.chains[0][0].factor, data_.at("W"));
  EXPECT_TRUE(product.chains[0][0].transposed);
  EXPECT_EQ(product.chains[1][0].factor, data_.at("W"));
  EXPECT_TRUE(product.chains[1][0].inverse);
}

TEST_F(LoweringTest, EstimatesDistinguishIdentitiesAndCountStoredEntries) {
  Symbols symbols = symbols_;
  symbols.matrices["S"] = {100, 100, false, true, 600};
  const auto sum = simplify(analyse("kron(eye(5), S)", symbols, "test.yaml:1"), symbols.parameters);
  const auto apply = estimate_modes(sum.terms.front(), symbols, false);
  EXPECT_TRUE(apply[0].identity);
  EXPECT_DOUBLE_EQ(apply[1].flops_per_fibre, 1200);
  const auto solve = estimate_modes(sum.terms.front(), symbols, true);
  EXPECT_GT(solve[1].flops_per_fibre, 1200);
  EXPECT_GT(estimate_factor_bytes(sum.terms.front(), symbols, true),
            estimate_factor_bytes(sum.terms.front(), symbols, false));
}

TEST_F(LoweringTest, OnesAreVectorsAloneAndBesideTheIdentity) {
  Lowering lowering(comm_, data_);
  const auto sum = simplified("2*kron(ones(rows(W))', W) + kron(I + rho*ones(rows(W)), W)*3");
  EXPECT_EQ(sum.text().find("'"), std::string::npos) << sum.text();
  for (const auto& product : lowering.lower(sum)) {
    EXPECT_EQ(product.chains[0][0].factor->kind(), factors::Kind::rank_one);
  }
  EXPECT_EQ(analyse("kron(ones(2 + 1), W)", symbols_, "x").text(), "kron(ones(3), W)");
  const auto derivative = differentiate(analyse("kron(ones(3), rho*W)", symbols_, "x"), "rho");
  EXPECT_EQ(simplify(derivative, symbols_.parameters).text(), "kron(ones(3), W)");
}

}  // namespace
}  // namespace kronwerk::expressions
