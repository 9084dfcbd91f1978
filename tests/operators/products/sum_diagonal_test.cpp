#include "kronwerk/operators/products/sum_diagonal.hpp"

#include <gtest/gtest.h>

#include "operators/products/product_fixture.hpp"

namespace kronwerk::operators {
namespace {

using oracle::Matrix;

class SumDiagonalTest : public ProductFixture {
 protected:
  static factors::Chain identity(Index extent) {
    return {{factors::make_identity(extent), false, false}};
  }

  /// The diagonal in pieces of every length, against that of the dense matrix.
  void check(const Extents& extents, const std::vector<ScaledProduct>& terms,
             const Matrix& dense) const {
    const SumDiagonal diagonal(comm_, extents, terms);
    double trace = 0;
    for (Index i = 0; i < dense.rows; ++i) trace += dense(i, i);
    EXPECT_NEAR(diagonal.sum(), trace, 1e-12 * (1 + std::abs(trace)));
    for (const Index length : {1, 2, 7, 1000}) {
      for (Index begin = 0; begin < dense.rows; begin += length) {
        std::vector<double> values(static_cast<std::size_t>(std::min(length, dense.rows - begin)),
                                   -99);
        diagonal.evaluate(begin, values);
        for (std::size_t i = 0; i < values.size(); ++i) {
          const Index place = begin + static_cast<Index>(i);
          ASSERT_NEAR(values[i], dense(place, place), 1e-13) << place;
        }
      }
    }
  }
};

TEST_F(SumDiagonalTest, IsThatOfTheDenseMatrixForProductsAndTheirSums) {
  const std::vector<Matrix> a = random_matrices({{3, 3}, {1, 1}, {5, 5}, {2, 2}});
  const std::vector<Matrix> b{oracle::random_regular(3, 7), oracle::random_regular(1, 8),
                              oracle::random_regular(5, 9), oracle::random_regular(2, 10)};
  auto inverses = chains(b);
  std::vector<Matrix> dense_inverses;
  for (auto& chain : inverses) chain = factors::inverse(chain);
  for (const Matrix& matrix : b) dense_inverses.push_back(oracle::inverse(matrix));
  check({3, 1, 5, 2}, {{2, chains(a)}}, oracle::add(2, oracle::kron(a), 0, oracle::kron(a)));
  check({3, 1, 5, 2}, {{2, chains(a)}, {-0.5, inverses}},
        oracle::add(2, oracle::kron(a), -0.5, oracle::kron(dense_inverses)));
}

TEST_F(SumDiagonalTest, TakesKroneckerSumsInOnePass) {
  const Matrix a = oracle::random_matrix(3, 3, 1);
  const Matrix b = oracle::random_matrix(4, 4, 2);
  const Matrix c = oracle::random_matrix(4, 4, 3);
  const Matrix one3 = oracle::identity(3);
  const Matrix one4 = oracle::identity(4);
  const Matrix dense = oracle::add(
      1, oracle::add(2, oracle::kron(a, one4), 3, oracle::kron(one3, oracle::add(1, b, -2, c))),
      0.25, oracle::identity(12));
  check({3, 4},
        {{2, {chains({a})[0], identity(4)}},
         {3, {identity(3), chains({b})[0]}},
         {-6, {identity(3), chains({c})[0]}},
         {0.25, {identity(3), identity(4)}}},
        dense);
}

TEST_F(SumDiagonalTest, RunsOfLongGridsAreRight) {
  // Runs of the trailing modes end within the grid, and pieces begin within runs.
  const Matrix a = oracle::random_matrix(5, 5, 1);
  const Matrix b = oracle::random_matrix(3, 3, 2);
  const Matrix c = oracle::random_matrix(67, 67, 3);
  const Matrix d = oracle::random_matrix(41, 41, 4);
  const std::vector<ScaledProduct> terms{{1, chains({a, b, c, d})}, {2, chains({a, b, c, d})}};
  const SumDiagonal diagonal(comm_, {5, 3, 67, 41}, terms);
  std::vector<double> values(20'000);
  const Index begin = 2741;
  diagonal.evaluate(begin, values);
  for (std::size_t j = 0; j < values.size(); ++j) {
    const Index i = begin + static_cast<Index>(j);
    const double expected = 3 * a(i / 8241, i / 8241) * b(i / 2747 % 3, i / 2747 % 3) *
                            c(i / 41 % 67, i / 41 % 67) * d(i % 41, i % 41);
    ASSERT_NEAR(values[j], expected, 1e-14) << i;
  }
}

TEST_F(SumDiagonalTest, RefusesShapesThatDoNotConform) {
  const std::vector<ScaledProduct> terms{{1, chains(random_matrices({{3, 3}, {2, 3}}))}};
  EXPECT_THROW(SumDiagonal(comm_, {3, 2}, terms), core::ShapeError);
  const std::vector<ScaledProduct> square{{1, chains(random_matrices({{3, 3}, {2, 2}}))}};
  std::vector<double> values(4);
  EXPECT_THROW(SumDiagonal(comm_, {3, 2}, square).evaluate(3, values), core::ShapeError);
}

}  // namespace
}  // namespace kronwerk::operators
