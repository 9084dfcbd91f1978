#include <gtest/gtest.h>

#include <cmath>

#include "factors/sparse/sparse_cases.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::factors::test {
namespace {

FactorPtr factorised(const communication::Communicator& comm, const Matrix& matrix) {
  const FactorPtr factor = sparse_factor("A", matrix);
  factorise(comm, std::vector<FactorPtr>{factor});
  return factor;
}

void expect_solves(const FactorPtr& factor, const Matrix& inverse, Index left, Index right,
                   bool transposed, bool in_place) {
  const Index n = factor->rows();
  Block b(left, n, right, 7);
  Block x(left, n, right, in_place ? 7 : 8);
  const std::vector<double> margins = x.margins();
  factor->factorisation()->solve(in_place ? x.view() : b.view(), x.view(), transposed);
  EXPECT_EQ(x.margins(), margins);
  const Matrix oracle_inverse = transposed ? oracle::transpose(inverse) : inverse;
  for (Index l = 0; l < left; ++l) {
    for (Index r = 0; r < right; ++r) {
      const auto expected = oracle::multiply(oracle_inverse, fibre(b.view(), l, r));
      ASSERT_LT(oracle::relative_error(fibre(x.view(), l, r), expected), 1e-12)
          << "n " << n << ", left " << left << ", right " << right << ", transposed " << transposed;
    }
  }
}

TEST(SparseFactorisation, SolvesAlongTheModeOfAnyBlock) {
  const auto comm = world();
  for (const Graph graph : all_graphs()) {
    for (const Index n : {1, 2, 5, 7, 40}) {
      for (const double rho : {0.35, -0.8}) {
        const Matrix matrix = shifted(weights(graph, n), rho);
        const Matrix inverse = oracle::inverse(matrix);
        const FactorPtr factor = factorised(comm, matrix);
        for (const auto& [left, right] : std::vector<std::pair<Index, Index>>{
                 {1, 1}, {35, 1}, {1, 3}, {4, 5}, {1, 37}, {2, 64}}) {
          for (const bool transposed : {false, true}) {
            expect_solves(factor, inverse, left, right, transposed, false);
            expect_solves(factor, inverse, left, right, transposed, true);
          }
        }
      }
    }
  }
}

TEST(SparseFactorisation, SolvesALargerSystemWithEveryVectorTarget) {
  const auto comm = world();
  for (const Graph graph : {Graph::random_symmetric, Graph::random_directed}) {
    const Matrix matrix = shifted(weights(graph, 305), 0.4);
    const Matrix inverse = oracle::inverse(matrix);
    const FactorPtr factor = factorised(comm, matrix);
    with_each_target([&] {
      for (const Index fibres : {1, 9, 17, 32, 100}) {
        expect_solves(factor, inverse, fibres, 1, false, true);
        expect_solves(factor, inverse, 1, fibres, true, false);
      }
    });
  }
}

TEST(SparseFactorisation, UndoesTheProduct) {
  const auto comm = world();
  for (const Graph graph : {Graph::random_symmetric, Graph::random_directed}) {
    const FactorPtr factor = factorised(comm, shifted(weights(graph, 305), 0.6));
    for (const bool transposed : {false, true}) {
      Block x(3, 305, 11, 5);
      Block y(3, 305, 11, 6);
      factor->apply(x.view(), y.view(), transposed);
      factor->factorisation()->solve(y.view(), y.view(), transposed);
      EXPECT_LT(oracle::relative_error(fibre(y.view(), 2, 10), fibre(x.view(), 2, 10)), 1e-12);
    }
  }
}

TEST(SparseFactorisation, GivesTheSameBitsWhateverThePanel) {
  const auto comm = world();
  const FactorPtr factor = factorised(comm, shifted(weights(Graph::random_directed, 67), 0.6));
  Block together(50, 67, 1, 5);
  const std::vector<double> before = together.values();
  factor->factorisation()->solve(together.view(), together.view(), false);
  for (const Index l : {0, 13, 31, 32, 49}) {
    std::vector<double> one(before.begin() + l * together.view().left_stride,
                            before.begin() + l * together.view().left_stride + 67);
    const View view = View::contiguous(one.data(), 1, 67, 1);
    factor->factorisation()->solve(view, view, false);
    EXPECT_EQ(one, fibre(together.view(), l, 0));
  }
}

TEST(SparseFactorisation, GivesTheDeterminantWithItsSign) {
  const auto comm = world();
  for (const Index n : {1, 3, 7, 20}) {
    for (const std::uint64_t seed : {1, 2, 3, 4}) {
      Matrix matrix = oracle::random_regular(n, seed);
      for (double& value : matrix.values) value = std::abs(value) > 0.5 ? value : 0.0;
      for (Index i = 0; i < n; ++i) {
        matrix(i, i) = (seed % 2 == 0 ? -1.0 : 1.0) * (2.5 + static_cast<double>(i));
      }
      const Determinant determinant = factorised(comm, matrix)->factorisation()->determinant();
      EXPECT_EQ(determinant.sign, oracle::sign_of_det(matrix)) << n << " " << seed;
      EXPECT_NEAR(determinant.log_abs, oracle::log_abs_det(matrix), 1e-11) << n << " " << seed;
    }
  }
}

TEST(SparseFactorisation, GivesTheDeterminantOfAPermutation) {
  const auto comm = world();
  Matrix cycle(4, 4);
  for (Index i = 0; i < 4; ++i) cycle(i, (i + 1) % 4) = i == 2 ? -3.0 : 2.0;
  const Determinant determinant = factorised(comm, cycle)->factorisation()->determinant();
  EXPECT_EQ(determinant.sign, oracle::sign_of_det(cycle));
  EXPECT_NEAR(determinant.log_abs, std::log(24.0), 1e-13);
}

TEST(SparseFactorisation, UsesCholeskyWhereTheMatrixIsSymmetrisable) {
  const auto comm = world();
  const auto describe = [&](Graph graph, double rho) {
    return factorised(comm, shifted(weights(graph, 40), rho))->factorisation()->description();
  };
  EXPECT_NE(describe(Graph::random_symmetric, 0.9).find("Cholesky"), std::string::npos);
  EXPECT_NE(describe(Graph::islands, -0.9).find("Cholesky"), std::string::npos);
  EXPECT_NE(describe(Graph::random_directed, 0.9).find("LU"), std::string::npos);
  // Symmetrisable, but not definite.
  EXPECT_NE(describe(Graph::ring, 1.7).find("LU"), std::string::npos);
}

TEST(SparseFactorisation, EstimatesTheCondition) {
  const auto comm = world();
  const Matrix matrix = shifted(weights(Graph::random_directed, 40), 0.99);
  const auto norm = [](const Matrix& a) {
    double largest = 0;
    for (Index j = 0; j < a.cols; ++j) {
      double sum = 0;
      for (Index i = 0; i < a.rows; ++i) sum += std::abs(a(i, j));
      largest = std::max(largest, sum);
    }
    return largest;
  };
  const double condition = norm(matrix) * norm(oracle::inverse(matrix));
  const double estimate = factorised(comm, matrix)->factorisation()->condition();
  EXPECT_LE(estimate, condition * (1 + 1e-10));
  EXPECT_GE(estimate, condition / 3);
}

TEST(SparseFactorisation, RefusesRowNormalisedWeightsAtRhoOne) {
  const auto comm = world();
  for (const Graph graph : {Graph::ring, Graph::line, Graph::directed, Graph::nearly_dense}) {
    for (const Index n : {2, 5, 40, 305}) {
      const FactorPtr factor = sparse_factor("I - rho_o*W", shifted(weights(graph, n), 1.0));
      try {
        factorise(comm, std::vector<FactorPtr>{factor});
        ADD_FAILURE() << "accepted n = " << n;
      } catch (const core::DataError& error) {
        const std::string message = error.what();
        const std::string size = std::to_string(n) + " x " + std::to_string(n);
        EXPECT_NE(message.find("'I - rho_o*W' (" + size + ")"), std::string::npos) << message;
        EXPECT_NE(message.find("reciprocal condition"), std::string::npos) << message;
      }
      EXPECT_EQ(factor->factorisation(), nullptr);
    }
  }
}

TEST(SparseFactorisation, RefusesAZeroMatrix) {
  const auto comm = world();
  const FactorPtr factor = sparse_factor("Z", Matrix(3, 3));
  EXPECT_THROW(factorise(comm, std::vector<FactorPtr>{factor}), core::DataError);
}

}  // namespace
}  // namespace kronwerk::factors::test
