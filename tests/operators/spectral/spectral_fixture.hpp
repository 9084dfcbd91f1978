#pragma once

#include <complex>
#include <string>
#include <utility>
#include <vector>

#include "kronwerk/operators/products/product_sum.hpp"
#include "kronwerk/operators/spectral/spectral_operator.hpp"
#include "operators/products/product_fixture.hpp"

namespace kronwerk::operators {

/// Matrices with chosen eigenvalues, their bases made by hand, and sums of their polynomials as
/// spectral sums and as dense matrices.
class SpectralFixture : public ProductFixture {
 protected:
  using Complex = std::complex<double>;

  /// One matrix of every mode: A = P Λ Q.
  struct Mode {
    factors::BasisPtr basis;
    oracle::Matrix p, q;  ///< so that A = P Λ Q
  };

  static factors::Chain chain(const oracle::Matrix& matrix) {
    return {{make_factor(matrix), false, false}};
  }

  /// Λ in real form: a 2 x 2 block for every conjugate pair, which stand first.
  static oracle::Matrix block_form(const std::vector<Complex>& eigenvalues) {
    const auto n = static_cast<Index>(eigenvalues.size());
    oracle::Matrix result(n, n);
    for (Index i = 0; i < n; ++i) {
      const Complex value = eigenvalues[static_cast<std::size_t>(i)];
      result(i, i) = value.real();
      if (value.imag() > 0) result(i, i + 1) = value.imag();
      if (value.imag() < 0) result(i, i - 1) = value.imag();
    }
    return result;
  }

  /// @param pairs  of each a + bi, b > 0; a - bi is added
  static std::vector<Complex> spectrum(const std::vector<Complex>& pairs,
                                       const std::vector<double>& reals) {
    std::vector<Complex> result;
    for (const Complex value : pairs) {
      result.push_back(value);
      result.push_back(std::conj(value));
    }
    result.insert(result.end(), reals.begin(), reals.end());
    return result;
  }

  /// A = X Λ X⁻¹ with a random well-conditioned X.
  static Mode general_mode(const std::vector<Complex>& eigenvalues, std::uint64_t seed) {
    const auto x = oracle::random_regular(static_cast<Index>(eigenvalues.size()), seed);
    return finish(factors::BasisKind::eigenvectors, eigenvalues, x, oracle::inverse(x));
  }

  /// Two symmetric matrices: A = V⁻ᵀ Λ V⁻¹ and B = V⁻ᵀ V⁻¹.
  static Mode pair_mode(const std::vector<Complex>& eigenvalues, std::uint64_t seed) {
    const auto v = oracle::random_regular(static_cast<Index>(eigenvalues.size()), seed);
    const auto inverse = oracle::inverse(v);
    return finish(factors::BasisKind::pair, eigenvalues, oracle::transpose(inverse), inverse);
  }

  /// A = diag(eigenvalues): the basis is the identity.
  static Mode diagonal_mode(const std::vector<Complex>& eigenvalues) {
    factors::Basis basis;
    basis.extent = static_cast<Index>(eigenvalues.size());
    basis.to_basis = basis.from_basis = {{factors::make_identity(basis.extent), false, false}};
    basis.eigenvalues = eigenvalues;
    return {std::make_shared<const factors::Basis>(basis), {}, {}};
  }

  static std::vector<Complex> power(const std::vector<Complex>& values, int exponent) {
    std::vector<Complex> result;
    for (const Complex value : values) {
      Complex product = 1;
      for (int i = 0; i < exponent; ++i) product *= value;
      result.push_back(product);
    }
    return result;
  }

  /// Σ coefficient ⊗ A_k^power_k; a power of 0 is the identity (of a pair: B).
  struct Powers {
    double coefficient;
    std::vector<int> powers;
  };

