#include "kronwerk/operators/products/judged_product.hpp"

#include <cmath>

#include "operators/base/operator_fixture.hpp"
#include "support/growing_matrix.hpp"

namespace kronwerk::operators {
namespace {

using factors::Chain;
using factors::Link;
using oracle::Matrix;

class JudgedProduct : public OperatorFixture {
 protected:
  static Link link(const Matrix& matrix) { return {make_factor(matrix)}; }
  static Link inverse(const Matrix& matrix) { return {make_factor(matrix), false, true}; }

  OperatorPtr make_judged(double scale, std::vector<Chain> chains, Index batch = 1,
                          std::optional<int> leading_modes = std::nullopt) {
    Judging judging;
    judging.tell = [this](const Verdict& verdict) { verdicts_.push_back(verdict); };
    return make_judged_product(comm_, workspace_, {scale, std::move(chains)}, batch, leading_modes,
                               judging);
  }

  std::vector<Verdict> verdicts_;
};

TEST_F(JudgedProduct, AgreesWithTheDenseMatrixWhereverTheInversesStand) {
  const Matrix a = oracle::random_regular(5, 1), b = oracle::random_matrix(5, 3, 2);
  const Matrix c = oracle::random_matrix(2, 4, 3), d = oracle::random_regular(4, 4);
  const Matrix e = oracle::random_matrix(4, 7, 5), f = oracle::random_regular(3, 6);
  const std::vector<Chain> chains{
      {inverse(a), link(b)}, {link(c), inverse(d), link(e)}, {Link{make_factor(f), true, true}}};
  const Matrix dense =
      oracle::kron(oracle::multiply(oracle::inverse(a), b),
                   oracle::kron(oracle::multiply(c, oracle::multiply(oracle::inverse(d), e)),
                                oracle::transpose(oracle::inverse(f))));
  for (const int leading_modes : {0, 1, 2}) {
    const auto split = leading_modes == 0 ? std::nullopt : std::optional(leading_modes);
    verdicts_.clear();
    const auto op = make_judged(1.7, chains, 1, split);
    expect_is(*op, oracle::add(1.7, dense, 0, dense), 1e-11);
    ASSERT_GE(verdicts_.size(), 2);
    for (const Verdict& verdict : verdicts_) {
      EXPECT_TRUE(verdict.accepted);
      EXPECT_LT(verdict.worst(), 1e-12);
    }
  }
}

TEST_F(JudgedProduct, JudgesEveryVectorOfABatch) {
  const Matrix a = oracle::random_regular(6, 7);
  const auto op =
      make_judged(1, {{Link{factors::make_identity(3)}}, {inverse(a)}, chains({a})[0]}, 3);
  std::vector<double> x = oracle::random_vector(3 * 36, 8);
  x[40] = std::nan("");
  apply(*op, x);
  ASSERT_EQ(verdicts_.size(), 1);
  ASSERT_EQ(verdicts_[0].residuals.size(), 3);
  EXPECT_FALSE(verdicts_[0].accepted);
  EXPECT_EQ(verdicts_[0].worst_column(), 1);
  EXPECT_LT(verdicts_[0].residuals[0], 1e-12);
  EXPECT_LT(verdicts_[0].residuals[2], 1e-12);
}

TEST_F(JudgedProduct, RefinesWhatPivotingHasLost) {
  const Matrix a = oracle::growing_matrix(45);
  const std::vector<Chain> chains{{inverse(a)}, {link(oracle::random_matrix(2, 3, 9))}};
  const std::vector<double> x = oracle::random_vector(45 * 3, 10);
  const ProductSum plain(comm_, workspace_, {{1.0, chains}});
  const auto op = make_judged(1, chains);
  // Without refinement, half of the digits are gone.
  const auto product_of = [&](const std::vector<double>& y) {
    return oracle::relative_error(
        oracle::multiply(oracle::kron(a, oracle::identity(2)), y),
        oracle::multiply(oracle::kron(oracle::identity(45), oracle::random_matrix(2, 3, 9)), x));
  };
  EXPECT_GT(product_of(apply(plain, x)), 1e-8);
  EXPECT_LT(product_of(apply(*op, x)), 1e-9);
  ASSERT_EQ(verdicts_.size(), 1);
  EXPECT_TRUE(verdicts_[0].accepted);
  EXPECT_GE(verdicts_[0].refinements, 1);
}

TEST_F(JudgedProduct, RejectsWhatCannotBeRefined) {
  const auto op =
      make_judged(1, {{inverse(oracle::growing_matrix(90))}, {link(oracle::identity(2))}});
  apply(*op, oracle::random_vector(180, 11));
  ASSERT_EQ(verdicts_.size(), 1);
  EXPECT_FALSE(verdicts_[0].accepted);
  EXPECT_GT(verdicts_[0].worst(), 1e-10);
  EXPECT_FALSE(verdicts_[0].rounding.has_value());
}

}  // namespace
}  // namespace kronwerk::operators
