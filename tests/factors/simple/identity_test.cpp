#include "factors/dense/dense_case.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::factors {
namespace {

TEST(Identity, CopiesBetweenViewsOfDifferentStrides) {
  const FactorPtr factor = make_identity(4);
  factorise_all({factor});
  for (const Index right : {1, 5}) {
    StridedBlock x(3, 4, right, 2, 1);
    StridedBlock y(3, 4, right, 0, 0);
    StridedBlock z(3, 4, right, 1, 7);
    x.fill(8);
    factor->apply(x.const_view(), y.view(), true);
    factor->factorisation()->solve(y.const_view(), z.view(), false);
    EXPECT_EQ(y.fibres().values, x.fibres().values);
    EXPECT_EQ(z.fibres().values, x.fibres().values);
    EXPECT_TRUE(z.gaps_untouched());
  }
}

TEST(Identity, HasDeterminantOneAndCostsNothing) {
  const FactorPtr factor = make_identity(4);
  factorise_all({factor});
  EXPECT_EQ(factor->factorisation()->determinant().log_abs, 0.0);
  EXPECT_EQ(factor->factorisation()->determinant().sign, 1);
  EXPECT_EQ(factor->flops_per_fibre(), 0.0);
  EXPECT_EQ(factor->bytes(), 0);
  std::vector<double> sum(16);
  factor->add_to_dense(3.0, sum);
  EXPECT_EQ(sum[5], 3.0);
  EXPECT_EQ(sum[4], 0.0);
  EXPECT_THROW(make_identity(-1), core::ShapeError);
}

}  // namespace
}  // namespace kronwerk::factors