  static SpectralSum make_sum(const std::vector<Mode>& modes, const std::vector<Powers>& terms) {
    SpectralSum sum;
    for (const Mode& mode : modes) sum.bases.push_back(mode.basis);
    for (const Powers& term : terms) {
      SpectralTerm& spectral = sum.terms.emplace_back();
      spectral.coefficient = term.coefficient;
      for (std::size_t k = 0; k < modes.size(); ++k) {
        auto& list = spectral.eigenvalues.emplace_back();
        if (term.powers[k] > 0) list = power(modes[k].basis->eigenvalues, term.powers[k]);
      }
    }
    return sum;
  }

  static oracle::Matrix dense_factor(const Mode& mode, int exponent) {
    const auto lambda = block_form(power(mode.basis->eigenvalues, exponent));
    if (mode.basis->kind == factors::BasisKind::identity) return lambda;
    return oracle::multiply(mode.p, oracle::multiply(lambda, mode.q));
  }

  static oracle::Matrix dense_sum(const std::vector<Mode>& modes,
                                  const std::vector<Powers>& terms) {
    oracle::Matrix result;
    for (const Powers& term : terms) {
      std::vector<oracle::Matrix> matrices;
      for (std::size_t k = 0; k < modes.size(); ++k) {
        matrices.push_back(dense_factor(modes[k], term.powers[k]));
      }
      const oracle::Matrix product = oracle::kron(matrices);
      if (result.rows == 0) result = oracle::Matrix(product.rows, product.cols);
      result = oracle::add(1, result, term.coefficient, product);
    }
    return result;
  }

  /// A_1 ⊕ … ⊕ A_K + shift * I
  static std::vector<Powers> kronecker_sum(std::size_t modes, double shift = 0) {
    std::vector<Powers> terms;
    for (std::size_t k = 0; k < modes; ++k) {
      terms.push_back({1, std::vector<int>(modes, 0)});
      terms.back().powers[k] = 1;
    }
    if (shift != 0) terms.push_back({shift, std::vector<int>(modes, 0)});
    return terms;
  }

  std::vector<double> apply(const LinearOperator& op, const std::vector<double>& x,
                            bool transposed = false) const {
    const auto from = local(op.input_layout(), x);
    std::vector<double> to(from.size(), 7.0);
    transposed ? op.apply_transposed(from, to) : op.apply(from, to);
    return whole(op.output_layout(), to);
  }

  /// Op⁻¹ and Op⁻ᵀ with every split, against the dense matrix.
  void expect_solves(const std::vector<Mode>& modes, const std::vector<Powers>& terms,
                     double tolerance = 1e-11) const {
    const auto dense = dense_sum(modes, terms);
    const auto x = oracle::random_vector(dense.rows, 5);
    const auto b = oracle::multiply(dense, x);
    const auto c = oracle::multiply(oracle::transpose(dense), x);
    for (int split = 0; split <= static_cast<int>(modes.size()); ++split) {
      SCOPED_TRACE("split after mode " + std::to_string(split));
      const auto inverse =
          make_spectral_inverse(comm_, workspace_, make_sum(modes, terms), 1, split);
      expect_close(apply(*inverse, b), x, tolerance);
      expect_close(apply(*inverse, c, true), x, tolerance);
    }
  }

 private:
  static Mode finish(factors::BasisKind kind, const std::vector<Complex>& eigenvalues,
                     const oracle::Matrix& p, const oracle::Matrix& q) {
    factors::Basis basis;
    basis.kind = kind;
    basis.extent = static_cast<Index>(eigenvalues.size());
    basis.to_basis = chain(oracle::inverse(p));
    basis.from_basis = chain(oracle::inverse(q));
    basis.eigenvalues = eigenvalues;
    for (const Complex value : eigenvalues) basis.pairs += value.imag() > 0;
    basis.log_abs_det = oracle::log_abs_det(p) + oracle::log_abs_det(q);
    return {std::make_shared<const factors::Basis>(basis), p, q};
  }
};

}  // namespace kronwerk::operators
