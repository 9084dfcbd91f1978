#include "kronwerk/operators/nearest/nearest_kronecker.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "support/dense_oracle.hpp"

namespace kronwerk::operators {
namespace {

using oracle::Matrix;

double inner(const Matrix& a, const Matrix& b) {
  return std::inner_product(a.values.begin(), a.values.end(), b.values.begin(), 0.0);
}

double trace(const Matrix& a) {
  double sum = 0;
  for (std::int64_t i = 0; i < a.rows; ++i) sum += a(i, i);
  return sum;
}

/// A sum of products with its factors at hand, to be formed explicitly.
struct Case {
  std::vector<std::vector<Matrix>> factors;  ///< per mode
  std::vector<FactorGrams::Term> terms;

  FactorGrams grams() const {
    FactorGrams result;
    result.terms = terms;
    for (const auto& mode : factors) {
      result.extents.push_back(mode[0].rows);
      result.grams.emplace_back();
      result.traces.emplace_back();
      for (const auto& a : mode) {
        result.traces.back().push_back(trace(a));
        for (const auto& b : mode) result.grams.back().push_back(inner(a, b));
      }
    }
    return result;
  }

  Matrix combination(std::size_t mode, const std::vector<double>& coefficients) const {
    Matrix result(factors[mode][0].rows, factors[mode][0].cols);
    for (std::size_t i = 0; i < coefficients.size(); ++i) {
      result = oracle::add(1.0, result, coefficients[i], factors[mode][i]);
    }
    return result;
  }

  Matrix whole() const {
    Matrix result;
    for (const auto& term : terms) {
      std::vector<Matrix> parts;
      for (std::size_t k = 0; k < factors.size(); ++k) {
        parts.push_back(factors[k][static_cast<std::size_t>(term.factors[k])]);
      }
      const Matrix product = oracle::kron(parts);
      if (result.rows == 0) result = Matrix(product.rows, product.cols);
      result = oracle::add(1.0, result, term.coefficient, product);
    }
    return result;
  }

  Matrix product(const std::vector<std::vector<double>>& coefficients) const {
    std::vector<Matrix> parts;
    for (std::size_t k = 0; k < factors.size(); ++k) {
      parts.push_back(combination(k, coefficients[k]));
    }
    return oracle::kron(parts);
  }
};

/// Every term is a choice of one factor per mode with a coefficient that is not small.
Case random_case(const std::vector<std::int64_t>& extents, const std::vector<int>& counts,
                 std::uint64_t seed) {
  Case result;
  std::uint64_t number = seed;
  for (std::size_t k = 0; k < extents.size(); ++k) {
    result.factors.emplace_back();
    for (int i = 0; i < counts[k]; ++i) {
      result.factors[k].push_back(i == 0 ? oracle::identity(extents[k])
                                         : oracle::random_matrix(extents[k], extents[k], ++number));
    }
  }
  std::vector<int> choice(extents.size(), 0);
  const auto coefficients = oracle::random_vector(100, seed);
  for (std::size_t t = 0;; ++t) {
    result.terms.push_back({coefficients[t], choice});
    std::size_t k = 0;
    while (k < choice.size() && ++choice[k] == counts[k]) choice[k++] = 0;
    if (k == choice.size()) break;
  }
  return result;
}

/// Van Loan's rearrangement of a matrix over the grid (m, n): its entry (row, column) of the first
/// mode's position and the second mode's.
Matrix rearranged(const Matrix& a, std::int64_t m, std::int64_t n) {
  Matrix result(m * m, n * n);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t j = 0; j < a.cols; ++j) {
      result((i / n) * m + j / n, (i % n) * n + j % n) = a(i, j);
    }
  }
  return result;
}

/// The largest singular value by the power method on the square.
double largest_singular_value(const Matrix& a) {
  const Matrix square = oracle::multiply(a, oracle::transpose(a));
  auto x = oracle::random_vector(square.rows, 99);
  double value = 0;
  for (int i = 0; i < 3000; ++i) {
    x = oracle::multiply(square, x);
    value = std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0));
    for (double& each : x) each /= value;
  }
  return std::sqrt(value);
}

double error_of(const Matrix& approximation, const Matrix& exact) {
  return oracle::relative_error(approximation, exact);
}

TEST(NearestTest, TheProductOfTwoModesIsTheLeadingSingularPair) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const Case c = random_case({5, 3}, {3, 2}, 10 * seed);
    const auto found = nearest_product(c.grams());
    const Matrix whole = c.whole();
    const double norm = std::sqrt(inner(whole, whole));
    const double sigma = largest_singular_value(rearranged(whole, 5, 3));
    const double expected = std::sqrt(1 - sigma * sigma / norm / norm);
    EXPECT_NEAR(found.relative_error, expected, 1e-6);
    EXPECT_NEAR(error_of(c.product(found.coefficients), whole), expected, 1e-6);
  }
}

