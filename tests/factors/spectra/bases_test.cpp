#include "kronwerk/factors/spectra/bases.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "factors/dense/dense_case.hpp"
#include "factors/sparse/sparse_cases.hpp"
#include "factors/spectra/basis_plan.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/factors/base/distributed_libraries.hpp"

namespace kronwerk::factors::test {
namespace {

using oracle::multiply;
using oracle::relative_error;
using oracle::transpose;
using Eigenvalue = std::complex<double>;

// Everything of at least 20 rows is shared by all ranks.
const SpectrumLimits shared{.symmetric = 20, .block = 4, .distributed_efficiency = 100};

Matrix matrix_of(const Chain& chain) {
  Matrix result(rows(chain), cols(chain));
  for_column_panels(chain, 0, cols(chain),
                    [&](Index first, Index count, std::span<const double> panel) {
                      for (Index i = 0; i < result.rows; ++i) {
                        for (Index c = 0; c < count; ++c) {
                          result(i, first + c) = panel[static_cast<std::size_t>(i * count + c)];
                        }
                      }
                    });
  return result;
}

Matrix lambda_of(const Basis& basis) {
  Matrix result(basis.extent, basis.extent);
  if (basis.kind == BasisKind::schur) {
    basis.triangular->add_to_dense(1.0, result.values);
    return result;
  }
  for (Index i = 0; i < basis.extent; ++i) {
    const Eigenvalue value = basis.eigenvalues[static_cast<std::size_t>(i)];
    result(i, i) = value.real();
    if (i >= 2 * basis.pairs) {
      EXPECT_EQ(value.imag(), 0);
    } else if (i % 2 == 0) {
      EXPECT_GT(value.imag(), 0);
      EXPECT_EQ(basis.eigenvalues[static_cast<std::size_t>(i + 1)], std::conj(value));
      result(i, i + 1) = value.imag();
      result(i + 1, i) = -value.imag();
    }
  }
  return result;
}

// P⁻¹ A Q⁻¹ = Λ and A = P Λ Q.
void expect_diagonalises(const Basis& basis, const Matrix& a, double tolerance = 1e-12) {
  ASSERT_EQ(basis.extent, a.rows);
  ASSERT_EQ(std::ssize(basis.eigenvalues), a.rows);
  const Matrix to = matrix_of(basis.to_basis);
  const Matrix from = matrix_of(basis.from_basis);
  const Matrix lambda = lambda_of(basis);
  EXPECT_LT(relative_error(multiply(to, multiply(a, from)), lambda), tolerance);
  EXPECT_LT(relative_error(oracle::solve(to, multiply(lambda, oracle::inverse(from))), a),
            tolerance);
}

void expect_ascending(const Basis& basis) {
  EXPECT_TRUE(
      std::is_sorted(basis.eigenvalues.begin(), basis.eigenvalues.end(),
                     [](const Eigenvalue& a, const Eigenvalue& b) { return a.real() < b.real(); }));
}

void expect_orthonormal(const Chain& chain) {
  const Matrix v = matrix_of(chain);
  EXPECT_LT(relative_error(multiply(transpose(v), v), oracle::identity(v.rows)), 1e-13);
}

BasisResult bases_of(const std::vector<BasisRequest>& requests, const SpectrumLimits& limits = {}) {
  return find_bases(world(), requests, limits);
}

BasisPtr basis_of(const FactorPtr& factor, bool schur_allowed = false,
                  const SpectrumLimits& limits = {}) {
  const BasisResult result = bases_of({{{Link{factor}}, std::nullopt, schur_allowed}}, limits);
  EXPECT_EQ(result.bases[0] == nullptr, !result.why_not[0].empty()) << result.why_not[0];
  return result.bases[0];
}

Matrix random_symmetric(Index n, std::uint64_t seed) {
  const Matrix a = oracle::random_matrix(n, n, seed);
  return oracle::add(0.5, a, 0.5, transpose(a));
}

Matrix random_definite(Index n, std::uint64_t seed) {
  const Matrix a = oracle::random_matrix(n, n + 3, seed);
  return oracle::add(1.0, multiply(a, transpose(a)), 0.1, oracle::identity(n));
}

Matrix normal_with_pairs(Index n) {  // a cyclic shift plus a shift of the spectrum
  Matrix a(n, n);
  for (Index i = 0; i < n; ++i) a(i, (i + 1) % n) = 1;
  for (Index i = 0; i < n; ++i) a(i, i) = 0.25;
  return a;
}

TEST(Basis, OfSymmetricMatricesIsOrthonormal) {
  for (const SpectrumLimits& limits : {SpectrumLimits{}, shared}) {
    for (const Index n : {1, 2, 5, 23, 41}) {
      const Matrix a = random_symmetric(n, 3);
      const BasisPtr basis = basis_of(dense_factor(a), false, limits);
      ASSERT_NE(basis, nullptr);
      EXPECT_EQ(basis->kind, BasisKind::symmetric);
      EXPECT_TRUE(basis->real());
      EXPECT_EQ(basis->condition, 1);
      EXPECT_EQ(basis->log_abs_det, 0);
      expect_diagonalises(*basis, a);
      expect_orthonormal(basis->from_basis);
      expect_ascending(*basis);
    }
  }
}

TEST(Basis, OfLargeMatricesIsFoundByAllRanks) {
  const auto comm = world();
  const Matrix a = random_symmetric(29, 5);
  const bool spread = comm.size() > 1 && has_scalapack();
  const char* library = !spread ? "(LAPACK" : has_elpa() ? "(ELPA" : "(ScaLAPACK";
  EXPECT_NE(basis_of(dense_factor(a), false, shared)->description.find(library), std::string::npos);
  EXPECT_EQ(basis_of(dense_factor(a))->description,
            "symmetric eigendecomposition (LAPACK, 29 x 29)");
}

TEST(Basis, OfNeighbourMatricesIsScaled) {
  for (const SpectrumLimits& limits : {SpectrumLimits{}, shared}) {
    for (const Graph graph : {Graph::line, Graph::islands, Graph::random_symmetric}) {
      const Matrix w = weights(graph, 37);
      for (const FactorPtr& factor : {sparse_factor("W", w), dense_factor(w, "W")}) {
        const BasisPtr basis = basis_of(factor, false, limits);
        ASSERT_NE(basis, nullptr);
        EXPECT_EQ(basis->kind, BasisKind::scaled);
        EXPECT_TRUE(basis->real());
        EXPECT_GE(basis->condition, 1);
        EXPECT_NEAR(basis->eigenvalues.back().real(), 1, 1e-13);
        expect_diagonalises(*basis, w);
        expect_ascending(*basis);
        EXPECT_LT(relative_error(multiply(matrix_of(basis->to_basis), matrix_of(basis->from_basis)),
                                 oracle::identity(37)),
                  1e-13);
      }
    }
  }
}

TEST(Basis, OfTransposesAndChains) {
  const Matrix w = weights(Graph::random_symmetric, 24);
  const Matrix a = oracle::random_matrix(24, 24, 2);
  const FactorPtr sparse = sparse_factor("W", w);
  const FactorPtr dense = dense_factor(a);
  const FactorPtr regular = dense_factor(oracle::random_regular(24, 4), "R");
  const std::vector<BasisRequest> requests{
      {{Link{sparse, true}}, {}, true},
      {{Link{dense, true}}, {}, true},
      {{Link{dense, true}, Link{make_identity(24)}, Link{dense}}, {}, true},
      {{Link{regular, true, true}, Link{dense}}, {}, true},
      {{Link{make_identity(24)}, Link{sparse}}, {}, true},
  };
  for (const SpectrumLimits& limits : {SpectrumLimits{}, shared}) {
    const BasisResult result = bases_of(requests, limits);
    const std::vector<BasisKind> kinds{BasisKind::scaled, BasisKind::eigenvectors,
                                       BasisKind::symmetric, BasisKind::eigenvectors,
                                       BasisKind::scaled};
    for (std::size_t i = 0; i < requests.size(); ++i) {
      ASSERT_NE(result.bases[i], nullptr) << result.why_not[i];
      EXPECT_EQ(result.bases[i]->kind, kinds[i]) << i;
      expect_diagonalises(*result.bases[i], matrix_of(requests[i].matrix), 1e-11);
    }
  }
}

TEST(Basis, OfAPairDiagonalisesBoth) {
  for (const SpectrumLimits& limits : {SpectrumLimits{}, shared}) {
    for (const Index n : {1, 6, 31}) {
      const Matrix a = random_symmetric(n, 3);
      const Matrix b = random_definite(n, 4);
      const BasisResult result =
          bases_of({{{Link{dense_factor(a, "A")}}, Chain{Link{dense_factor(b, "B")}}}}, limits);
      const BasisPtr basis = result.bases[0];
      ASSERT_NE(basis, nullptr) << result.why_not[0];
      EXPECT_EQ(basis->kind, BasisKind::pair);
      EXPECT_TRUE(basis->real());
      expect_diagonalises(*basis, a, 1e-11);
      expect_ascending(*basis);
      const Matrix product =
          multiply(matrix_of(basis->to_basis), multiply(b, matrix_of(basis->from_basis)));
      EXPECT_LT(relative_error(product, oracle::identity(n)), 1e-11);
      EXPECT_NEAR(basis->log_abs_det, oracle::log_abs_det(b), 1e-11);
      EXPECT_GE(basis->condition, 1);
    }
  }
}

TEST(Basis, OfAPairWithTheIdentityIsThatOfTheOther) {
  const Matrix a = random_symmetric(8, 3);
  const BasisResult result =
      bases_of({{{Link{dense_factor(a)}}, Chain{Link{make_identity(8)}}},
                {{Link{make_diagonal("D", std::vector<double>{2, 3, -4})}},
                 Chain{Link{make_diagonal("E", std::vector<double>{4, 1, 2})}}},
                {{Link{make_identity(8)}}, Chain{Link{dense_factor(random_definite(8, 2))}}}});
  EXPECT_EQ(result.bases[0]->kind, BasisKind::symmetric);
  expect_diagonalises(*result.bases[0], a);
  const Basis& diagonal = *result.bases[1];
  EXPECT_EQ(diagonal.kind, BasisKind::pair);
  EXPECT_DOUBLE_EQ(diagonal.log_abs_det, std::log(8));
  expect_diagonalises(diagonal, Matrix(3, 3, {2, 0, 0, 0, 3, 0, 0, 0, -4}));
  EXPECT_EQ(result.bases[2]->kind, BasisKind::pair);
  expect_diagonalises(*result.bases[2], oracle::identity(8), 1e-11);
}

Matrix dense_of(const Factor& factor) {
  Matrix result(factor.rows(), factor.cols());
  factor.add_to_dense(1.0, result.values);
  return result;
}

/// n x n with some rows of zeros.
Matrix with_empty_rows(Index n, Index count, std::uint64_t seed) {
  Matrix result = oracle::random_matrix(n, n, seed);
  for (Index i = 0; i < count; ++i) {
    for (Index j = 0; j < n; ++j) result((2 * i + 1) % n, j) = 0;
  }
  return result;
}

TEST(Basis, OfAnyTwoMatricesIsTheirQzDecomposition) {
  for (const Index n : {1, 2, 7, 30}) {
    const Matrix a = with_empty_rows(n, n / 4, 5);
    const Matrix b = transpose(with_empty_rows(n, n / 5, 6));
    BasisRequest request{{Link{dense_factor(a, "A")}}, Chain{Link{dense_factor(b, "B"), true}}};
    request.generalised_schur = true;
    const BasisPtr basis = bases_of({request, request}).bases[1];
    ASSERT_NE(basis, nullptr);
    EXPECT_EQ(basis->kind, BasisKind::generalised_schur);
    EXPECT_FALSE(basis->real());
    EXPECT_EQ(basis->condition, 1);
    expect_orthonormal(basis->to_basis);
    expect_orthonormal(basis->from_basis);
    const Matrix to = matrix_of(basis->to_basis);
    const Matrix from = matrix_of(basis->from_basis);
    EXPECT_LT(relative_error(multiply(to, multiply(a, from)), dense_of(*basis->triangular)), 1e-13);
    const Matrix t = dense_of(*basis->partner_triangular);
    EXPECT_LT(relative_error(multiply(to, multiply(transpose(b), from)), t), 1e-13);
    EXPECT_EQ(basis->determinant_sign, oracle::sign_of_det(to) * oracle::sign_of_det(from));
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < i; ++j) EXPECT_EQ(t(i, j), 0);
    }
  }
}

