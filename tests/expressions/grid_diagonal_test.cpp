// diag(v) of a vector over the whole grid: g has shape (3, 2), u is one-dimensional with 6 entries.
#include <gtest/gtest.h>

#include "expressions/expression_fixture.hpp"

namespace kronwerk::expressions {
namespace {

class GridDiagonalTest : public ExpressionFixture {
 protected:
  std::string message(const std::string& formula) const {
    try {
      static_cast<void>(simplified(formula));
    } catch (const core::ConfigurationError& error) {
      return error.what();
    }
    return "accepted";
  }

  oracle::Matrix g_ = grid_diagonal("g");
  oracle::Matrix u_ = grid_diagonal("u");
  oracle::Matrix wb_ = oracle::kron(w_, b_);
  oracle::Matrix vb_ = oracle::kron(v_, oracle::transpose(b_));
};

TEST_F(GridDiagonalTest, EveryFormulaEqualsItsDenseEvaluation) {
  using oracle::multiply;
  const oracle::Matrix one = oracle::identity(6);
  check("diag(g)", g_);
  check("diag(g)*kron(W, B)", multiply(g_, wb_));
  check("kron(W, B)*diag(g)", multiply(wb_, g_));
  check("kron(W, B)*diag(g)*kron(V, B')", multiply(wb_, multiply(g_, vb_)));
  check("(kron(W, B)*diag(g)*kron(V, B')*diag(u))'",
        oracle::transpose(multiply(wb_, multiply(g_, multiply(vb_, u_)))));
  check("inv(kron(W, B)*diag(g)*2*kron(W, B)*diag(u))",
        oracle::inverse(multiply(wb_, multiply(g_, multiply(oracle::add(2, wb_, 0, wb_), u_)))));
  check("diag(g) + 3*I", oracle::add(1, g_, 3, one));
  check("rho*diag(g) - kron(W, B)*(diag(u) + I)",
        oracle::add(0.3, g_, -1, multiply(wb_, oracle::add(1, u_, 1, one))));
  check(
      "kron(W, B)*diag(g)*kron(V, B') + kron(W*V, I)*diag(g)*kron(V, B')",
      multiply(oracle::add(1, wb_, 1, oracle::kron(oracle::multiply(w_, v_), oracle::identity(2))),
               multiply(g_, vb_)));
  check("kron(W, C)*kron(V, C')",
        multiply(oracle::kron(w_, c_), oracle::kron(v_, oracle::transpose(c_))));
}

TEST_F(GridDiagonalTest, NeighboursMergeAndLikeTermsAreOne) {
  EXPECT_EQ(simplified("diag(u)*diag(g)*kron(W, B)*diag(g)").text(),
            "diag(g)*diag(u)*kron(W, B)*diag(g)");
  EXPECT_EQ(simplified("diag(g)*kron(W, B)*inv(kron(W, B))*inv(diag(g))").text(), "kron(I, I)");
  EXPECT_EQ(simplified("kron(W, B)*diag(g)*inv(diag(g))*kron(V, I)").text(), "kron(W*V, B)");
  EXPECT_EQ(simplified("diag(g)*kron(W, B) + 2*diag(g)*kron(W, B)").text(), "3*diag(g)*kron(W, B)");
  EXPECT_EQ(simplified("diag(g)*kron(W, B) - diag(g)*kron(W, B)").text(), "0");
  EXPECT_EQ(simplified("kron(W, B)*diag(g) + kron(V, B)*diag(g)").text(), "kron(V + W, B)*diag(g)");
  EXPECT_EQ(simplified("diag(g)*kron(W, B) + diag(u)*kron(W, B)").terms.size(), 2U);
}

TEST_F(GridDiagonalTest, AVectorOfOneDimensionRunsOverAGridOfAsManyPoints) {
  check("diag(u)*kron(W, B)", oracle::multiply(u_, wb_));
  check("(2*diag(u) + I)*kron(W, B)",
        oracle::multiply(oracle::add(2, u_, 1, oracle::identity(6)), wb_));
  // In one mode it stays a factor.
  EXPECT_TRUE(simplified("kron(diag(v), B)").terms[0].steps.empty());
  const Expression both = analyse("kron(diag(v) + W, B) + diag(g)*inv(diag(u))", symbols_, "x");
  EXPECT_EQ(grid_vectors(both), (std::map<std::string, Extents>{{"g", {3, 2}}, {"u", {3, 2}}}));
  EXPECT_EQ(factor_names(both), (std::set<std::string>{"B", "W", "v"}));
}

TEST_F(GridDiagonalTest, ADenseDatasetOfTwoDimensionsIsAMatrixAndAGridVector) {
  symbols_.matrices["C"].grid = {3, 2};
  EXPECT_EQ(simplified("diag(C)*kron(W, C'*C)").text(), "diag(C)*kron(W, C'*C)");
  const Expression both = analyse("diag(C)*kron(W, C'*C)", symbols_, "x");
  EXPECT_EQ(grid_vectors(both), (std::map<std::string, Extents>{{"C", {3, 2}}}));
  EXPECT_TRUE(factor_names(both).contains("C"));
}

TEST_F(GridDiagonalTest, DerivativesPassThroughTheDiagonal) {
  const Expression expression =
      analyse("diag(g)*kron(I - rho*W, B)*diag(u) + rho^2*diag(g)", symbols_, "x");
  const auto derivative = simplify(differentiate(expression, "rho"), symbols_.parameters);
  const oracle::Matrix inner =
      oracle::multiply(g_, oracle::multiply(oracle::kron(oracle::add(-1, w_, 0, w_), b_), u_));
  EXPECT_LE(oracle::relative_error(dense(derivative), oracle::add(1, inner, 0.6, g_)), 1e-13);
}

TEST_F(GridDiagonalTest, RefusesWhatHasNoMeaningUnderACaret) {
  EXPECT_EQ(message("diag(v)*kron(W, B)"),
            "test.yaml:1: 'v' has 3 entries and the grid is (3, 2), 6 points\n"
            "    diag(v)*kron(W, B)\n    ^~~~~~~");
  EXPECT_NE(message("diag(g)*kron(B, W)").find("the shapes do not conform"), std::string::npos);
  EXPECT_EQ(
      message("kron(diag(g), W)").find("test.yaml:1: 'diag(g)' holds a diagonal over a whole"), 0U)
      << message("kron(diag(g), W)");
  EXPECT_NE(message("kron(diag(g), W)").find("\n         ^~~~~~~"), std::string::npos);
  EXPECT_NE(message("kronsum(diag(g), W)"), "accepted");
  EXPECT_NE(message("inv(diag(g) + kron(W, B))").find("'task: solve'"), std::string::npos);
}

}  // namespace
}  // namespace kronwerk::expressions