TEST(NearestTest, TheSumTimesTheInverseOfAProductIsASumAgain) {
  for (const double small : {1.0, 0.0}) {  // 0: P_k is a multiple of the identity
    Case c = random_case({4, 3, 2}, {3, 2, 2}, 5);
    const std::vector<std::vector<double>> coefficients{
        {3.0, 0.4 * small, -0.2 * small}, {-2.5, 0.5 * small}, {3.0, 0.1 * small}};
    const auto combined = combine_with_inverse(c.grams(), coefficients, {0, 0, 0});
    Matrix found(24, 24);
    for (const auto& term : combined.terms) {
      std::vector<Matrix> parts;
      for (std::size_t k = 0; k < 3; ++k) {
        const auto& factor = c.factors[k][static_cast<std::size_t>(term.factors[k])];
        parts.push_back(
            term.factors[k] == combined.pivots[k]
                ? oracle::identity(factor.rows)
                : oracle::multiply(factor, oracle::inverse(c.combination(k, coefficients[k]))));
      }
      found = oracle::add(1.0, found, term.coefficient, oracle::kron(parts));
    }
    EXPECT_LE(
        error_of(found, oracle::multiply(c.whole(), oracle::inverse(c.product(coefficients)))),
        1e-12);
    for (const int pivot : combined.pivots) EXPECT_EQ(pivot == 0, small == 0.0);
    EXPECT_LE(combined.terms.size(), c.terms.size());
  }
}

TEST(NearestTest, AProductTimesItsOwnInverseIsTheIdentity) {
  Case c = random_case({4, 3}, {2, 2}, 6);
  c.terms = {{1.0, {0, 0}}, {-0.3, {1, 0}}, {0.4, {0, 1}}, {-0.12, {1, 1}}};
  const auto combined = combine_with_inverse(c.grams(), {{1.0, -0.3}, {1.0, 0.4}}, {0, 0});
  ASSERT_EQ(combined.terms.size(), 1u);
  EXPECT_NEAR(combined.terms[0].coefficient, 1.0, 1e-13);
  EXPECT_EQ(combined.terms[0].factors, combined.pivots);
}

TEST(NearestTest, LinearlyDependentFactorsAreNoObstacle) {
  Case c = random_case({4, 3}, {3, 3}, 7);
  c.factors[0][2] = oracle::add(2.0, c.factors[0][0], -3.0, c.factors[0][1]);
  c.factors[1][2] = c.factors[1][1];
  c.factors[1].push_back(Matrix(3, 3));  // a zero factor
  const auto found = nearest_product(c.grams());
  const Matrix whole = c.whole();
  const double norm = std::sqrt(inner(whole, whole));
  const double sigma = largest_singular_value(rearranged(whole, 4, 3));
  EXPECT_NEAR(error_of(c.product(found.coefficients), whole),
              std::sqrt(1 - sigma * sigma / norm / norm), 1e-6);
}

TEST(NearestTest, FactorsOfVeryDifferentSizesAreNoObstacle) {
  Case c = random_case({4, 3}, {2, 2}, 8);
  for (double& each : c.factors[0][1].values) each *= 1e9;
  for (auto& term : c.terms) {
    if (term.factors[0] == 1) term.coefficient *= 1e-9;
  }
  const auto found = nearest_product(c.grams());
  EXPECT_NEAR(error_of(c.product(found.coefficients), c.whole()), found.relative_error, 1e-7);
  EXPECT_LT(found.relative_error, 0.9);
}

TEST(NearestTest, AProductIsFoundExactly) {
  for (const std::size_t modes : {1u, 2u, 3u, 4u}) {
    Case c = random_case(std::vector<std::int64_t>{3, 2, 4, 2}, {2, 2, 2, 2}, 20);
    c.factors.resize(modes);
    // Π_k (I - r_k A_k), multiplied out.
    const std::vector<double> r{0.3, -0.4, 0.2, 0.5};
    c.terms.clear();
    for (int bits = 0; bits < (1 << modes); ++bits) {
      FactorGrams::Term term;
      for (std::size_t k = 0; k < modes; ++k) {
        term.factors.push_back((bits >> k) & 1);
        if (term.factors[k] == 1) term.coefficient *= -r[k];
      }
      c.terms.push_back(term);
    }
    const auto found = nearest_product(c.grams());
    EXPECT_LE(found.relative_error, 1e-7);
    EXPECT_LE(error_of(c.product(found.coefficients), c.whole()), 1e-7);
    for (std::size_t k = 0; k < modes; ++k) EXPECT_GT(found.coefficients[k][0], 0);
  }
}

