#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "factors/base/local_factorisation.hpp"
#include "factors/sparse/sparse_cases.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/distribution/node_map.hpp"

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

/// Its "factorisation" is the rank that made it.
class Signed final : public Factorisation {
 public:
  explicit Signed(communication::SharedArray<std::byte> memory)
      : Factorisation(1), memory_(std::move(memory)) {}
  int maker() const {
    int rank = -1;
    std::memcpy(&rank, memory_.span().data(), sizeof(rank));
    return rank;
  }
  Determinant determinant() const override { return {}; }
  double condition() const override { return 1; }
  double flops_per_fibre() const override { return 1; }
  Index bytes() const override { return memory_.size(); }
  std::string description() const override { return "signed"; }

 private:
  void do_solve(ConstView, View, bool) const override {}
  communication::SharedArray<std::byte> memory_;
};

class Signature final : public LocalFactorisation {
 public:
  explicit Signature(int rank) : rank_(rank) {}
  std::size_t bytes() const override { return sizeof(rank_); }
  void store(std::byte* target) override { std::memcpy(target, &rank_, sizeof(rank_)); }

 private:
  int rank_;
};

class SignedFactor final : public Factor {
 public:
  SignedFactor(int rank, int& begun)
      : Factor(Kind::sparse, 1, 1, "A"), rank_(rank), begun_(&begun) {}
  double flops_per_fibre() const override { return 1; }
  Index bytes() const override { return 0; }
  std::vector<double> diagonal() const override { return {1}; }
  void add_to_dense(double scale, std::span<double> out) const override { out[0] += scale; }

 private:
  void do_apply(ConstView, View, bool) const override {}
  std::unique_ptr<LocalFactorisation> begin_factorisation() const override {
    ++*begun_;
    return std::make_unique<Signature>(rank_);
  }
  std::shared_ptr<const Factorisation> attach_factorisation(
      communication::SharedArray<std::byte> memory) const override {
    return std::make_shared<Signed>(std::move(memory));
  }
  int rank_;
  int* begun_;
};

TEST(Factorise, DoesEachFactorOnceForAllNodes) {
  const auto comm = world();
  int begun = 0;
  std::vector<FactorPtr> factors;
  for (int i = 0; i < comm.size(); ++i) {
    factors.push_back(std::make_shared<SignedFactor>(comm.rank(), begun));
  }
  factorise(comm, factors);
  EXPECT_EQ(begun, 1) << "work of one rank among as many as there are pieces";
  std::vector<int> makers;
  for (const FactorPtr& factor : factors) {
    makers.push_back(dynamic_cast<const Signed&>(*factor->factorisation()).maker());
  }
  const auto expected = comm.nodes().by_turns();
  EXPECT_EQ(makers, std::vector<int>(expected.begin(), expected.end()));
}

TEST(Factorise, GivesNodesWorkByTurns) {
  const auto comm = world();
  const auto turns = comm.nodes().by_turns();
  std::vector<int> sorted(turns.begin(), turns.end());
  std::ranges::sort(sorted);
  std::vector<int> ranks(static_cast<std::size_t>(comm.size()));
  std::iota(ranks.begin(), ranks.end(), 0);
  EXPECT_EQ(sorted, ranks);
  // The first are of different nodes, each its lowest rank.
  const auto lowest = comm.node().min(core::Index{comm.rank()});
  const auto nodes = static_cast<std::size_t>(comm.node_count());
  EXPECT_EQ(std::count(turns.begin(), turns.begin() + static_cast<std::ptrdiff_t>(nodes),
                       static_cast<int>(lowest)),
            1);
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
