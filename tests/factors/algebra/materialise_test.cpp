#include <gtest/gtest.h>

#include <string>

#include "factors/dense/dense_case.hpp"
#include "factors/sparse/sparse_cases.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/factors/base/chain.hpp"
#include "kronwerk/factors/dense/dense_values.hpp"
#include "support/growing_matrix.hpp"

namespace kronwerk::factors::test {
namespace {

Matrix formed(const Chain& chain) {
  const FactorPtr factor = materialise(world(), "M", chain);
  Matrix result(factor->rows(), factor->cols());
  factor->add_to_dense(1, result.values);
  return result;
}

TEST(Materialise, FormsWhatTheLinksAreInTheirOrder) {
  // Wider than one panel of columns.
  const Index n = 70;
  const Matrix a = oracle::random_regular(n, 1), b = oracle::random_matrix(n, 5, 2);
  const Matrix c = oracle::random_regular(5, 3), d = oracle::random_matrix(5, 67, 4);
  const Matrix w = shifted(weights(Graph::directed, n), 0.4);
  const Chain chain{{dense_factor(a, "A"), true, true},
                    {sparse_factor("W", w), false, true},
                    {dense_factor(b, "B")},
                    {dense_factor(c, "C"), false, true},
                    {dense_factor(d, "D")}};
  const Matrix left = oracle::multiply(oracle::inverse(oracle::transpose(a)), oracle::inverse(w));
  const Matrix right = oracle::multiply(oracle::inverse(c), d);
  const Matrix expected = oracle::multiply(left, oracle::multiply(b, right));
  EXPECT_LT(oracle::relative_error(formed(chain).values, expected.values), 1e-11);
  const Matrix back = formed(transposed(chain));
  EXPECT_LT(oracle::relative_error(back.values, oracle::transpose(expected).values), 1e-11);
}

/// The decomposition loses twelve digits; refinement brings them back.
TEST(Materialise, RefinesAnInverseWhoseDecompositionLosesDigits) {
  const Matrix g = oracle::growing_matrix(45);
  for (const bool transposed : {false, true}) {
    const Matrix inverse = formed({{dense_factor(g, "G"), transposed, true}});
    const Matrix of = transposed ? oracle::transpose(g) : g;
    const Matrix product = oracle::multiply(of, inverse);
    EXPECT_LT(oracle::relative_error(product.values, oracle::identity(45).values), 1e-13)
        << transposed;
  }
}

TEST(Materialise, RefusesAnInverseWhoseDecompositionLosesAllDigits) {
  try {
    formed({{dense_factor(oracle::growing_matrix(90), "G"), false, true}});
    FAIL() << "formed";
  } catch (const core::ConvergenceError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("the inverse of 'G' (90 x 90)"), std::string::npos) << message;
    EXPECT_NE(message.find("refinement leads no further"), std::string::npos) << message;
  }
}

/// Ill-conditioned, but decomposed without loss: as accurate as the condition allows.
TEST(Materialise, TakesAnIllConditionedInverseThatIsAccurate) {
  const Index n = 9;
  Matrix hilbert(n, n);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) hilbert(i, j) = 1.0 / static_cast<double>(i + j + 1);
  }
  EXPECT_NO_THROW(formed({{dense_factor(hilbert, "H"), false, true}}));
}

}  // namespace
}  // namespace kronwerk::factors::test
