#include "kronwerk/operators/products/product_sum.hpp"

#include <gtest/gtest.h>

#include "operators/base/operator_fixture.hpp"

namespace kronwerk::operators {
namespace {

using factors::Chain;
using Shapes = std::vector<std::pair<Index, Index>>;

/// Matrices as factors, and sums over them beside their dense forms. Matrix -1 is the identity.
class ProductSumTest : public OperatorFixture {
 protected:
  struct Term {
    double scale = 1;
    std::vector<int> matrices;
  };

  /// `count` random matrices of each shape.
  void make_modes(const Shapes& shapes, int count) {
    std::uint64_t seed = 40;
    dense_.clear();
    factors_.clear();
    identities_.clear();
    for (const auto& [rows, cols] : shapes) {
      auto& dense = dense_.emplace_back();
      auto& factors = factors_.emplace_back();
      for (int i = 0; i < count; ++i) {
        dense.push_back(oracle::random_matrix(rows, cols, ++seed));
        factors.push_back(make_factor(dense.back()));
      }
      identities_.push_back(factors::make_identity(rows));
    }
  }

  std::vector<ScaledProduct> terms(const std::vector<Term>& list) const {
    std::vector<ScaledProduct> result;
    for (const Term& term : list) {
      auto& product = result.emplace_back(ScaledProduct{term.scale, {}});
      for (std::size_t k = 0; k < term.matrices.size(); ++k) {
        const int index = term.matrices[k];
        product.chains.push_back(
            {{index < 0 ? identities_[k] : factors_[k][static_cast<std::size_t>(index)], false,
              false}});
      }
    }
    return result;
  }

  oracle::Matrix dense(const std::vector<Term>& list) const {
    oracle::Matrix sum;
    for (const Term& term : list) {
      std::vector<oracle::Matrix> matrices;
      for (std::size_t k = 0; k < term.matrices.size(); ++k) {
        const int index = term.matrices[k];
        matrices.push_back(index < 0 ? oracle::identity(dense_[k].front().rows)
                                     : dense_[k][static_cast<std::size_t>(index)]);
      }
      const auto product = oracle::kron(matrices);
      sum = sum.rows == 0 ? oracle::add(term.scale, product, 0, product)
                          : oracle::add(1, sum, term.scale, product);
    }
    return sum;
  }

  /// Every split against the dense matrix, both directions.
  void expect_every_split(const std::vector<Term>& list) {
    const auto matrix = dense(list);
    for (int split = 0; split <= static_cast<int>(factors_.size()); ++split) {
      SCOPED_TRACE(split);
      expect_is(ProductSum(comm_, workspace_, terms(list), split), matrix, 1e-13);
    }
    expect_is(ProductSum(comm_, workspace_, terms(list)), matrix, 1e-13);
  }

