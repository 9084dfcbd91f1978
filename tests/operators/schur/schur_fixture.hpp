#pragma once

#include <complex>
#include <optional>

#include "factors/base/lapack.hpp"
#include "kronwerk/operators/schur/schur.hpp"
#include "operators/products/product_fixture.hpp"

namespace kronwerk::operators {

using Dense = oracle::Matrix;

/// A = Q T Qᵀ as the tests see it.
struct TestSchur {
  Dense q;
  Dense t;
  std::vector<std::complex<double>> eigenvalues;
  Dense full(const Dense& polynomial) const {
    return oracle::multiply(oracle::multiply(q, polynomial), oracle::transpose(q));
  }
};

/// Where a random T has 2 x 2 blocks.
enum class Pairs { none, from_first, from_second, every_third };

/// Sums Σ c p(A_1) ⊗ q(A_2) whose Schur forms are known, and their inverses.
class SchurFixture : public ProductFixture {
 protected:
  static TestSchur random_schur(Index n, Pairs pairs, std::uint64_t seed, double shift = 3) {
    TestSchur result{orthogonal(n, seed), Dense(n, n), {}};
    const auto numbers = oracle::random_matrix(n, n, seed + 1000);
    for (Index i = 0; i < n; ++i) {
      for (Index j = i; j < n; ++j) {
        result.t(i, j) = numbers(i, j) / std::sqrt(static_cast<double>(n));
      }
      result.t(i, i) += shift;
    }
    const Index first = pairs == Pairs::from_second ? 1 : 0;
    const Index step = pairs == Pairs::every_third ? 3 : 2;
    for (Index i = first; pairs != Pairs::none && i + 1 < n; i += step) {
      // As LAPACK leaves them: equal diagonal entries, others of opposite signs and unequal size.
      result.t(i + 1, i + 1) = result.t(i, i);
      result.t(i, i + 1) = (i % 4 < 2 ? 1 : -1) * (0.3 + 0.1 * static_cast<double>(i % 7));
      result.t(i + 1, i) = -1.7 * result.t(i, i + 1) + (i % 4 < 2 ? -0.2 : 0.2);
    }
    result.eigenvalues = eigenvalues_of(result.t);
    return result;
  }

  /// By LAPACK.
  static TestSchur schur_of(const Dense& matrix) {
    const int n = static_cast<int>(matrix.rows);
    Dense a = oracle::transpose(matrix);  // LAPACK stores columns
    Dense vectors(n, n);
    std::vector<double> real(static_cast<std::size_t>(n)), imaginary(real), work(100 * real.size());
    const int length = static_cast<int>(work.size());
    int selected = 0;
    int info = 0;
    dgees_("V", "N", nullptr, &n, a.values.data(), &n, &selected, real.data(), imaginary.data(),
           vectors.values.data(), &n, work.data(), &length, nullptr, &info, 1, 1);
    EXPECT_EQ(info, 0);
    TestSchur result{oracle::transpose(vectors), oracle::transpose(a), {}};
    for (std::size_t i = 0; i < real.size(); ++i) {
      result.eigenvalues.emplace_back(real[i], imaginary[i]);
    }
    return result;
  }

  static factors::BasisPtr basis_of(const TestSchur& schur) {
    auto basis = std::make_shared<factors::Basis>();
    basis->kind = factors::BasisKind::schur;
    basis->extent = schur.t.rows;
    basis->from_basis = {{make_factor(schur.q), false, false}};
    basis->to_basis = {{basis->from_basis[0].factor, true, false}};
    basis->eigenvalues = schur.eigenvalues;
    basis->triangular = make_factor(schur.t);
    return basis;
  }

  /// c (p(A_1) ⊗ q(A_2)); a 0 x 0 matrix is the identity.
  struct TestTerm {
    double coefficient;
    Dense left, right;
  };