TEST(Basis, EigenvaluesOfAQzDecompositionGiveDeterminantsOfCombinations) {
  for (const Index n : {1, 2, 9, 12}) {
    const Matrix a = oracle::random_matrix(n, n, 15);
    const Matrix b = with_empty_rows(n, n / 5, 16);
    BasisRequest request{{Link{dense_factor(a, "A")}}, Chain{Link{dense_factor(b, "B")}}};
    request.generalised_schur = request.eigenvalues_only = true;
    const BasisPtr basis = bases_of({request}).bases[0];
    EXPECT_TRUE(basis->to_basis.empty());
    for (const double weight : {0.0, 1.0, -2.5}) {
      Eigenvalue product = static_cast<double>(basis->determinant_sign);
      for (std::size_t i = 0; i < basis->eigenvalues.size(); ++i) {
        product *= basis->eigenvalues[i] + weight * basis->partner_eigenvalues[i];
      }
      const Matrix sum = oracle::add(1, a, weight, b);
      const double expected = oracle::sign_of_det(sum) * std::exp(oracle::log_abs_det(sum));
      EXPECT_NEAR(product.real(), expected, 1e-12 * std::abs(expected));
      EXPECT_NEAR(product.imag(), 0, 1e-12 * std::abs(expected));
    }
  }
}

