#include "factors/dense/dense_case.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::factors {
namespace {

TEST(Chain, KnowsItsShape) {
  const FactorPtr a = dense_factor(oracle::random_matrix(3, 5, 1));
  const FactorPtr b = dense_factor(oracle::random_matrix(7, 5, 2));
  const Chain chain = {Link{a}, Link{b, true}};
  EXPECT_EQ(rows(chain), 3);
  EXPECT_EQ(cols(chain), 7);
  EXPECT_EQ(rows(transposed(chain)), 7);
  EXPECT_EQ(cols(transposed(chain)), 3);
  EXPECT_EQ(flops_per_fibre(chain), 2.0 * (15 + 35));
  EXPECT_FALSE(is_identity(chain));
  EXPECT_TRUE(is_identity({Link{make_identity(2)}, Link{make_identity(2), true, true}}));
}

TEST(Chain, TransposesAndInvertsInReverseOrder) {
  const FactorPtr a = dense_factor(oracle::random_matrix(3, 3, 1));
  const FactorPtr b = dense_factor(oracle::random_matrix(3, 3, 2));
  const Chain chain = {Link{a, true, false}, Link{b, false, true}};
  const Chain flipped = transposed(chain);
  EXPECT_EQ(flipped[0].factor, b);
  EXPECT_TRUE(flipped[0].transposed && flipped[0].inverse);
  EXPECT_FALSE(flipped[1].transposed || flipped[1].inverse);
  const Chain inverted = inverse(chain);
  EXPECT_EQ(inverted[1].factor, a);
  EXPECT_TRUE(inverted[1].transposed && inverted[1].inverse);
  EXPECT_FALSE(inverted[0].inverse);
}

TEST(Chain, RefusesToInvertARectangularLink) {
  const FactorPtr a = dense_factor(oracle::random_matrix(3, 5, 1), "B");
  EXPECT_THROW(inverse({Link{a}, Link{a, true}}), core::ShapeError);
}

TEST(Chain, ListsWhatMustBeFactorisedOnce) {
  const FactorPtr a = dense_factor(oracle::random_regular(3, 1));
  const FactorPtr b = dense_factor(oracle::random_regular(3, 2));
  const Chain chain = {Link{a, false, true}, Link{b}, Link{a, true, true}};
  EXPECT_EQ(to_factorise(chain), std::vector<FactorPtr>{a});
  const Index before = factorisation_count();
  factorise_all(to_factorise(chain));
  EXPECT_EQ(factorisation_count(), before + 1);
  EXPECT_TRUE(to_factorise(chain).empty());
}

TEST(Chain, RefusesAnInverseThatWasNotFactorised) {
  const FactorPtr a = dense_factor(oracle::random_regular(3, 1));
  std::vector<double> x(3);
  std::vector<double> y(3);
  EXPECT_THROW((Link{a, false, true}.apply(ConstView::contiguous(x.data(), 1, 3, 1),
                                           View::contiguous(y.data(), 1, 3, 1))),
               core::InternalError);
}

}  // namespace
}  // namespace kronwerk::factors
