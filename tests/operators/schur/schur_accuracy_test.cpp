// Solves whose 2 x 2 blocks have entries of very different size: the residual is at rounding level
// whatever the eigenvalues look like.
#include <cmath>
#include <random>

#include "operators/schur/schur_fixture.hpp"
#include "operators/schur/solve_accuracy.hpp"

namespace kronwerk::operators {
namespace {

const Dense one;  // the identity

/// Row-normalised weights of the k nearest of n random points in a square.
Dense nearest_neighbours(Index n, Index k, std::uint64_t seed) {
  const auto x = oracle::random_vector(n, seed);
  const auto y = oracle::random_vector(n, seed + 7919);
  Dense result(n, n);
  for (Index i = 0; i < n; ++i) {
    std::vector<std::pair<double, Index>> others;
    for (Index j = 0; j < n; ++j) {
      const auto a = static_cast<std::size_t>(i), b = static_cast<std::size_t>(j);
      if (i != j) others.emplace_back(std::hypot(x[a] - x[b], y[a] - y[b]), j);
    }
    std::sort(others.begin(), others.end());
    for (Index m = 0; m < k; ++m) {
      result(i, others[static_cast<std::size_t>(m)].second) = 1 / static_cast<double>(k);
    }
  }
  return result;
}

class SchurAccuracy : public SchurFixture {
 protected:
  static Dense dense_of(const TestSchur& left, const TestSchur& right,
                        const std::vector<TestTerm>& terms) {
    Dense result(left.t.rows * right.t.rows, left.t.rows * right.t.rows);
    for (const auto& term : terms) {
      const Dense a = term.left.rows == 0 ? oracle::identity(left.t.rows) : left.full(term.left);
      const Dense b =
          term.right.rows == 0 ? oracle::identity(right.t.rows) : right.full(term.right);
      result = oracle::add(1, result, term.coefficient, oracle::kron(a, b));
    }
    return result;
  }

  void expect_accurate(const TestSchur& left, const TestSchur& right,
                       const std::vector<TestTerm>& terms) const {
    const auto op = make_schur_inverse(comm_, workspace_, sum_of(left, right, terms));
    const Dense dense = dense_of(left, right, terms);
    const auto rhs = oracle::random_vector(dense.rows, 3);
    for (const bool transposed : {false, true}) {
      SCOPED_TRACE(transposed ? "transposed" : "forward");
      const Dense matrix = transposed ? oracle::transpose(dense) : dense;
      expect_solved(matrix, apply(*op, rhs, transposed), rhs);
    }
    expect_adjoint(*op);
  }

  void expect_adjoint(const LinearOperator& op) const {
    const auto x = oracle::random_vector(op.input_layout().size(), 5);
    const auto y = oracle::random_vector(op.input_layout().size(), 6);
    const auto forward = apply(op, x);
    const auto backward = apply(op, y, true);
    double left = 0, right = 0, size = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      left += forward[i] * y[i];
      right += x[i] * backward[i];
      size += std::abs(forward[i] * y[i]) + std::abs(x[i] * backward[i]);
    }
    EXPECT_LE(std::abs(left - right), 1e-12 * size);
  }

  static std::vector<TestTerm> flow(const TestSchur& left, const TestSchur& right) {
    return {{1, one, one}, {-0.35, left.t, one}, {-0.3, one, right.t}, {0.1, left.t, right.t}};
  }

  /// Blocks [a b; c a] with the products b c = -(1e-1)², …, and the off-diagonal entries this far
  /// apart.
  static TestSchur with_ratio(Index n, Pairs pairs, double upper, double lower) {
    TestSchur result = random_schur(n, pairs, 77);
    for (Index i = 0; i + 1 < n; ++i) {
      if (result.t(i + 1, i) == 0) continue;
      const double sign = result.t(i + 1, i) > 0 ? 1 : -1;
      result.t(i, i + 1) = -sign * upper;
      result.t(i + 1, i) = sign * lower;
      const double imaginary = std::sqrt(upper) * std::sqrt(lower);
      const auto at = static_cast<std::size_t>(i);
      result.eigenvalues[at] = {result.t(i, i), imaginary};
      result.eigenvalues[at + 1] = {result.t(i, i), -imaginary};
    }
    return result;
  }
};

TEST_F(SchurAccuracy, WeightsOfNearestNeighboursHaveSmallResiduals) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    const auto w = schur_of(nearest_neighbours(7, 3, seed));
    const auto v = schur_of(nearest_neighbours(9, 2, seed + 100));
    expect_accurate(w, w, flow(w, w));
    expect_accurate(w, v, flow(w, v));
  }
}

TEST_F(SchurAccuracy, NearlyDefectivePairsOfAnySizeHaveSmallResiduals) {
  const std::vector<double> sizes{1, 1e-4, 1e-8, 1e-12, 1e-16, 1e-30, 1e-200};
  for (const double small : sizes) {
    for (const double large : {1.0, 1e3}) {
      for (const bool below : {true, false}) {
        SCOPED_TRACE(testing::Message() << large << " and " << small << (below ? ", below" : ""));
        const auto a =
            with_ratio(7, Pairs::from_first, below ? large : small, below ? small : large);
        const auto b =
            with_ratio(6, Pairs::every_third, below ? large : small, below ? small : large);
        const auto c = random_schur(5, Pairs::from_second, 13);
        expect_accurate(a, b, flow(a, b));
        expect_accurate(a, c, {{1, a.t, one}, {1, one, c.t}});
        expect_accurate(c, a, flow(c, a));
      }
    }
  }
}

TEST_F(SchurAccuracy, GradedMatricesHaveSmallResiduals) {
  Dense graded(8, 8);
  const auto numbers = oracle::random_matrix(8, 8, 4);
  for (Index i = 0; i < 8; ++i) {
    for (Index j = 0; j < 8; ++j) {
      graded(i, j) = numbers(i, j) * std::pow(10.0, -static_cast<double>(i));
    }
  }
  const auto a = schur_of(oracle::add(1, graded, 2, oracle::identity(8)));
  const auto b = schur_of(oracle::transpose(graded));
  expect_accurate(a, b, {{1, a.t, one}, {1, one, b.t}});
  expect_accurate(b, a, flow(b, a));
}

TEST_F(SchurAccuracy, JordanBlocksHaveSmallResiduals) {
  for (const double epsilon : {0.0, 1e-8, 1e-12, 1e-16}) {
    SCOPED_TRACE(epsilon);
    Dense jordan = oracle::identity(6);
    for (Index i = 0; i + 1 < 6; ++i) jordan(i, i + 1) = 1;
    jordan(5, 0) = epsilon;
    const auto a = schur_of(jordan);
    const auto b = schur_of(oracle::transpose(jordan));
    expect_accurate(a, b, flow(a, b));
    expect_accurate(a, a, {{1, a.t, one}, {1, one, a.t}});
  }
}

}  // namespace
}  // namespace kronwerk::operators
