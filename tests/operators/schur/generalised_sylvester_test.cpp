// A X Dᵀ + C X Bᵀ = F by the QZ decompositions of (A, C) and (D, B), against dense solves.
#include <cmath>

#include "kronwerk/operators/spectral/spectral_operator.hpp"
#include "operators/schur/schur_fixture.hpp"
#include "operators/schur/solve_accuracy.hpp"

namespace kronwerk::operators {
namespace {

class GeneralisedSylvester : public SchurFixture {
 protected:
  /// Two matrices of one mode.
  struct Pair {
    Dense first, second;
  };

  factors::BasisPtr basis_of(const Pair& pair, bool eigenvalues_only = false) const {
    factors::BasisRequest request;
    request.matrix = {{make_factor(pair.first), false, false}};
    request.partner = factors::Chain{{make_factor(pair.second), false, false}};
    request.generalised_schur = true;
    request.eigenvalues_only = eigenvalues_only;
    const auto found = factors::find_bases(comm_, std::vector{request});
    EXPECT_EQ(found.why_not[0], "");
    return found.bases[0];
  }
  using SchurFixture::basis_of;

  /// a (first ⊗ first) + b (second ⊗ second)
  static Dense dense_of(const Pair& left, const Pair& right, double a, double b) {
    return oracle::add(a, oracle::kron(left.first, right.first), b,
                       oracle::kron(left.second, right.second));
  }

  OperatorPtr inverse_of(const Pair& left, const Pair& right, double a, double b,
                         Index batch = 1) const {
    const auto l = basis_of(left);
    const auto r = basis_of(right);
    const SchurSum sum{
        {l, r},
        {{a, {l->triangular, r->triangular}}, {b, {l->partner_triangular, r->partner_triangular}}}};
    return make_schur_inverse(comm_, workspace_, sum, batch);
  }

  void expect_accurate(const Pair& left, const Pair& right, double a = 1, double b = 1) const {
    const auto op = inverse_of(left, right, a, b);
    const Dense dense = dense_of(left, right, a, b);
    const auto rhs = oracle::random_vector(dense.rows, 3);
    for (const bool transposed : {false, true}) {
      SCOPED_TRACE(transposed ? "transposed" : "forward");
      expect_solved(transposed ? oracle::transpose(dense) : dense, apply(*op, rhs, transposed),
                    rhs);
    }
    const auto l = basis_of(left, true);
    const auto r = basis_of(right, true);
    const auto determinant = spectral_determinant(comm_, spectral_sum(l, r, a, b));
    EXPECT_NEAR(determinant.log_abs, oracle::log_abs_det(dense),
                1e-9 * static_cast<double>(dense.rows));
    EXPECT_EQ(determinant.sign, oracle::sign_of_det(dense));
  }

  static std::vector<std::complex<double>> partner_of(const factors::BasisPtr& basis) {
    return {basis->partner_eigenvalues.begin(), basis->partner_eigenvalues.end()};
  }

  static SpectralSum spectral_sum(const factors::BasisPtr& l, const factors::BasisPtr& r, double a,
                                  double b) {
    return {{l, r}, {{a, {l->eigenvalues, r->eigenvalues}}, {b, {partner_of(l), partner_of(r)}}}};
  }

  static Pair random_pair(Index n, std::uint64_t seed) {
    return {oracle::random_matrix(n, n, seed), oracle::random_matrix(n, n, seed + 500)};
  }

  static Pair swapped(const Pair& pair) { return {pair.second, pair.first}; }
};

TEST_F(GeneralisedSylvester, RandomPairsAgreeWithTheDenseSolve) {
  const std::vector<std::pair<Index, Index>> extents{{1, 1}, {1, 6},  {6, 1},  {2, 3},
                                                     {5, 7}, {11, 4}, {13, 10}};
  for (const auto& [rows, columns] : extents) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      SCOPED_TRACE(testing::Message() << rows << " x " << columns << ", seed " << seed);
      expect_accurate(random_pair(rows, seed), random_pair(columns, seed + 50), 1, 0.7);
    }
  }
}

TEST_F(GeneralisedSylvester, SingularMatricesOfRegularPairsAreTaken) {
  Pair left = random_pair(6, 3);
  for (Index j = 0; j < 6; ++j) left.second(2, j) = left.second(4, j);
  Pair right = random_pair(5, 4);
  for (Index j = 0; j < 5; ++j) right.second(j, 0) = 0;
  for (Index j = 0; j < 5; ++j) right.second(3, j) = 2 * right.second(1, j);
  expect_accurate(left, right);
  expect_accurate(swapped(left), swapped(right));
  const Pair nilpotent{oracle::identity(3), Dense(3, 3, {0, 1, 0, 0, 0, 1, 0, 0, 0})};
  expect_accurate(nilpotent, right);
  expect_accurate(right, nilpotent);
  // An infinite eigenvalue of one mode and a zero of the other make the sum singular.
  EXPECT_THROW(expect_accurate(left, swapped(right)), core::DataError);
}