  std::vector<std::vector<oracle::Matrix>> dense_;
  std::vector<std::vector<factors::FactorPtr>> factors_;
  std::vector<factors::FactorPtr> identities_;
};

TEST_F(ProductSumTest, AppliesTheGeneralFlowOperator) {
  make_modes({{7, 7}, {5, 5}}, 1);
  const std::vector<Term> flow{{1, {-1, -1}}, {-0.3, {-1, 0}}, {-0.4, {0, -1}}, {-0.1, {0, 0}}};
  expect_every_split(flow);
  const ProductSum sum(comm_, workspace_, terms(flow), 1);
  EXPECT_EQ(sum.exchanges(), comm_.size() > 1 ? 2 : 0);
  EXPECT_EQ(sum.vectors_moved(), comm_.size() > 1 ? 2 : 0);
}

TEST_F(ProductSumTest, MovesAVectorPerUnitOfRankAndOneBack) {
  make_modes({{6, 6}, {9, 9}}, 4);
  const std::vector<Term> full{{1, {0, 0}}, {2, {1, 1}}, {3, {2, 2}}, {0.5, {-1, 3}}};
  expect_every_split(full);
  // Over three leading parts, but of rank two: the third row is the sum of the others.
  const std::vector<Term> dependent{{1, {0, 0}}, {2, {0, 1}}, {-1, {1, 0}},
                                    {3, {1, 2}}, {2, {2, 1}}, {3, {2, 2}}};
  expect_every_split(dependent);
  const int several = comm_.size() > 1 ? 1 : 0;
  EXPECT_EQ(ProductSum(comm_, workspace_, terms(full), 1).vectors_moved(), 4 * several);
  EXPECT_EQ(ProductSum(comm_, workspace_, terms(dependent), 1).vectors_moved(), 3 * several);
}

TEST_F(ProductSumTest, KeepsTwoBlocksOfWorkMemoryAtMost) {
  make_modes({{12, 12}, {10, 10}}, 5);
  const std::vector<Term> list{{1, {0, 0}}, {1, {1, 1}}, {1, {2, 2}}, {1, {3, 3}}, {1, {4, 4}}};
  const ProductSum sum(comm_, workspace_, terms(list), 1);
  const auto x = oracle::random_vector(120, 1);
  expect_close(apply(sum, x), oracle::multiply(dense(list), x), 1e-13);
  const Index block = distribution::Layout({12, 10}, 1, comm_.size()).away_size(0);
  EXPECT_LE(workspace_->capacity(), 2 * block);
  EXPECT_DOUBLE_EQ(sum.estimate().away_bytes_per_rank, 16.0 * static_cast<double>(block));
}

TEST_F(ProductSumTest, AppliesKroneckerSumsOfManyModes) {
  make_modes({{2, 2}, {5, 5}, {1, 1}, {3, 3}}, 1);
  expect_every_split({{1, {0, -1, -1, -1}},
                      {1, {-1, 0, -1, -1}},
                      {1, {-1, -1, 0, -1}},
                      {1, {-1, -1, -1, 0}},
                      {0.7, {-1, -1, -1, -1}}});
}

TEST_F(ProductSumTest, TakesRectangularTermsInTheOrderThatMovesLess) {
  for (const Shapes& shapes : {Shapes{{4, 7}, {2, 9}}, Shapes{{7, 4}, {9, 2}},
                               Shapes{{5, 3}, {2, 6}}, Shapes{{2, 6}, {5, 3}}}) {
    make_modes(shapes, 3);
    expect_every_split({{1, {0, 0}}, {-2, {1, 1}}});
    expect_every_split({{1, {0, 0}}, {2, {0, 1}}, {3, {0, 2}}});
    expect_every_split({{1, {0, 0}}, {2, {1, 0}}, {3, {2, 0}}, {0.5, {2, 1}}});
  }
}

TEST_F(ProductSumTest, LocalTermsOfRectangularTrailingModesAreAddedInEitherOrder) {
  make_modes({{6, 6}, {2, 9}}, 3);
  expect_every_split({{1, {-1, 2}}, {2, {0, 0}}, {3, {1, 1}}, {4, {-1, 0}}});
  make_modes({{6, 6}, {9, 2}}, 3);
  expect_every_split({{1, {-1, 2}}, {2, {0, 0}}, {3, {1, 1}}, {4, {-1, 0}}});
}

TEST_F(ProductSumTest, TakesABatchAsALeadingIdentity) {
  make_modes({{3, 3}, {4, 4}, {5, 5}}, 2);
  const std::vector<Term> list{{1, {-1, 0, -1}}, {2, {-1, -1, 0}}, {0.5, {-1, 1, 1}}};
  expect_every_split(list);
  EXPECT_EQ(ProductSum(comm_, workspace_, terms(list), 1).exchanges(), 0);
}

TEST_F(ProductSumTest, WorksWithMoreRanksThanRowsAndExtentsOfOne) {
  make_modes({{1, 1}, {2, 2}, {1, 1}, {3, 3}}, 2);
  expect_every_split({{1, {0, 0, 0, 0}}, {2, {1, 1, 1, 1}}, {3, {-1, 0, -1, 1}}});
}

TEST_F(ProductSumTest, SharesPartialProductsOfChains) {
  make_modes({{5, 5}, {6, 6}, {4, 4}}, 2);
  const auto link = [&](std::size_t mode, std::size_t i) {
    return factors::Link{factors_[mode][i], false, false};
  };
  const auto eye = [&](std::size_t mode) { return factors::Link{identities_[mode], false, false}; };
  // Leading W, W², I; trailing products that begin alike.
  const std::vector<ScaledProduct> list{
      {1, {{link(0, 0)}, {eye(1)}, {link(2, 0)}}},
      {2, {{link(0, 0), link(0, 0)}, {link(1, 1)}, {link(2, 0)}}},
      {3, {{eye(0)}, {link(1, 1), link(1, 0)}, {link(2, 1), link(2, 0)}}},
      {4, {{eye(0), eye(0)}, {link(1, 0)}, {link(2, 1), eye(2), link(2, 0)}}},
      {5, {{link(0, 1)}, {link(1, 0)}, {eye(2)}}}};
  const auto& a = dense_[0];
  const auto& b = dense_[1];
  const auto& c = dense_[2];
  const auto one = [](Index n) { return oracle::identity(n); };
  oracle::Matrix expected = oracle::kron({a[0], one(6), c[0]});
  const auto include = [&](double scale, const oracle::Matrix& matrix) {
    expected = oracle::add(1, expected, scale, matrix);
  };
  include(2, oracle::kron({oracle::multiply(a[0], a[0]), b[1], c[0]}));
  include(3, oracle::kron({one(5), oracle::multiply(b[1], b[0]), oracle::multiply(c[1], c[0])}));
  include(4, oracle::kron({one(5), b[0], oracle::multiply(c[1], c[0])}));
  include(5, oracle::kron({a[1], b[0], one(4)}));
  for (int split = 0; split <= 3; ++split) {
    SCOPED_TRACE(split);
    expect_is(ProductSum(comm_, workspace_, list, split), expected, 1e-13);
  }
}

TEST_F(ProductSumTest, TakesTransposesAndInverses) {
  const auto a = oracle::random_regular(6, 1);
  const auto b = oracle::random_regular(7, 2);
  const auto fa = make_factor(a);
  const auto fb = make_factor(b);
  const std::vector<ScaledProduct> list{{1, {{{fa, false, true}}, {{fb, true, false}}}},
                                        {-2, {{{fa, true, false}}, {{fb, false, true}}}},
                                        {3, {{{fa, false, false}}, {{fb, false, false}}}}};
  oracle::Matrix expected = oracle::kron(oracle::inverse(a), oracle::transpose(b));
  expected = oracle::add(1, expected, -2, oracle::kron(oracle::transpose(a), oracle::inverse(b)));
  expected = oracle::add(1, expected, 3, oracle::kron(a, b));
  expect_is(ProductSum(comm_, workspace_, list), expected, 1e-12);
}

TEST_F(ProductSumTest, OneTermIsAProductAndLikeTermsAreMerged) {
  make_modes({{4, 4}, {5, 5}}, 2);
  expect_every_split({{2.5, {0, 1}}});
  expect_every_split({{2, {0, 1}}, {3, {0, 1}}});
  const std::vector<Term> cancelling{{2, {0, 0}}, {-2, {0, 0}}, {1, {-1, 1}}};
  expect_every_split(cancelling);
  EXPECT_EQ(ProductSum(comm_, workspace_, terms(cancelling), 1).exchanges(), 0);
  const ProductSum zero(comm_, workspace_, terms({{2, {0, 0}}, {-2, {0, 0}}}));
  const auto x = oracle::random_vector(20, 1);
  EXPECT_EQ(apply(zero, x), std::vector<double>(20, 0.0));
}

TEST_F(ProductSumTest, ExchangesByMessagesGiveTheSame) {
  make_modes({{7, 7}, {11, 11}}, 3);
  const std::vector<Term> list{{1, {0, 0}}, {2, {1, 1}}, {3, {-1, 2}}};
  const auto messages =
      std::make_shared<Workspace>(comm_, communication::SharedBlocks::Placement::private_memory);
  expect_is(ProductSum(comm_, messages, terms(list), 1), dense(list), 1e-13);
}

TEST_F(ProductSumTest, KnowsItsDiagonalAndTrace) {
  make_modes({{3, 3}, {4, 4}, {5, 5}}, 2);
  const std::vector<Term> list{{1, {0, -1, 1}}, {2, {-1, 0, 0}}, {-0.5, {1, 1, -1}}};
  const ProductSum sum(comm_, workspace_, terms(list));
  const auto matrix = dense(list);
  std::vector<double> expected;
  double trace = 0;
  for (Index i = 0; i < matrix.rows; ++i) {
    expected.push_back(matrix(i, i));
    trace += matrix(i, i);
  }
  std::vector<double> block(static_cast<std::size_t>(sum.input_layout().home_size(comm_.rank())));
  sum.diagonal(block);
  expect_close(whole(sum.input_layout(), block), expected, 1e-14);
  EXPECT_NEAR(sum.trace(), trace, 1e-13 * std::abs(trace) + 1e-13);
  block.push_back(0);
  EXPECT_THROW(sum.diagonal(block), core::ShapeError);
}

TEST_F(ProductSumTest, RefusesTermsOfUnlikeShape) {
  make_modes({{3, 3}, {4, 4}}, 1);
  EXPECT_THROW(ProductSum(comm_, workspace_, std::vector<ScaledProduct>{}), core::ShapeError);
  auto list = terms({{1, {0, 0}}, {1, {0, 0}}});
  list[1].chains[1] = {{make_factor(oracle::random_matrix(4, 5, 1)), false, false}};
  try {
    const ProductSum sum(comm_, workspace_, list);
    FAIL() << "a 4 x 5 factor was added to a 4 x 4 one";
  } catch (const core::ShapeError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("term 2"), std::string::npos) << text;
    EXPECT_NE(text.find("4 x 5"), std::string::npos) << text;
    EXPECT_NE(text.find("4 x 4"), std::string::npos) << text;
  }
  list[1].chains.pop_back();
  EXPECT_THROW(ProductSum(comm_, workspace_, list), core::ShapeError);
}

}  // namespace
}  // namespace kronwerk::operators