  static SchurSum sum_of(const TestSchur& left, const TestSchur& right,
                         const std::vector<TestTerm>& terms) {
    SchurSum sum{{basis_of(left), basis_of(right)}, {}};
    std::vector<std::pair<const std::vector<double>, factors::FactorPtr>> known;
    const auto factor = [&](const Dense& matrix) -> factors::FactorPtr {
      if (matrix.rows == 0) return nullptr;
      for (const auto& [values, made] : known) {
        if (values == matrix.values) return made;
      }
      known.emplace_back(matrix.values, make_factor(matrix));
      return known.back().second;
    };
    for (const auto& term : terms) {
      sum.terms.push_back({term.coefficient, {factor(term.left), factor(term.right)}});
    }
    return sum;
  }

  /// vec(Σ c p(A_1) X q(A_2)ᵀ), or with both transposed.
  static std::vector<double> apply_sum(const TestSchur& left, const TestSchur& right,
                                       const std::vector<TestTerm>& terms,
                                       const std::vector<double>& x, bool transposed) {
    const Dense values(left.t.rows, right.t.rows, x);
    Dense result(left.t.rows, right.t.rows);
    for (const auto& term : terms) {
      Dense a = term.left.rows == 0 ? oracle::identity(left.t.rows) : left.full(term.left);
      Dense b = term.right.rows == 0 ? oracle::identity(right.t.rows) : right.full(term.right);
      if (transposed) a = oracle::transpose(a);
      if (!transposed) b = oracle::transpose(b);
      result = oracle::add(1, result, term.coefficient,
                           oracle::multiply(oracle::multiply(a, values), b));
    }
    return result.values;
  }

  std::vector<double> apply(const LinearOperator& op, const std::vector<double>& x,
                            bool transposed = false) const {
    const auto from = local(op.input_layout(), x);
    std::vector<double> to(from.size());
    if (transposed) {
      op.apply_transposed(from, to);
    } else {
      op.apply(from, to);
    }
    return whole(op.output_layout(), to);
  }
  using ProductFixture::apply;

  /// The inverse takes Op x to x, and its transpose Opᵀ x.
  void expect_inverse(const TestSchur& left, const TestSchur& right,
                      const std::vector<TestTerm>& terms, double tolerance = 1e-12) const {
    const auto op = make_schur_inverse(comm_, workspace_, sum_of(left, right, terms));
    const auto x = oracle::random_vector(left.t.rows * right.t.rows, 7);
    for (const bool transposed : {false, true}) {
      SCOPED_TRACE(transposed ? "transposed" : "forward");
      expect_close(apply(*op, apply_sum(left, right, terms, x, transposed), transposed), x,
                   tolerance);
    }
  }

 private:
  static Dense orthogonal(Index n, std::uint64_t seed) {
    Dense q = oracle::identity(n);
    for (std::uint64_t k = 0; k < 3; ++k) {
      const auto v = oracle::random_vector(n, seed + 17 * k);
      double norm = 0;
      for (const double value : v) norm += value * value;
      Dense reflection = oracle::identity(n);
      for (Index i = 0; i < n; ++i) {
        for (Index j = 0; j < n; ++j) {
          reflection(i, j) -=
              2 * v[static_cast<std::size_t>(i)] * v[static_cast<std::size_t>(j)] / norm;
        }
      }
      q = oracle::multiply(q, reflection);
    }
    return q;
  }

  static std::vector<std::complex<double>> eigenvalues_of(const Dense& t) {
    std::vector<std::complex<double>> result;
    for (Index i = 0; i < t.rows; ++i) {
      if (i + 1 == t.rows || t(i + 1, i) == 0) {
        result.emplace_back(t(i, i), 0.0);
        continue;
      }
      const double imaginary = std::sqrt(-t(i, i + 1) * t(i + 1, i));
      result.emplace_back(t(i, i), imaginary);
      result.emplace_back(t(i, i), -imaginary);
      ++i;
    }
    return result;
  }
};

}  // namespace kronwerk::operators