TEST_F(GeneralisedSylvester, NearlyDefectiveAndGradedPairsAreSolvedToRounding) {
  for (const double small : {1e-8, 1e-12, 1e-16}) {
    SCOPED_TRACE(small);
    Dense jordan = oracle::identity(5);
    for (Index i = 0; i + 1 < 5; ++i) jordan(i, i + 1) = 1;
    jordan(4, 0) = -small;
    Dense graded = oracle::random_matrix(4, 4, 9);
    for (Index i = 0; i < 4; ++i) {
      for (Index j = 0; j < 4; ++j) graded(i, j) *= std::pow(10.0, -2.0 * static_cast<double>(j));
    }
    const Pair left{oracle::multiply(oracle::random_matrix(5, 5, 8), jordan),
                    oracle::random_matrix(5, 5, 8)};
    const Pair right{oracle::identity(4), oracle::add(1, graded, 3, oracle::identity(4))};
    expect_accurate(left, right);
    expect_accurate(right, left, 0.5, 2);
  }
}

TEST_F(GeneralisedSylvester, AModeWithOneMatrixGoesWithAPair) {
  const Pair pair = random_pair(6, 31);
  const auto single = schur_of(oracle::random_matrix(5, 5, 32));
  const auto l = basis_of(pair);
  const auto r = basis_of(single);
  const SchurSum sum{{l, r},
                     {{1, {l->triangular, nullptr}}, {2, {l->partner_triangular, r->triangular}}}};
  const Dense dense = oracle::add(1, oracle::kron(pair.first, oracle::identity(5)), 2,
                                  oracle::kron(pair.second, single.full(single.t)));
  const auto op = make_schur_inverse(comm_, workspace_, sum);
  const auto rhs = oracle::random_vector(30, 2);
  expect_solved(dense, apply(*op, rhs), rhs);
  expect_solved(oracle::transpose(dense), apply(*op, rhs, true), rhs);
}

TEST_F(GeneralisedSylvester, VectorsOfABatchAreSolvedTogether) {
  const Pair left = random_pair(7, 41), right = random_pair(4, 42);
  const Dense dense = dense_of(left, right, 1, -0.6);
  constexpr Index batch = 5;
  const auto op = inverse_of(left, right, 1, -0.6, batch);
  const auto rhs = oracle::random_vector(batch * 28, 2);
  const auto x = apply(*op, rhs);
  for (Index vector = 0; vector < batch; ++vector) {
    const auto begin = vector * 28;
    expect_solved(dense, {x.begin() + begin, x.begin() + begin + 28},
                  {rhs.begin() + begin, rhs.begin() + begin + 28});
  }
}

TEST_F(GeneralisedSylvester, DerivativesOfTheDeterminantAreTracesOfTheInverse) {
  const Pair left = random_pair(6, 51), right = random_pair(5, 52);
  const auto l = basis_of(left, true);
  const auto r = basis_of(right, true);
  const SpectralTerm derivative{1, {partner_of(l), partner_of(r)}};
  const double trace = trace_of_inverse(comm_, spectral_sum(l, r, 1, 0.4), std::vector{derivative});
  const Dense solved =
      oracle::solve(dense_of(left, right, 1, 0.4), oracle::kron(left.second, right.second));
  double expected = 0;
  for (Index i = 0; i < solved.rows; ++i) expected += solved(i, i);
  EXPECT_NEAR(trace, expected, 1e-9 * std::abs(expected));
}

TEST_F(GeneralisedSylvester, SingularSumsAreRefusedWithTheOffendingPair) {
  const Pair left{Dense(2, 2, {1, 0.3, 0, 2}), Dense(2, 2, {1, 0.5, 0, 1})};
  const Pair right{Dense(2, 2, {1, 0.2, 0, 4}), Dense(2, 2, {3, 0.4, 0, -8})};
  try {
    inverse_of(left, right, 1, 1);
    FAIL() << "a singular sum was taken";
  } catch (const core::DataError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("generalised eigenvalue 2 of mode 1 (2)"), std::string::npos) << text;
    EXPECT_NE(text.find("generalised eigenvalue 2 of mode 2 (-0.5)"), std::string::npos) << text;
  }
}

TEST_F(GeneralisedSylvester, SingularPencilsAreRefused) {
  Pair left = random_pair(4, 61);
  for (Index j = 0; j < 4; ++j) left.first(1, j) = left.second(1, j) = 0;
  EXPECT_THROW(inverse_of(left, random_pair(3, 62), 1, 1), core::DataError);
}

}  // namespace
}  // namespace kronwerk::operators
