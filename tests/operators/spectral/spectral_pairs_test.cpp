#include <gtest/gtest.h>

#include "operators/spectral/spectral_fixture.hpp"

namespace kronwerk::operators {
namespace {

class SpectralPairsTest : public SpectralFixture {
 protected:
  Mode real_ = general_mode({3.0, 3.5, 5.0}, 2);
  Mode odd_ = general_mode(spectrum({{1, 2}, {0.5, 0.25}}, {4.0}), 3);
  Mode even_ = general_mode(spectrum({{2, 1}}, {1.5, 6.0}), 4);
  Mode all_ = general_mode(spectrum({{1, 3}}, {}), 5);
};

TEST_F(SpectralPairsTest, OneModeOfPairs) {
  expect_solves({odd_}, kronecker_sum(1));
  expect_solves({all_}, kronecker_sum(1, -0.5));
}

TEST_F(SpectralPairsTest, LeadingOrTrailingModesOfPairs) {
  expect_solves({odd_, real_}, kronecker_sum(2));
  expect_solves({real_, odd_}, kronecker_sum(2));
  expect_solves({real_, all_}, kronecker_sum(2));
}

TEST_F(SpectralPairsTest, PairsInSeveralModesAreCoupled) {
  expect_solves({odd_, even_}, kronecker_sum(2));
  expect_solves({even_, odd_}, {{1, {0, 0}}, {-0.2, {0, 1}}, {-0.1, {1, 0}}, {-0.07, {1, 1}}});
  expect_solves({odd_, even_, all_}, kronecker_sum(3));
  expect_solves({all_, odd_, even_}, {{1, {1, 1, 1}}, {20, {0, 0, 0}}});
}

TEST_F(SpectralPairsTest, PairsBehindModesWithoutThem) {
  expect_solves({real_, even_, odd_}, kronecker_sum(3));
  expect_solves({real_, odd_, real_}, kronecker_sum(3));
  expect_solves({real_, real_, odd_}, kronecker_sum(3));
  expect_solves({odd_, real_, all_}, kronecker_sum(3));
}

TEST_F(SpectralPairsTest, ABatchInFrontOfPairs) {
  const std::vector<Mode> modes{odd_, even_};
  const auto dense = dense_sum(modes, kronecker_sum(2));
  constexpr Index batch = 2;
  const auto x = oracle::random_vector(batch * dense.rows, 6);
  const auto b = oracle::multiply(oracle::kron(oracle::identity(batch), dense), x);
  for (const int split : {0, 1, 2, 3}) {
    const auto inverse =
        make_spectral_inverse(comm_, workspace_, make_sum(modes, kronecker_sum(2)), batch, split);
    expect_close(apply(*inverse, b), x, 1e-11);
  }
}

// One pair of the second mode covers more columns than a strip has room for.
TEST_F(SpectralPairsTest, CoupledEntriesFarApart) {
  std::vector<Complex> first, last;
  for (int i = 0; i < 70; ++i) first.emplace_back(1.0 + 0.01 * i);
  for (int i = 0; i < 8000; ++i) last.emplace_back(2.0 + 1e-4 * i);
  const Mode middle = general_mode(spectrum({{1, 2}}, {0.5}), 9);
  const auto inverse = make_spectral_inverse(
      comm_, workspace_,
      make_sum({general_mode(first, 7), middle, diagonal_mode(last)}, kronecker_sum(3)), 1, 1);
  // The same as one solve with the first two modes for every entry of the third.
  const auto& layout = inverse->input_layout();
  const auto b = oracle::random_vector(layout.size(), 3);
  const auto x = apply(*inverse, b);
  const std::vector<Mode> two{general_mode(first, 7), middle};
  const auto dense = dense_sum(two, kronecker_sum(2));
  for (const Index k : {0, 1, 3999, 7999}) {
    std::vector<double> found, expected;
    for (Index i = 0; i < dense.rows; ++i) {
      found.push_back(x[static_cast<std::size_t>(i * 8000 + k)]);
      expected.push_back(b[static_cast<std::size_t>(i * 8000 + k)]);
    }
    auto shifted = dense;
    for (Index i = 0; i < dense.rows; ++i) {
      shifted(i, i) += last[static_cast<std::size_t>(k)].real();
    }
    expect_close(oracle::multiply(shifted, found), expected, 1e-10);
  }
}

}  // namespace
}  // namespace kronwerk::operators