TEST(Basis, OfAPairIsRefusedWithReasons) {
  const FactorPtr a = dense_factor(random_symmetric(5, 3), "A");
  const FactorPtr indefinite = dense_factor(random_symmetric(5, 4), "B");
  const FactorPtr general = dense_factor(oracle::random_matrix(5, 5, 5), "C");
  const FactorPtr negative = make_diagonal("D", std::vector<double>{1, 1, 0, 1, 1});
  const BasisResult result = bases_of({{{Link{a}}, Chain{Link{indefinite}}},
                                       {{Link{a}}, Chain{Link{general}}},
                                       {{Link{general}}, Chain{Link{indefinite}}},
                                       {{Link{a}}, Chain{Link{negative}}},
                                       {{Link{make_identity(5)}}, Chain{Link{negative}}},
                                       {{Link{a}}, Chain{Link{a}}}});
  const std::vector<std::string> reasons{
      "'B' (5 x 5) is not positive definite", "'C' (5 x 5) is not symmetric",
      "'C' (5 x 5) is not symmetric",         "'D' (5 x 5) is not positive definite",
      "'D' (5 x 5) is not positive definite", "'A' (5 x 5) is not positive definite"};
  for (std::size_t i = 0; i < reasons.size(); ++i) {
    EXPECT_EQ(result.bases[i], nullptr);
    EXPECT_NE(result.why_not[i].find(reasons[i]), std::string::npos) << result.why_not[i];
  }
}

