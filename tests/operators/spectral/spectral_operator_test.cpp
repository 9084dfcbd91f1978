#include <gtest/gtest.h>

#include <cmath>

#include "operators/spectral/spectral_fixture.hpp"

namespace kronwerk::operators {
namespace {

class SpectralOperatorTest : public SpectralFixture {
 protected:
  Mode a_ = general_mode({1.0, 1.5, 2.25, 4.0, -0.3}, 1);
  Mode b_ = general_mode({3.0, 3.5, 5.0}, 2);
  Mode c_ = general_mode({1.25, 2.0, 2.5, 6.0}, 3);
  Mode one_ = general_mode({0.5}, 4);
};

TEST_F(SpectralOperatorTest, SolvesWithKroneckerSumsOfAnyNumberOfModes) {
  expect_solves({a_}, kronecker_sum(1));
  expect_solves({a_, b_}, kronecker_sum(2));
  expect_solves({b_, a_}, kronecker_sum(2));
  expect_solves({a_, b_, c_}, kronecker_sum(3));
  expect_solves({b_, one_, c_, b_}, kronecker_sum(4));
  expect_solves({one_, b_, one_}, kronecker_sum(3));
}

TEST_F(SpectralOperatorTest, SolvesWithAShiftedProduct) {
  expect_solves({a_, b_, c_}, {{1, {1, 1, 1}}, {20, {0, 0, 0}}});
}

TEST_F(SpectralOperatorTest, SolvesWithPolynomialsInOneMatrixPerMode) {
  // The flow model with a free coefficient of W ⊗ W, and a sum that needs three terms.
  expect_solves({a_, b_}, {{1, {0, 0}}, {-0.2, {0, 1}}, {-0.1, {1, 0}}, {-0.07, {1, 1}}});
  expect_solves({c_, b_}, {{1, {1, 2}}, {0.5, {2, 1}}, {0.25, {3, 0}}, {2, {0, 0}}});
}

TEST_F(SpectralOperatorTest, SolvesWithTwoProductsDiagonalisedTogether) {
  const Mode p = pair_mode({1.0, 2.0, 2.5, 7.0}, 11);
  const Mode q = pair_mode({0.5, 3.0, 4.0}, 12);
  expect_solves({p, q}, {{1, {1, 1}}, {0.5, {0, 0}}}, 1e-10);
  expect_solves({q, a_, p}, {{1, {1, 1, 1}}, {30, {0, 0, 0}}}, 1e-10);
}

TEST_F(SpectralOperatorTest, DiagonalModesNeedNoBasis) {
  const Mode d = diagonal_mode({4.0, 1.0, 2.5, 3.0, 9.0, 0.25, 1.0});
  expect_solves({d, a_}, kronecker_sum(2, 0.5));
  expect_solves({a_, d}, kronecker_sum(2, 0.5));
  expect_solves({d, d}, kronecker_sum(2, 0.5));
  expect_solves({d, b_, d}, kronecker_sum(3));
}

TEST_F(SpectralOperatorTest, ABatchIsSolvedTogether) {
  const std::vector<Mode> modes{a_, b_};
  const auto terms = kronecker_sum(2);
  const auto dense = dense_sum(modes, terms);
  constexpr Index batch = 3;
  const auto x = oracle::random_vector(batch * dense.rows, 6);
  std::vector<double> b;
  for (Index column = 0; column < batch; ++column) {
    const std::span<const double> one(x.data() + column * dense.rows,
                                      static_cast<std::size_t>(dense.rows));
    const auto product = oracle::multiply(dense, one);
    b.insert(b.end(), product.begin(), product.end());
  }
  for (const int split : {0, 1, 2, 3}) {
    const auto inverse =
        make_spectral_inverse(comm_, workspace_, make_sum(modes, terms), batch, split);
    EXPECT_EQ(inverse->input_layout().extents(), (Extents{batch, 5, 3}));
    expect_close(apply(*inverse, b), x, 1e-11);
  }
  const auto inverse = make_spectral_inverse(comm_, workspace_, make_sum(modes, terms), batch);
  expect_close(apply(*inverse, b), x, 1e-11);
}

TEST_F(SpectralOperatorTest, AccumulatesWhereAsked) {
  const std::vector<Mode> modes{a_, b_, c_};
  const auto dense = dense_sum(modes, kronecker_sum(3));
  const auto x = oracle::random_vector(dense.rows, 5);
  const auto b = oracle::multiply(dense, x);
  for (const int split : {0, 1, 3}) {
    const auto inverse =
        make_spectral_inverse(comm_, workspace_, make_sum(modes, kronecker_sum(3)), 1, split);
    const auto from = local(inverse->input_layout(), b);
    auto to = local(inverse->input_layout(), x);
    inverse->apply(from, to, true);
    auto expected = x;
    for (double& value : expected) value *= 2;
    expect_close(whole(inverse->output_layout(), to), expected, 1e-11);
  }
}

TEST_F(SpectralOperatorTest, FactorisedChainsServeAsBases) {
  // X⁻¹ as the inverse of a factor instead of a factor of its own.
  Mode mode = a_;
  factors::Basis basis = *mode.basis;
  basis.to_basis = {{basis.from_basis.front().factor, false, true}};
  mode.basis = std::make_shared<const factors::Basis>(basis);
  expect_solves({mode, b_}, kronecker_sum(2));
}

TEST_F(SpectralOperatorTest, AFunctionActsOnTheEigenvalues) {
  const std::vector<Mode> modes{a_, b_};
  const auto exponential = [](std::span<double> values) {
    for (double& value : values) value = std::exp(-value);
  };
  std::vector<oracle::Matrix> matrices;
  for (const Mode& mode : modes) {
    std::vector<Complex> values;
    for (const Complex value : mode.basis->eigenvalues) values.push_back(std::exp(-value.real()));
    matrices.push_back(oracle::multiply(mode.p, oracle::multiply(block_form(values), mode.q)));
  }
  const auto dense = oracle::kron(matrices);
  const auto x = oracle::random_vector(dense.rows, 8);
  for (const int split : {0, 1, 2}) {
    const auto op = make_spectral_function(comm_, workspace_, make_sum(modes, kronecker_sum(2)),
                                           exponential, 1, split);
    expect_close(apply(*op, x), oracle::multiply(dense, x), 1e-12);
    expect_close(apply(*op, x, true), oracle::multiply(oracle::transpose(dense), x), 1e-12);
  }
}

TEST_F(SpectralOperatorTest, AFunctionNeedsOneRealBasis) {
  const auto identity = [](std::span<double>) {};
  const Mode turning = general_mode(spectrum({{1, 2}}, {3.0}), 3);
  const Mode pair = pair_mode({1.0, 2.0}, 4);
  EXPECT_THROW(static_cast<void>(make_spectral_function(
                   comm_, workspace_, make_sum({turning, a_}, kronecker_sum(2)), identity)),
               core::ConfigurationError);
  EXPECT_THROW(static_cast<void>(make_spectral_function(
                   comm_, workspace_, make_sum({pair, a_}, {{1, {1, 1}}}), identity)),
               core::ConfigurationError);
}

TEST_F(SpectralOperatorTest, ASchurBasisIsRefused) {
  Mode mode = a_;
  factors::Basis basis = *mode.basis;
  basis.kind = factors::BasisKind::schur;
  mode.basis = std::make_shared<const factors::Basis>(basis);
  EXPECT_THROW(static_cast<void>(
                   make_spectral_inverse(comm_, workspace_, make_sum({mode}, kronecker_sum(1)))),
               core::ConfigurationError);
}

}  // namespace
}  // namespace kronwerk::operators
