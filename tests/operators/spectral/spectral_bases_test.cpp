// The spectral solve with bases as the library finds them: known answers and dense matrices.
#include <gtest/gtest.h>

#include <cmath>

#include "operators/spectral/spectral_fixture.hpp"

namespace kronwerk::operators {
namespace {

using oracle::Matrix;

class SpectralBasesTest : public SpectralFixture {
 protected:
  /// A_1 ⊕ … ⊕ A_K with the bases that find_bases gives.
  SpectralSum kronecker_sum_of(const std::vector<Matrix>& matrices) const {
    std::vector<factors::BasisRequest> requests;
    for (const Matrix& matrix : matrices) {
      requests.emplace_back().matrix = chain(matrix);
    }
    SpectralSum sum{factors::find_bases(comm_, requests).bases, {}};
    for (std::size_t k = 0; k < matrices.size(); ++k) {
      auto& term = sum.terms.emplace_back();
      term.eigenvalues.resize(matrices.size());
      term.eigenvalues[k] = sum.bases[k]->eigenvalues;
    }
    return sum;
  }

  static Matrix dense_kronecker_sum(const std::vector<Matrix>& matrices) {
    Matrix result;
    for (std::size_t k = 0; k < matrices.size(); ++k) {
      std::vector<Matrix> modes;
      for (const Matrix& matrix : matrices) modes.push_back(oracle::identity(matrix.rows));
      modes[k] = matrices[k];
      const Matrix part = oracle::kron(modes);
      result = k == 0 ? part : oracle::add(1, result, 1, part);
    }
    return result;
  }

  std::vector<double> solve(const std::vector<Matrix>& matrices, const std::vector<double>& b,
                            bool transposed = false) const {
    const auto inverse = make_spectral_inverse(comm_, workspace_, kronecker_sum_of(matrices));
    return apply(*inverse, b, transposed);
  }
};

TEST_F(SpectralBasesTest, TheSylvesterEquation) {
  const Matrix a(3, 3, {-3, -2, 0, -1, -1, 3, 3, -5, -1});
  expect_close(solve({a, Matrix(1, 1, {1})}, {1, 2, 3}), {0.0625, -0.5625, 0.6875}, 1e-13);
}

TEST_F(SpectralBasesTest, TheLyapunovEquation) {
  const Matrix a(2, 2, {1, 2, -3, -4});
  expect_close(solve({a, a}, {-3, -1, -1, -1}), {37.0 / 6, -23.0 / 6, -23.0 / 6, 3}, 1e-12);
}

TEST_F(SpectralBasesTest, GeneralMatricesWithComplexEigenvalues) {
  // Rotations by different amounts beside a dominant real part: complex pairs in every mode.
  std::vector<Matrix> matrices;
  for (const Index n : {5, 3, 4}) {
    Matrix matrix = oracle::random_matrix(n, n, static_cast<std::uint64_t>(n));
    for (Index i = 0; i < n; ++i) {
      matrix(i, i) += 4;
      if (i + 1 < n) {
        matrix(i, i + 1) += 2;
        matrix(i + 1, i) -= 2;
      }
    }
    matrices.push_back(matrix);
  }
  const auto sum = kronecker_sum_of(matrices);
  for (const auto& basis : sum.bases) {
    ASSERT_TRUE(basis);
    EXPECT_GT(basis->pairs, 0);
  }
  const Matrix dense = dense_kronecker_sum(matrices);
  const auto x = oracle::random_vector(dense.rows, 3);
  expect_close(solve(matrices, oracle::multiply(dense, x)), x, 1e-11);
  expect_close(solve(matrices, oracle::multiply(oracle::transpose(dense), x), true), x, 1e-11);
  const auto determinant = spectral_determinant(comm_, sum);
  EXPECT_NEAR(determinant.log_abs, oracle::log_abs_det(dense), 1e-10);
  EXPECT_EQ(determinant.sign, oracle::sign_of_det(dense));
}

TEST_F(SpectralBasesTest, ThePoissonEquationConvergesAtSecondOrder) {
  // -Δu = f on the unit cube with u = Π sin(π x_k), so f = 3 π² u.
  const auto error = [&](const std::vector<Index>& points) {
    std::vector<Matrix> matrices;
    for (const Index n : points) {
      Matrix laplacian(n, n);
      const double scale = static_cast<double>((n + 1) * (n + 1));
      for (Index i = 0; i < n; ++i) {
        laplacian(i, i) = 2 * scale;
        if (i > 0) laplacian(i, i - 1) = laplacian(i - 1, i) = -scale;
      }
      matrices.push_back(laplacian);
    }
    std::vector<double> u;
    const auto sine = [&](std::size_t mode, Index i) {
      return std::sin(M_PI * static_cast<double>(i + 1) / static_cast<double>(points[mode] + 1));
    };
    for (Index i = 0; i < points[0]; ++i) {
      for (Index j = 0; j < points[1]; ++j) {
        for (Index k = 0; k < points[2]; ++k) u.push_back(sine(0, i) * sine(1, j) * sine(2, k));
      }
    }
    auto f = u;
    for (double& value : f) value *= 3 * M_PI * M_PI;
    return oracle::relative_error(solve(matrices, f), u);
  };
  const double coarse = error({7, 9, 11});
  const double fine = error({15, 19, 23});
  EXPECT_LT(coarse, 2e-2);
  EXPECT_NEAR(coarse / fine, 4, 0.1);
}

TEST_F(SpectralBasesTest, MessagesKeepPairsTogether) {
  // Every rank as if alone on its node: blocks aligned to pairs go as messages.
  const auto apart = std::make_shared<Workspace>(comm_, Workspace::Placement::private_memory);
  const std::vector<Mode> modes{general_mode({3.0, 3.5, 5.0}, 2),
                                general_mode(spectrum({{1, 2}, {0.5, 0.25}}, {4.0}), 3),
                                general_mode(spectrum({{2, 1}}, {1.5, 6.0}), 4)};
  const auto dense = dense_sum(modes, kronecker_sum(3));
  const auto x = oracle::random_vector(dense.rows, 5);
  for (const int split : {1, 2}) {
    const auto inverse =
        make_spectral_inverse(comm_, apart, make_sum(modes, kronecker_sum(3)), 1, split);
    expect_close(apply(*inverse, oracle::multiply(dense, x)), x, 1e-11);
  }
}

}  // namespace
}  // namespace kronwerk::operators