TEST(NearestTest, TheProductOfManyModesIsBetterThanEveryNeighbour) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const Case c = random_case({3, 2, 4}, {2, 3, 2}, 30 * seed);
    const auto found = nearest_product(c.grams());
    const Matrix whole = c.whole();
    const double best = error_of(c.product(found.coefficients), whole);
    EXPECT_NEAR(best, found.relative_error, 1e-7);
    // No change of one mode's coefficients helps, and no term alone is closer.
    for (std::size_t k = 0; k < 3; ++k) {
      for (std::size_t i = 0; i < found.coefficients[k].size(); ++i) {
        for (const double change : {-1e-3, 1e-3}) {
          auto other = found.coefficients;
          other[k][i] += change;
          EXPECT_GE(error_of(c.product(other), whole), best);
        }
      }
    }
    for (std::size_t t = 0; t < c.terms.size(); ++t) {
      Case alone = c;
      alone.terms = {c.terms[t]};
      const Matrix term = alone.whole();
      const double scale = inner(term, whole) / inner(term, term);
      EXPECT_GE(error_of(oracle::add(scale, term, 0, term), whole), best - 1e-12);
    }
  }
}

TEST(NearestTest, ASmallDisturbanceOfAProductIsSeenThrough) {
  Case c = random_case({3, 4, 2}, {3, 3, 3}, 50);
  c.terms = {{1.0, {1, 1, 1}}, {1e-3, {2, 0, 1}}, {-1e-3, {0, 2, 2}}};
  const auto found = nearest_product(c.grams());
  EXPECT_LE(found.relative_error, 1e-2);
  EXPECT_GT(found.relative_error, 1e-5);
  EXPECT_NEAR(error_of(c.product(found.coefficients), c.whole()), found.relative_error, 1e-7);
}

TEST(NearestTest, ANegativeProductKeepsItsSign) {
  Case c = random_case({3, 2}, {2, 2}, 60);
  c.terms = {{-2.0, {1, 1}}};
  const auto found = nearest_product(c.grams());
  EXPECT_LE(error_of(c.product(found.coefficients), c.whole()), 1e-7);
  EXPECT_LT(found.coefficients[0][1], 0);
  EXPECT_GT(found.coefficients[1][1], 0);
}

TEST(NearestTest, AZeroSumHasAZeroProduct) {
  Case c = random_case({3, 2}, {2, 2}, 61);
  c.terms = {{1.0, {1, 1}}, {-1.0, {1, 1}}};
  const auto found = nearest_product(c.grams());
  EXPECT_EQ(inner(c.product(found.coefficients), c.product(found.coefficients)), 0.0);
  EXPECT_EQ(found.relative_error, 0.0);
}

Matrix kronecker_sum(const Case& c, const NearestSum& found) {
  std::int64_t size = 1;
  for (const auto& mode : c.factors) size *= mode[0].rows;
  Matrix result = oracle::add(found.shift, oracle::identity(size), 0, oracle::identity(size));
  for (std::size_t k = 0; k < c.factors.size(); ++k) {
    std::vector<Matrix> parts;
    for (std::size_t j = 0; j < c.factors.size(); ++j) {
      parts.push_back(j == k ? c.combination(k, found.coefficients[k])
                             : oracle::identity(c.factors[j][0].rows));
    }
    result = oracle::add(1.0, result, 1.0, oracle::kron(parts));
  }
  return result;
}

TEST(NearestTest, TheSumLeavesAResidualOrthogonalToAllSums) {
  const Case c = random_case({3, 2, 4}, {2, 3, 2}, 70);
  const auto found = nearest_sum(c.grams());
  const Matrix whole = c.whole();
  const Matrix sum = kronecker_sum(c, found);
  EXPECT_NEAR(error_of(sum, whole), found.relative_error, 1e-7);
  EXPECT_LT(found.relative_error, 1);
  const Matrix residual = oracle::add(1.0, whole, -1.0, sum);
  for (std::size_t k = 0; k < 3; ++k) {
    const std::int64_t n = c.factors[k][0].rows;
    for (std::int64_t entry = 0; entry < n * n; ++entry) {
      std::vector<Matrix> parts;
      for (const auto& mode : c.factors) parts.push_back(oracle::identity(mode[0].rows));
      parts[k] = Matrix(n, n);
      parts[k].values[static_cast<std::size_t>(entry)] = 1;
      EXPECT_NEAR(inner(residual, oracle::kron(parts)), 0, 1e-12);
    }
  }
}

TEST(NearestTest, ASumWithShiftIsFoundExactly) {
  Case c = random_case({3, 2, 4}, {2, 2, 2}, 80);
  c.terms = {{2.5, {0, 0, 0}}, {1.0, {1, 0, 0}}, {-0.7, {0, 1, 0}}, {0.4, {0, 0, 1}}};
  const auto found = nearest_sum(c.grams());
  EXPECT_LE(found.relative_error, 1e-7);
  EXPECT_LE(error_of(kronecker_sum(c, found), c.whole()), 1e-13);
}

}  // namespace
}  // namespace kronwerk::operators