TEST(Basis, OfGeneralMatricesHasPairsFirst) {
  for (const SpectrumLimits& limits : {SpectrumLimits{}, shared}) {
    for (const Index n : {2, 3, 12, 33}) {
      for (const Matrix& a : {oracle::random_matrix(n, n, 11), normal_with_pairs(n),
                              weights(Graph::random_directed, n)}) {
        const BasisResult result = bases_of({{{Link{dense_factor(a)}}, {}, true}}, limits);
        ASSERT_NE(result.bases[0], nullptr) << result.why_not[0];
        if (result.bases[0]->kind == BasisKind::eigenvectors) {
          EXPECT_LT(result.bases[0]->condition, 1e3);
          EXPECT_EQ(result.bases[0]->real(), result.bases[0]->pairs == 0);
        }
        expect_diagonalises(*result.bases[0], a, 1e-10);
      }
    }
  }
  // (n - 1) / 2 pairs of the roots of unity, and one is real; the matrix is normal.
  const BasisPtr basis = basis_of(dense_factor(normal_with_pairs(13)));
  EXPECT_EQ(basis->pairs, 6);
  EXPECT_NEAR(basis->condition, 1, 1e-12);
  EXPECT_NEAR(basis->eigenvalues.back().real(), 1.25, 1e-13);
  expect_orthonormal(basis->from_basis);
}

TEST(Basis, WithRealEigenvaluesOfANonSymmetricMatrixIsReal) {
  const Matrix x = oracle::random_regular(14, 3);
  Matrix lambda(14, 14);
  for (Index i = 0; i < 14; ++i) lambda(i, i) = static_cast<double>(i * i) - 20;
  const Matrix a = multiply(x, oracle::transpose(oracle::solve(transpose(x), lambda)));
  const BasisPtr basis = basis_of(dense_factor(a));
  ASSERT_NE(basis, nullptr);
  EXPECT_EQ(basis->kind, BasisKind::eigenvectors);
  EXPECT_EQ(basis->pairs, 0);
  EXPECT_TRUE(basis->real());
  expect_ascending(*basis);
  expect_diagonalises(*basis, a, 1e-11);
}

