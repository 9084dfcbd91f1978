#include "factors/dense/dense_case.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::factors {
namespace {

/// Row-major in columns of panels: the same for two chains of one matrix. Collective.
std::vector<double> entries(const communication::Communicator& comm, const Chain& chain) {
  std::vector<double> result;
  for_column_panels({Link{materialise(comm, "entries", chain)}}, 0, cols(chain),
                    [&](Index, Index, std::span<const double> panel) {
                      result.insert(result.end(), panel.begin(), panel.end());
                    });
  return result;
}

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

TEST(Chain, MakesOneFactorOfLinksThatAreSquareTogether) {
  const FactorPtr s = dense_factor(oracle::random_regular(3, 1), "S");
  const FactorPtr a = dense_factor(oracle::random_matrix(3, 5, 2), "A");
  const FactorPtr t = dense_factor(oracle::random_regular(5, 3), "T");
  const Chain chain = {Link{s}, Link{a}, Link{t, false, true}, Link{a, true}, Link{s, true}};
  const auto comm = communication::Communicator::duplicate(MPI_COMM_WORLD);
  const Chain square = with_square_links(comm, chain);
  ASSERT_EQ(square.size(), 3);
  EXPECT_EQ(square[0].factor, s);
  EXPECT_EQ(square[2].factor, s);
  EXPECT_TRUE(square[2].transposed);
  EXPECT_EQ(square[1].factor->name(), "A*inv(T)*A'");
  EXPECT_LT(oracle::relative_error(entries(comm, square), entries(comm, chain)), 1e-13);
  EXPECT_NO_THROW(inverse(square));
}

TEST(Chain, LeavesSquareLinksAndWhatIsNotSquareAtAll) {
  const FactorPtr s = dense_factor(oracle::random_regular(3, 1), "S");
  const FactorPtr a = dense_factor(oracle::random_matrix(3, 5, 2), "A");
  const auto comm = communication::Communicator::duplicate(MPI_COMM_WORLD);
  EXPECT_EQ(with_square_links(comm, {Link{s}, Link{s, true}}).size(), 2);
  EXPECT_THROW(inverse(with_square_links(comm, {Link{s}, Link{a}})), core::ShapeError);
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
