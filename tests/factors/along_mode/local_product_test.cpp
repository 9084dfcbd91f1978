#include <cstdint>
#include <utility>

#include "factors/dense/dense_case.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::factors {
namespace {

struct Shape {
  Index left;
  Index right;
  Index row_gap;
  Index left_gap;
};
const std::vector<Shape> shapes = {{1, 1, 0, 0}, {5, 1, 0, 0},  {3, 1, 0, 4}, {1, 6, 0, 0},
                                   {1, 9, 5, 0}, {2, 70, 3, 1}, {4, 3, 0, 0}, {2, 3, 0, 11}};

// Chains with their explicit matrices.
struct Modes {
  std::vector<Chain> chains;
  std::vector<oracle::Matrix> matrices;

  void add(const oracle::Matrix& matrix) {
    chains.push_back({Link{dense_factor(matrix)}});
    matrices.push_back(matrix);
  }
  void add_identity(Index n) {
    chains.push_back({Link{make_identity(n)}});
    matrices.push_back(oracle::identity(n));
  }
};

void expect_product(const Modes& modes, const Shape& shape) {
  const LocalProduct product(modes.chains);
  const oracle::Matrix dense = oracle::kron(modes.matrices);
  ASSERT_EQ(product.rows(), dense.rows);
  ASSERT_EQ(product.cols(), dense.cols);
  StridedBlock x(shape.left, dense.cols, shape.right, shape.row_gap, shape.left_gap);
  StridedBlock y(shape.left, dense.rows, shape.right, shape.row_gap, shape.left_gap + 2);
  x.fill(3);
  product.apply(x.const_view(), y.view());
  EXPECT_LT(oracle::relative_error(y.fibres(), oracle::multiply(dense, x.fibres())), 1e-13)
      << modes.chains.size() << " modes, left " << shape.left << ", right " << shape.right;
  EXPECT_TRUE(y.gaps_untouched());
}

void expect_all(const std::vector<std::pair<Index, Index>>& extents) {
  Modes modes;
  std::uint64_t seed = 1;
  for (const auto& [rows, cols] : extents) modes.add(oracle::random_matrix(rows, cols, ++seed));
  for (const Shape& shape : shapes) expect_product(modes, shape);
  Modes flipped;
  for (std::size_t k = 0; k < modes.chains.size(); ++k) {
    flipped.chains.push_back(transposed(modes.chains[k]));
    flipped.matrices.push_back(oracle::transpose(modes.matrices[k]));
  }
  for (const Shape& shape : shapes) expect_product(flipped, shape);
}

TEST(LocalProduct, MatchesTheExplicitProductForUnequalSquareModes) {
  expect_all({{5, 5}});
  expect_all({{3, 3}, {7, 7}});
  expect_all({{13, 13}, {2, 2}, {5, 5}});
  expect_all({{4, 4}, {3, 3}, {1, 1}, {6, 6}});
  expect_all({{2, 2}, {3, 3}, {4, 4}, {2, 2}, {3, 3}, {5, 5}});
  expect_all({{4, 4}, {4, 4}, {4, 4}, {4, 4}});
  expect_all({{1, 1}, {1, 1}, {9, 9}, {1, 1}});
  expect_all({{8, 8}, {8, 8}, {8, 8}});
}

TEST(LocalProduct, MatchesTheExplicitProductForRectangularModes) {
  expect_all({{3, 8}});
  expect_all({{8, 3}, {2, 9}});
  expect_all({{2, 5}, {7, 3}, {4, 4}});
  expect_all({{1, 4}, {5, 1}, {3, 2}, {2, 3}});
  expect_all({{2, 3}, {3, 2}, {1, 2}, {4, 3}, {2, 2}, {2, 5}});
}

TEST(LocalProduct, MatchesWhenModesDoNotFitOneBlock) {
  // 150 x 150 with 20,000 fibres and more: several groups, the later ones in place.
  for (const auto& [first, second] : std::vector<std::pair<oracle::Matrix, oracle::Matrix>>{
           {oracle::random_matrix(150, 150, 1), oracle::random_matrix(140, 140, 2)},
           {oracle::random_matrix(150, 170, 1), oracle::random_matrix(160, 140, 2)},
           {oracle::random_matrix(300, 300, 1), oracle::random_matrix(60, 60, 2)}}) {
    for (const Shape& shape : std::vector<Shape>{{2, 1, 0, 3}, {1, 40, 9, 0}, {1, 2, 0, 0}}) {
      const LocalProduct product({{Link{dense_factor(first)}}, {Link{dense_factor(second)}}});
      StridedBlock x(shape.left, first.cols * second.cols, shape.right, shape.row_gap,
                     shape.left_gap);
      StridedBlock y(shape.left, first.rows * second.rows, shape.right, shape.row_gap,
                     shape.left_gap);
      x.fill(5);
      product.apply(x.const_view(), y.view());
      // By its definition, mode by mode: Y = A X Bᵀ for every (l, r).
      const oracle::Matrix in = x.fibres();
      const oracle::Matrix out = y.fibres();
      for (Index column = 0; column < in.cols; column += std::max<Index>(1, in.cols / 3)) {
        oracle::Matrix grid(first.cols, second.cols);
        for (Index i = 0; i < in.rows; ++i) {
          grid.values[static_cast<std::size_t>(i)] = in(i, column);
        }
        const oracle::Matrix expected =
            oracle::multiply(oracle::multiply(first, grid), oracle::transpose(second));
        std::vector<double> found(expected.values.size());
        for (Index i = 0; i < out.rows; ++i) found[static_cast<std::size_t>(i)] = out(i, column);
        EXPECT_LT(oracle::relative_error(found, expected.values), 1e-13);
      }
      EXPECT_TRUE(y.gaps_untouched());
    }
  }
}

TEST(LocalProduct, ManyTinyModesMatchTheProductOfTheirHalves) {
  // 4^9: checked against the two-mode product of the explicit halves.
  std::vector<Chain> chains;
  std::vector<oracle::Matrix> leading;
  std::vector<oracle::Matrix> trailing;
  for (std::uint64_t k = 0; k < 9; ++k) {
    const oracle::Matrix matrix = oracle::random_matrix(4, 4, k + 1);
    (k < 4 ? leading : trailing).push_back(matrix);
    chains.push_back({Link{dense_factor(matrix)}});
  }
  const LocalProduct product(chains);
  const LocalProduct halves(
      {{Link{dense_factor(oracle::kron(leading))}}, {Link{dense_factor(oracle::kron(trailing))}}});
  for (const Index right : {1, 2}) {
    StridedBlock x(1, product.cols(), right, 0, 0);
    StridedBlock y(1, product.rows(), right, 0, 0);
    StridedBlock z(1, product.rows(), right, 0, 0);
    x.fill(2);
    product.apply(x.const_view(), y.view());
    halves.apply(x.const_view(), z.view());
    EXPECT_LT(oracle::relative_error(y.values, z.values), 1e-13);
  }
}

TEST(LocalProduct, AppliesChainsOfSeveralLinksWithInverses) {
  const oracle::Matrix a = oracle::random_regular(6, 1);
  const oracle::Matrix b = oracle::random_matrix(6, 4, 2);
  const oracle::Matrix c = oracle::random_regular(5, 3);
  const FactorPtr fa = dense_factor(a);
  const FactorPtr fb = dense_factor(b);
  const FactorPtr fc = dense_factor(c);
  const std::vector<double> scales = {1.0, -2.0, 3.0, 0.5};
  oracle::Matrix d(4, 4);
  for (Index i = 0; i < 4; ++i) d(i, i) = scales[static_cast<std::size_t>(i)];
  Modes modes;
  modes.chains = {{Link{fa, true, true}, Link{fb}, Link{make_diagonal("d", scales)}},
                  {Link{make_identity(3)}},
                  {Link{fc, false, true}}};
  modes.matrices = {oracle::multiply(oracle::solve(oracle::transpose(a), b), d),
                    oracle::identity(3), oracle::inverse(c)};
  for (const Chain& chain : modes.chains) factorise_all(to_factorise(chain));
  for (const Shape& shape : shapes) expect_product(modes, shape);
}

TEST(LocalProduct, CopiesForIdentitiesAndForNoModes) {
  Modes modes;
  modes.add_identity(3);
  modes.add_identity(4);
  EXPECT_TRUE(LocalProduct(modes.chains).is_identity());
  EXPECT_EQ(LocalProduct(modes.chains).flops_per_fibre(), 0.0);
  for (const Shape& shape : shapes) {
    expect_product(modes, shape);
    expect_product(Modes{}, shape);
  }
  modes.add(oracle::random_matrix(2, 2, 1));
  EXPECT_FALSE(LocalProduct(modes.chains).is_identity());
  for (const Shape& shape : shapes) expect_product(modes, shape);
}

TEST(LocalProduct, ShrinksFirst) {
  // 2 x 100 shrinks, 100 x 2 grows: 2·2·100·2 + 2·2·100·2 flops in the cheap order.
  const LocalProduct product({{Link{dense_factor(oracle::random_matrix(100, 2, 1))}},
                              {Link{dense_factor(oracle::random_matrix(2, 100, 2))}}});
  EXPECT_EQ(product.flops_per_fibre(), 2 * 400.0 + 2 * 400.0);
}

TEST(LocalProduct, AcceptsEmptyViewsAndRefusesWrongOnes) {
  const LocalProduct product({{Link{dense_factor(oracle::random_matrix(2, 3, 1))}},
                              {Link{dense_factor(oracle::random_matrix(4, 5, 1))}}});
  std::vector<double> x(30);
  std::vector<double> y(30, 1.0);
  product.apply(ConstView::contiguous(x.data(), 0, 15, 1), View::contiguous(y.data(), 0, 8, 1));
  product.apply(ConstView::contiguous(x.data(), 1, 15, 0), View::contiguous(y.data(), 1, 8, 0));
  EXPECT_EQ(y, std::vector<double>(30, 1.0));
  EXPECT_THROW(
      product.apply(ConstView::contiguous(x.data(), 1, 14, 1), View::contiguous(y.data(), 1, 8, 1)),
      core::ShapeError);
  EXPECT_GE(product.preferred_fibres(), 1);
}

}  // namespace
}  // namespace kronwerk::factors
