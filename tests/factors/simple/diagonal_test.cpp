#include <cmath>

#include "factors/dense/dense_case.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::factors {
namespace {

const std::vector<double> values = {2.0, -0.5, 4.0, -1.0, -8.0};

oracle::Matrix as_matrix() {
  oracle::Matrix result(5, 5);
  for (Index i = 0; i < 5; ++i) result(i, i) = values[static_cast<std::size_t>(i)];
  return result;
}

TEST(Diagonal, AppliesAndSolvesAlongEveryKindOfView) {
  const FactorPtr factor = make_diagonal("diag(v)", values);
  factorise_all({factor});
  for (const Index right : {1, 6}) {
    for (const Index gap : {0, 3}) {
      for (const bool transposed : {false, true}) {
        StridedBlock x(4, 5, right, gap, 2);
        StridedBlock y(4, 5, right, 0, 1);
        x.fill(1);
        factor->apply(x.const_view(), y.view(), transposed);
        EXPECT_EQ(y.fibres().values, oracle::multiply(as_matrix(), x.fibres()).values);
        EXPECT_TRUE(y.gaps_untouched());
        factor->factorisation()->solve(y.const_view(), y.view(), transposed);
        EXPECT_LT(oracle::relative_error(y.fibres(), x.fibres()), 1e-15);
      }
    }
  }
}

TEST(Diagonal, GivesSignedDeterminantAndCondition) {
  const FactorPtr factor = make_diagonal("diag(v)", values);
  factorise_all({factor});
  const Determinant determinant = factor->factorisation()->determinant();
  EXPECT_NEAR(determinant.log_abs, std::log(32.0), 1e-14);
  EXPECT_EQ(determinant.sign, -1);
  EXPECT_DOUBLE_EQ(factor->factorisation()->condition(), 16.0);
  EXPECT_EQ(factor->diagonal(), values);
  std::vector<double> sum(25);
  factor->add_to_dense(1.0, sum);
  EXPECT_EQ(sum, as_matrix().values);
}

TEST(Diagonal, RefusesAZeroByName) {
  const FactorPtr factor = make_diagonal("diag(v)", std::vector<double>{1.0, 0.0});
  try {
    factorise_all({factor});
    ADD_FAILURE() << "not refused";
  } catch (const core::DataError& error) {
    EXPECT_NE(std::string(error.what()).find("'diag(v)' (2 x 2)"), std::string::npos);
  }
  EXPECT_EQ(factor->factorisation(), nullptr);
}

}  // namespace
}  // namespace kronwerk::factors
