#include <gtest/gtest.h>

#include "factors/sparse/sparse_cases.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::factors::test {
namespace {

TEST(Factorise, DoesEachFactorOnce) {
  const auto comm = world();
  const FactorPtr a = sparse_factor("A", shifted(weights(Graph::ring, 8), 0.3));
  const FactorPtr b = sparse_factor("B", shifted(weights(Graph::directed, 9), 0.3));
  const Index before = factorisation_count();
  factorise(comm, std::vector<FactorPtr>{a, b, a});
  EXPECT_EQ(factorisation_count() - before, 2);
  const Factorisation* first = a->factorisation();
  factorise(comm, std::vector<FactorPtr>{b, a});
  EXPECT_EQ(factorisation_count() - before, 2);
  EXPECT_EQ(a->factorisation(), first);
}

TEST(Factorise, GivesEveryRankEveryFactorisation) {
  const auto comm = world();
  std::vector<FactorPtr> factors;
  for (Index n = 3; n < 10; ++n) {
    factors.push_back(
        sparse_factor("A" + std::to_string(n), shifted(weights(Graph::random_directed, n), 0.4)));
  }
  factors.push_back(make_identity(4));
  factors.push_back(make_diagonal("D", std::vector<double>{1.0, -2.0}));
  factorise(comm, factors);
  for (const FactorPtr& factor : factors) {
    ASSERT_NE(factor->factorisation(), nullptr) << factor->name();
    std::vector<double> x(static_cast<std::size_t>(factor->rows()), 1.0);
    std::vector<double> y(x.size());
    factor->apply(ConstView::contiguous(x.data(), 1, factor->rows(), 1),
                  View::contiguous(y.data(), 1, factor->rows(), 1), false);
    const View view = View::contiguous(y.data(), 1, factor->rows(), 1);
    factor->factorisation()->solve(view, view, false);
    EXPECT_LT(oracle::relative_error(y, x), 1e-13) << factor->name();
  }
}

TEST(Factorise, RefusesWhatIsNotSquareByName) {
  const auto comm = world();
  const FactorPtr factor = sparse_factor("W", oracle::random_matrix(3, 4, 1));
  try {
    factorise(comm, std::vector<FactorPtr>{factor});
    ADD_FAILURE() << "accepted a rectangular factor";
  } catch (const core::ShapeError& error) {
    EXPECT_NE(std::string(error.what()).find("'W' (3 x 4)"), std::string::npos) << error.what();
  }
}

TEST(Factorise, AgreesOnAFailureOfOneOwner) {
  const auto comm = world();
  // Whichever rank owns the singular one, every rank hears of it, and nothing is attached.
  for (int place = 0; place < 4; ++place) {
    std::vector<FactorPtr> factors;
    for (int k = 0; k < 4; ++k) {
      factors.push_back(sparse_factor(k == place ? "singular" : "regular",
                                      shifted(weights(Graph::ring, 6), k == place ? 1.0 : 0.5)));
    }
    try {
      factorise(comm, factors);
      ADD_FAILURE() << "accepted a singular factor";
    } catch (const core::DataError& error) {
      EXPECT_NE(std::string(error.what()).find("'singular' (6 x 6)"), std::string::npos);
    }
    for (const FactorPtr& factor : factors) EXPECT_EQ(factor->factorisation(), nullptr);
  }
}

TEST(Factorisation, RefusesViewsThatDoNotConform) {
  const auto comm = world();
  const FactorPtr factor = sparse_factor("A", oracle::identity(3));
  factorise(comm, std::vector<FactorPtr>{factor});
  std::vector<double> values(12);
  const View three = View::contiguous(values.data(), 2, 3, 1);
  const View four = View::contiguous(values.data(), 2, 4, 1);
  const View fewer = View::contiguous(values.data(), 1, 3, 1);
  EXPECT_THROW(factor->factorisation()->solve(four, four, false), core::ShapeError);
  EXPECT_THROW(factor->factorisation()->solve(three, fewer, false), core::ShapeError);
  EXPECT_NO_THROW(factor->factorisation()->solve(View{nullptr, 0, 3, 1, 3, 1},
                                                 View{nullptr, 0, 3, 1, 3, 1}, true));
}

}  // namespace
}  // namespace kronwerk::factors::test