TEST(Basis, OfDefectiveMatricesIsSchurOrRefused) {
  Matrix jordan(23, 23);
  for (Index i = 0; i < 23; ++i) {
    jordan(i, i) = 2;
    if (i > 0) jordan(i - 1, i) = 1;
  }
  const Matrix rotation = oracle::random_regular(23, 1);
  const Matrix hidden = multiply(rotation, multiply(jordan, oracle::inverse(rotation)));
  for (const SpectrumLimits& limits : {SpectrumLimits{}, shared}) {
    for (const Matrix& a : {jordan, hidden}) {
      const FactorPtr factor = dense_factor(a, "J");
      const BasisPtr basis = basis_of(factor, true, limits);
      ASSERT_NE(basis, nullptr);
      EXPECT_EQ(basis->kind, BasisKind::schur);
      EXPECT_FALSE(basis->real());
      ASSERT_NE(basis->triangular, nullptr);
      expect_orthonormal(basis->from_basis);
      expect_diagonalises(*basis, a);
      const Matrix t = lambda_of(*basis);
      for (Index i = 0; i < t.rows; ++i) {
        for (Index j = 0; j + 1 < i; ++j) EXPECT_EQ(t(i, j), 0);
      }
      const BasisResult refused = bases_of({{{Link{factor}}}}, limits);
      EXPECT_EQ(refused.bases[0], nullptr);
      EXPECT_NE(refused.why_not[0].find("the eigenvectors of 'J' (23 x 23) have condition"),
                std::string::npos)
          << refused.why_not[0];
    }
  }
}

TEST(Basis, OfDiagonalsIsFree) {
  const Index before = decomposition_count();
  const FactorPtr d = make_diagonal("D", std::vector<double>{3, -1, 2});
  const BasisResult result =
      bases_of({{{Link{d}}}, {{Link{make_identity(4)}}}, {{Link{d, false, true}, Link{d, true}}}});
  EXPECT_EQ(decomposition_count(), before);
  EXPECT_EQ(result.bases[0]->kind, BasisKind::identity);
  EXPECT_TRUE(is_identity(result.bases[0]->to_basis));
  EXPECT_EQ(result.bases[0]->eigenvalues, (std::vector<Eigenvalue>{3, -1, 2}));
  EXPECT_EQ(result.bases[1]->eigenvalues, std::vector<Eigenvalue>(4, 1));
  EXPECT_EQ(result.bases[2]->eigenvalues, std::vector<Eigenvalue>(3, 1));
}

TEST(Basis, IsComputedOnceForEqualRequests) {
  const FactorPtr a = dense_factor(random_symmetric(6, 1));
  const FactorPtr b = dense_factor(oracle::random_matrix(7, 7, 1));
  const Index before = decomposition_count();
  const BasisResult result = bases_of({{{Link{a}}}, {{Link{b}}, {}, true}, {{Link{a}}}});
  EXPECT_EQ(decomposition_count() - before, 2);
  EXPECT_EQ(result.bases[0], result.bases[2]);
  EXPECT_NE(result.bases[0], result.bases[1]);
}

TEST(Basis, OfMoreMatricesThanRanks) {
  std::vector<BasisRequest> requests;
  std::vector<Matrix> matrices;
  for (Index n = 2; n < 27; n += 2) {
    matrices.push_back(n % 4 == 0 ? random_symmetric(n, 2) : oracle::random_matrix(n, n, 3));
    requests.push_back({{Link{dense_factor(matrices.back())}}, {}, true});
  }
  for (const SpectrumLimits& limits :
       {SpectrumLimits{}, shared, SpectrumLimits{.symmetric = 2, .block = 2}}) {
    const BasisResult result = bases_of(requests, limits);
    for (std::size_t i = 0; i < matrices.size(); ++i) {
      ASSERT_NE(result.bases[i], nullptr) << result.why_not[i];
      expect_diagonalises(*result.bases[i], matrices[i], 1e-11);
    }
  }
}

