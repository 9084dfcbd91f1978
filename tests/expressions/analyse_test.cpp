#include <gtest/gtest.h>

#include "expressions/expression_fixture.hpp"

namespace kronwerk::expressions {
namespace {

class AnalyseTest : public ExpressionFixture {
 protected:
  std::string refusal(const std::string& formula) const {
    try {
      static_cast<void>(analyse(formula, symbols_, "job.yaml:5"));
    } catch (const core::ConfigurationError& error) {
      return error.what();
    }
    return "accepted";
  }
  void expect_refused(const std::string& formula, const std::string& what,
                      const std::string& carets) const {
    const std::string message = refusal(formula);
    EXPECT_EQ(message.rfind("job.yaml:5", 0), 0U) << message;
    EXPECT_NE(message.find(what), std::string::npos) << message;
    EXPECT_NE(message.find("\n    " + carets), std::string::npos) << message;
  }
};

TEST_F(AnalyseTest, InfersTheSizeOfIdentitiesPositionByPosition) {
  EXPECT_EQ(analyse("kron(I, I) - rho*kron(W, B)", symbols_, "x").row_extents(), (Extents{3, 2}));
  EXPECT_EQ(analyse("kron(I - W, C)", symbols_, "x").col_extents(), (Extents{3, 2}));
  EXPECT_EQ(analyse("I*W + I", symbols_, "x").row_extents(), (Extents{3}));
  EXPECT_EQ(analyse("kron(eye(rows(C)), I*B)", symbols_, "x").row_extents(), (Extents{3, 2}));
}

TEST_F(AnalyseTest, PrintsTheSizesOfIdentitiesThatAreWritten) {
  const Expression expression = analyse("kron(eye(rows(B)), I*W) + I", symbols_, "x");
  EXPECT_EQ(expression.text(), "kron(eye(2), I*W) + I");
  EXPECT_EQ(analyse(expression.text(), symbols_, "x").row_extents(), (Extents{2, 3}));
  EXPECT_EQ(analyse("eye(3)'*W", symbols_, "x").text(), "eye(3)'*W");
}

TEST_F(AnalyseTest, RefusesASizeThatCannotBeInferred) {
  EXPECT_NE(refusal("kron(I, W)").find("cannot be inferred"), std::string::npos)
      << refusal("kron(I, W)");
}

TEST_F(AnalyseTest, ShowsShapesThatDoNotConformUnderTheFormula) {
  expect_refused("kron(W, W + B)", "3 x 3", "        ^~~~~");
  EXPECT_NE(refusal("kron(W, W + B)").find("2 x 2"), std::string::npos);
  EXPECT_NE(refusal("W*B"), "accepted");
  EXPECT_NE(refusal("kron(W, B) + kron(B, W)"), "accepted");
  EXPECT_NE(refusal("inv(C)"), "accepted");
}

TEST_F(AnalyseTest, RefusesUnknownNamesWithASuggestion) {
  expect_refused("kron(I - roh*W, B)", "did you mean 'rho'", "         ^~~");
  EXPECT_NE(refusal("krn(W, B)").find("kron"), std::string::npos) << refusal("krn(W, B)");
}

TEST_F(AnalyseTest, RefusesWhatHasNoMeaning) {
  for (const char* formula :
       {"rho", "v", "W + rho", "W/W", "W^2", "kron(v, W)", "diag(W)", "exp(W)", "kron()", "W < V",
        "kron(rho, W)", "eye(1.5)*W", "rho'", "2 W"}) {
    EXPECT_NE(refusal(formula), "accepted") << formula;
  }
}

TEST_F(AnalyseTest, EvaluatesFormulasOfParametersAlone) {
  const std::map<std::string, double> parameters{{"lambda", 0.25}};
  EXPECT_EQ(evaluate_scalar("2*sqrt(lambda) + 1", parameters, "x"), 2);
  EXPECT_EQ(evaluate_scalar("0.5", {}, "x"), 0.5);
  for (const char* formula : {"lamda", "I", "eye(3)", "lambda*I", ""}) {
    EXPECT_THROW(evaluate_scalar(formula, parameters, "x"), core::ConfigurationError) << formula;
  }
  EXPECT_THROW(evaluate_scalar("log(0*lambda)", parameters, "x"), core::DataError);
}

TEST_F(AnalyseTest, ListsTheNamesInUse) {
  const auto used = used_names("kron(I - rho*W, diag(v))", "x");
  for (const char* name : {"rho", "W", "v"}) {
    EXPECT_NE(std::find(used.matrices.begin(), used.matrices.end(), name), used.matrices.end());
  }
}

}  // namespace
}  // namespace kronwerk::expressions
