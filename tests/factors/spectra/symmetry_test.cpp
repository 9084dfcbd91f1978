#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "factors/dense/dense_case.hpp"
#include "factors/sparse/sparse_cases.hpp"
#include "kronwerk/factors/spectra/bases.hpp"

namespace kronwerk::factors::test {
namespace {

using oracle::multiply;
using oracle::transpose;

void expect_symmetrises(const Matrix& a, const Symmetry& symmetry) {
  ASSERT_EQ(symmetry.scale.size(), static_cast<std::size_t>(a.rows));
  for (Index i = 0; i < a.rows; ++i) {
    EXPECT_GT(symmetry.scale[static_cast<std::size_t>(i)], 0);
    for (Index j = 0; j < a.rows; ++j) {
      EXPECT_NEAR(symmetry.scale[static_cast<std::size_t>(i)] * a(i, j),
                  symmetry.scale[static_cast<std::size_t>(j)] * a(j, i), 1e-13);
    }
  }
}

TEST(Symmetry, OfRowNormalisedNeighboursIsAScaling) {
  const auto comm = world();
  for (const Index n : {7, 40}) {
    for (const Graph graph : {Graph::line, Graph::islands, Graph::random_symmetric}) {
      const Matrix w = weights(graph, n);
      for (const FactorPtr& factor : {sparse_factor("W", w), dense_factor(w, "W")}) {
        const Symmetry symmetry = find_symmetry(comm, factor);
        EXPECT_EQ(symmetry.symmetric, graph == Graph::islands && n == 7);
        expect_symmetrises(w, symmetry);
        EXPECT_GE(symmetry.least, -1 - 1e-15);
        EXPECT_LE(symmetry.greatest, 1 + 1e-15);
        EXPECT_LT(symmetry.least, -0.1);
        EXPECT_GT(symmetry.greatest, 0.99);
      }
    }
  }
}

TEST(Symmetry, OfDirectedNeighboursIsNone) {
  const auto comm = world();
  for (const Graph graph : {Graph::directed, Graph::random_directed, Graph::nearly_dense}) {
    const Matrix w = weights(graph, 23);
    for (const FactorPtr& factor : {sparse_factor("W", w), dense_factor(w, "W")}) {
      const Symmetry symmetry = find_symmetry(comm, factor);
      EXPECT_FALSE(symmetry.symmetric);
      EXPECT_TRUE(symmetry.scale.empty());
      EXPECT_DOUBLE_EQ(symmetry.greatest, -symmetry.least);
      EXPECT_NEAR(symmetry.greatest, 1, 0.3);  // a row-normalised matrix has infinity-norm 1
      EXPECT_LE(symmetry.greatest, 1 + 1e-14);
    }
  }
}

TEST(Symmetry, OfAGramMatrixIsExactForSmallExtents) {
  const auto comm = world();
  // Eigenvalues of the second difference: 2 - 2 cos(k pi / (n + 1)).
  const Index n = 19;
  Matrix a(n, n);
  for (Index i = 0; i < n; ++i) {
    a(i, i) = 2;
    if (i > 0) a(i, i - 1) = a(i - 1, i) = -1;
  }
  const double least = 2 - 2 * std::cos(std::numbers::pi / 20);
  for (const FactorPtr& factor : {sparse_factor("L", a), dense_factor(a, "L")}) {
    const Symmetry symmetry = find_symmetry(comm, factor);
    EXPECT_TRUE(symmetry.symmetric);
    EXPECT_EQ(symmetry.scale, std::vector<double>(19, 1.0));
    EXPECT_NEAR(symmetry.least, least, 1e-12);
    EXPECT_LE(symmetry.least, least);
    EXPECT_NEAR(symmetry.greatest, 4 - least, 1e-12);
  }
}

TEST(Symmetry, KnowsThatALargeSecondDifferenceIsDefinite) {
  const auto comm = world();
  // Gershgorin's discs touch zero here.
  const Index n = 333;
  for (const double corner : {2.0, 0.9}) {  // definite and indefinite
    Matrix a(n, n);
    for (Index i = 0; i < n; ++i) {
      a(i, i) = i == 0 ? corner : 2;
      if (i > 0) a(i, i - 1) = a(i - 1, i) = -1;
    }
    for (const FactorPtr& factor : {sparse_factor("L", a), dense_factor(a, "L")}) {
      const Symmetry symmetry = find_symmetry(comm, factor);
      EXPECT_EQ(symmetry.least > 0, corner == 2.0);
      EXPECT_LT(symmetry.least, 8.8e-5);  // the least eigenvalue
      EXPECT_DOUBLE_EQ(symmetry.greatest, 4);
    }
  }
}

TEST(Symmetry, OfRoundedProductsIsFound) {
  const auto comm = world();
  const Matrix x = oracle::random_matrix(90, 70, 3);
  Matrix gram = multiply(transpose(x), x);
  gram(3, 60) *= 1 + 4e-16;
  gram(60, 3) += 3e-15;
  EXPECT_TRUE(find_symmetry(comm, dense_factor(gram)).symmetric);
  gram(60, 3) += 1e-9;
  EXPECT_FALSE(find_symmetry(comm, dense_factor(gram)).symmetric);
}

TEST(Symmetry, RefusesAWideScaling) {
  const auto comm = world();
  Matrix a(3, 3);
  a(0, 1) = 1, a(1, 0) = 1e-4, a(1, 2) = 1, a(2, 1) = 1e-4;
  EXPECT_TRUE(find_symmetry(comm, dense_factor(a)).scale.empty());
  EXPECT_TRUE(find_symmetry(comm, sparse_factor("A", a)).scale.empty());
  a(1, 0) = a(2, 1) = 1e-2;
  EXPECT_FALSE(find_symmetry(comm, dense_factor(a)).scale.empty());
  // A cycle whose products differ by direction has no scaling at all.
  a(0, 2) = 2, a(2, 0) = 1;
  EXPECT_TRUE(find_symmetry(comm, dense_factor(a)).scale.empty());
  EXPECT_TRUE(find_symmetry(comm, sparse_factor("A", a)).scale.empty());
}

TEST(Symmetry, OfDiagonalsAndIdentities) {
  const auto comm = world();
  const Symmetry diagonal =
      find_symmetry(comm, make_diagonal("D", std::vector<double>{3, -2, 0.5}));
  EXPECT_TRUE(diagonal.symmetric);
  EXPECT_EQ(diagonal.least, -2);
  EXPECT_EQ(diagonal.greatest, 3);
  const Symmetry identity = find_symmetry(comm, make_identity(4));
  EXPECT_TRUE(identity.symmetric);
  EXPECT_EQ(identity.scale.size(), 4U);
  EXPECT_EQ(identity.least, 1);
  EXPECT_EQ(identity.greatest, 1);
}

TEST(Symmetry, OfRectanglesIsANorm) {
  const auto comm = world();
  const Symmetry symmetry = find_symmetry(comm, dense_factor(Matrix(2, 3, {1, -2, 3, 4, 5, -6})));
  EXPECT_FALSE(symmetry.symmetric);
  EXPECT_TRUE(symmetry.scale.empty());
  EXPECT_EQ(symmetry.greatest, 9);  // the 1-norm; the infinity norm is 15
}

TEST(Symmetry, OfSeveralIsAnalysedOnceAndRemembered) {
  const auto comm = world();
  const Matrix line = weights(Graph::line, 12);
  const Matrix directed = weights(Graph::directed, 23);
  const std::vector<FactorPtr> factors{
      sparse_factor("W", line),
      make_identity(3),
      dense_factor(directed, "V"),
      dense_factor(multiply(transpose(line), line), "G"),
      dense_factor(oracle::random_matrix(4, 6, 5), "R"),
      sparse_factor("V", directed),
  };
  EXPECT_EQ(factors[0]->symmetry(), nullptr);
  analyse_symmetry(comm, factors, SymmetryDetail::scale);
  expect_symmetrises(line, *factors[0]->symmetry());
  EXPECT_FALSE(factors[0]->symmetry()->bounded);
  EXPECT_EQ(factors[0]->symmetry()->greatest, 0);
  EXPECT_TRUE(factors[1]->symmetry()->symmetric);
  EXPECT_TRUE(factors[3]->symmetry()->symmetric);
  for (const std::size_t none : {2U, 4U, 5U}) {
    EXPECT_FALSE(factors[none]->symmetry()->symmetric);
    EXPECT_TRUE(factors[none]->symmetry()->scale.empty());
  }
  const Symmetry* first = factors[0]->symmetry();
  analyse_symmetry(comm, factors, SymmetryDetail::scale);
  EXPECT_EQ(factors[0]->symmetry(), first);

  // Bounds are found for those that have none.
  analyse_symmetry(comm, factors, SymmetryDetail::bounds);
  std::vector<const Symmetry*> bounded;
  for (const FactorPtr& factor : factors) {
    EXPECT_TRUE(factor->symmetry()->bounded);
    EXPECT_GT(factor->symmetry()->greatest, 0);
    bounded.push_back(factor->symmetry());
    EXPECT_EQ(&find_symmetry(comm, factor), bounded.back());
  }
  expect_symmetrises(line, *bounded[0]);
  EXPECT_NEAR(bounded[0]->greatest, 1, 1e-12);
  analyse_symmetry(comm, factors, SymmetryDetail::scale);
  for (std::size_t i = 0; i < factors.size(); ++i) EXPECT_EQ(factors[i]->symmetry(), bounded[i]);
}

}  // namespace
}  // namespace kronwerk::factors::test