TEST(Eigenvalues, AloneAreThoseOfTheBasis) {
  const FactorPtr partner = dense_factor(random_definite(22, 2), "B");
  std::vector<BasisRequest> requests;
  requests.push_back({{Link{dense_factor(random_symmetric(22, 1))}}});
  requests.push_back({{Link{sparse_factor("W", weights(Graph::random_symmetric, 25))}}});
  requests.push_back({{Link{dense_factor(random_symmetric(22, 1))}}, Chain{Link{partner}}});
  requests.push_back({{Link{dense_factor(normal_with_pairs(21))}}});
  for (const SpectrumLimits& limits : {SpectrumLimits{}, shared}) {
    const BasisResult full = bases_of(requests, limits);
    std::vector<BasisRequest> values = requests;
    for (BasisRequest& request : values) request.eigenvalues_only = true;
    const BasisResult alone = bases_of(values, limits);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      ASSERT_NE(alone.bases[i], nullptr) << alone.why_not[i];
      EXPECT_TRUE(alone.bases[i]->to_basis.empty());
      EXPECT_TRUE(alone.bases[i]->from_basis.empty());
      EXPECT_EQ(alone.bases[i]->pairs, full.bases[i]->pairs);
      ASSERT_EQ(alone.bases[i]->eigenvalues.size(), full.bases[i]->eigenvalues.size());
      for (std::size_t k = 0; k < alone.bases[i]->eigenvalues.size(); ++k) {
        EXPECT_LT(std::abs(alone.bases[i]->eigenvalues[k] - full.bases[i]->eigenvalues[k]), 1e-10);
      }
    }
    EXPECT_DOUBLE_EQ(alone.bases[2]->log_abs_det, full.bases[2]->log_abs_det);
  }
}

TEST(Basis, RefusesWhatIsNotANumberByName) {
  Matrix a = random_symmetric(6, 1);
  a(2, 4) = a(4, 2) = std::numeric_limits<double>::quiet_NaN();
  for (const FactorPtr& factor : {dense_factor(a, "holey"), sparse_factor("holey", a)}) {
    try {
      bases_of({{{Link{factor}}}});
      ADD_FAILURE() << "accepted NaN";
    } catch (const core::DataError& error) {
      EXPECT_NE(std::string(error.what()).find("'holey' (6 x 6)"), std::string::npos);
    }
  }
  EXPECT_THROW(bases_of({{{Link{make_diagonal(
                   "D", std::vector<double>{1, std::numeric_limits<double>::infinity()})}}}}),
               core::DataError);
}

TEST(Basis, RefusesShapesThatDoNotConform) {
  EXPECT_THROW(bases_of({{{Link{dense_factor(Matrix(3, 4))}}}}), core::ShapeError);
  EXPECT_THROW(bases_of({{{Link{make_identity(3)}}, Chain{Link{make_identity(4)}}}}),
               core::ShapeError);
  const FactorPtr singular = make_diagonal("Z", std::vector<double>{1, 0});
  EXPECT_THROW(bases_of({{{Link{singular, false, true}}}}), core::DataError);
}

TEST(Tasks, OfEqualSizeGoSideBySideAndOthersTogether) {
  const SpectrumLimits limits;
  const auto plan = [&](const std::vector<Index>& extents, int ranks) {
    std::vector<EigenProblem> problems(extents.size());
    for (std::size_t i = 0; i < extents.size(); ++i) problems[i].extent = extents[i];
    plan_problems(problems, ranks, limits);
    return problems;
  };
  // Without ScaLAPACK none is by all ranks.
  const bool together = has_scalapack();
  EXPECT_EQ(plan({4000}, 2)[0].distributed, together);
  EXPECT_FALSE(plan({4000}, 1)[0].distributed);
  EXPECT_FALSE(plan({1000}, 2)[0].distributed);
  const auto two = plan({4000, 4000}, 2);
  EXPECT_FALSE(two[0].distributed || two[1].distributed);
  EXPECT_NE(two[0].owner, two[1].owner);
  EXPECT_EQ(plan({4000, 4000, 4000}, 2)[2].distributed, together);
  EXPECT_EQ(plan({4000, 4000}, 64)[1].distributed, together);
  const auto many = plan({10, 20, 30, 40, 50}, 5);
  for (int rank = 0; rank < 5; ++rank) {
    EXPECT_EQ(std::count_if(many.begin(), many.end(),
                            [&](const EigenProblem& problem) { return problem.owner == rank; }),
              1);
  }
}

}  // namespace
}  // namespace kronwerk::factors::test
