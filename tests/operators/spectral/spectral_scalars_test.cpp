#include <gtest/gtest.h>

#include <cmath>

#include "operators/spectral/spectral_fixture.hpp"

namespace kronwerk::operators {
namespace {

class SpectralScalarsTest : public SpectralFixture {
 protected:
  void expect_determinant(const std::vector<Mode>& modes, const std::vector<Powers>& terms) const {
    const auto dense = dense_sum(modes, terms);
    const auto determinant = spectral_determinant(comm_, make_sum(modes, terms));
    EXPECT_NEAR(determinant.log_abs, oracle::log_abs_det(dense), 1e-10);
    EXPECT_EQ(determinant.sign, oracle::sign_of_det(dense));
  }

  /// tr(Op⁻¹ D) for a D that has nothing to do with Op.
  void expect_trace(const std::vector<Mode>& modes, const std::vector<Powers>& terms) const {
    const auto dense = dense_sum(modes, terms);
    std::vector<ScaledProduct> derivative;
    oracle::Matrix d(dense.rows, dense.cols);
    for (std::uint64_t t = 0; t < 3; ++t) {
      ScaledProduct& product = derivative.emplace_back();
      product.scale = t == 1 ? -0.5 : 2.0;
      std::vector<oracle::Matrix> matrices;
      for (std::size_t k = 0; k < modes.size(); ++k) {
        const Index n = modes[k].basis->extent;
        const bool identity = (t + k) % 3 == 0;
        matrices.push_back(identity ? oracle::identity(n)
                                    : oracle::random_matrix(n, n, 10 * t + k));
        product.chains.push_back(identity
                                     ? factors::Chain{{factors::make_identity(n), false, false}}
                                     : chain(matrices.back()));
      }
      d = oracle::add(1, d, product.scale, oracle::kron(matrices));
    }
    const auto ratio = oracle::solve(dense, d);
    double expected = 0;
    for (Index i = 0; i < ratio.rows; ++i) expected += ratio(i, i);
    EXPECT_NEAR(trace_of_inverse(comm_, make_sum(modes, terms), derivative), expected,
                1e-10 * (1 + std::abs(expected)));
  }

  void expect_refused(const SpectralSum& sum, const std::vector<std::string>& parts) const {
    try {
      check_regular(comm_, sum);
      ADD_FAILURE() << "a singular spectrum was accepted";
    } catch (const core::DataError& error) {
      for (const auto& part : parts) {
        EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
      }
    }
    EXPECT_THROW(static_cast<void>(make_spectral_inverse(comm_, workspace_, sum)), core::DataError);
  }

  Mode a_ = general_mode({1.0, -1.5, 2.25, 4.0, -0.3}, 1);
  Mode b_ = general_mode({3.0, 0.5, 5.0}, 2);
  Mode odd_ = general_mode(spectrum({{1, 2}, {0.5, 0.25}}, {-4.0}), 3);
  Mode even_ = general_mode(spectrum({{-2, 1}}, {1.5, -6.0}), 4);
};

TEST_F(SpectralScalarsTest, TheDeterminantHasSizeAndSign) {
  expect_determinant({a_, b_}, kronecker_sum(2));
  expect_determinant({b_, a_}, kronecker_sum(2));
  expect_determinant({a_, b_}, {{1, {0, 0}}, {-0.2, {0, 1}}, {-0.9, {1, 0}}, {-0.07, {1, 1}}});
  expect_determinant({b_}, {{-1, {1}}});
  expect_determinant({a_, b_, b_}, {{1, {1, 1, 1}}, {0.25, {0, 0, 0}}});
}

TEST_F(SpectralScalarsTest, ReciprocalsAreInversesOfSums) {
  const std::vector<Powers> terms{{0.3, {1, 1}}, {2, {0, 0}}},
      inverted{{1, {1, 0}}, {-0.7, {0, 1}}};
  SpectralSum sum = make_sum({a_, b_}, terms);
  sum.reciprocals.push_back({0.8, make_sum({a_, b_}, inverted).terms});
  const auto inverse = oracle::inverse(dense_sum({a_, b_}, inverted));
  for (const bool alone : {false, true}) {
    if (alone) sum.terms.clear();
    const auto dense = oracle::add(alone ? 0 : 1, dense_sum({a_, b_}, terms), 0.8, inverse);
    const auto determinant = spectral_determinant(comm_, sum);
    EXPECT_NEAR(determinant.log_abs, oracle::log_abs_det(dense), 1e-10);
    EXPECT_EQ(determinant.sign, oracle::sign_of_det(dense));
    for (const Index batch : {1, 2}) {
      const auto op = make_spectral_inverse(comm_, workspace_, sum, batch);
      const auto wide = oracle::kron(oracle::identity(batch), dense);
      const auto x = oracle::random_vector(15 * batch, 5);
      std::vector<double> y(static_cast<std::size_t>(op->output_layout().home_size(comm_.rank())));
      op->apply(local(op->input_layout(), x), y);
      expect_close(whole(op->output_layout(), y), oracle::solve(wide, x), 1e-10);
    }
  }
}

TEST_F(SpectralScalarsTest, ConjugatePairsCountAsPositive) {
  expect_determinant({odd_}, kronecker_sum(1));
  expect_determinant({odd_, even_}, kronecker_sum(2));
  expect_determinant({even_, odd_}, {{1, {0, 0}}, {-0.2, {0, 1}}, {-0.9, {1, 0}}});
  expect_determinant({b_, even_, odd_}, kronecker_sum(3));
  expect_determinant({even_, b_, odd_}, {{1, {1, 1, 1}}, {2, {0, 0, 0}}});
}

TEST_F(SpectralScalarsTest, TheDeterminantOfAPairCountsItsBasis) {
  const Mode p = pair_mode({1.0, 2.0, -2.5, 7.0}, 11);
  const Mode q = pair_mode({0.5, 3.0, 4.0}, 12);
  expect_determinant({p, q}, {{1, {1, 1}}, {0.5, {0, 0}}});
}

TEST_F(SpectralScalarsTest, LogarithmsAreSummedWithoutOverflow) {
  // The product of the eigenvalues is far out of range in both directions.
  std::vector<Complex> large, small;
  double expected = 0;
  for (int i = 0; i < 1500; ++i) {
    large.emplace_back((i % 3 == 0 ? -1 : 1) * (1e30 + i * 1e27));
    small.emplace_back(1e-40 * (1 + i));
    expected += std::log(std::abs(large.back())) + std::log(small.back().real());
  }
  large.resize(1499);
  expected = 0;
  for (const Complex a : large) expected += 1500 * std::log(std::abs(a));
  for (const Complex c : small) expected += 1499 * std::log(c.real());
  const auto determinant = spectral_determinant(
      comm_, make_sum({diagonal_mode(large), diagonal_mode(small)}, {{1, {1, 1}}}));
  EXPECT_NEAR(determinant.log_abs, expected, 1e-12 * std::abs(expected));
  EXPECT_EQ(determinant.sign, 1);  // 500 * 1500 negative ones
}

TEST_F(SpectralScalarsTest, AZeroEigenvalueMakesTheDeterminantZero) {
  const auto determinant = spectral_determinant(
      comm_, make_sum({diagonal_mode({1.0, -1.0}), diagonal_mode({1.0, 2.0})}, kronecker_sum(2)));
  EXPECT_EQ(determinant.sign, 0);
  EXPECT_EQ(determinant.log_abs, -std::numeric_limits<double>::infinity());
}

TEST_F(SpectralScalarsTest, TheTraceOfTheInverseTimesAnyDerivative) {
  expect_trace({a_, b_}, {{1, {0, 0}}, {-0.2, {0, 1}}, {-0.1, {1, 0}}, {-0.07, {1, 1}}});
  expect_trace({b_, a_, b_}, kronecker_sum(3, 7));
  expect_trace({odd_, b_}, kronecker_sum(2, 0.5));
  expect_trace({b_, even_, odd_}, kronecker_sum(3, 0.3));
  expect_trace({pair_mode({1.0, 2.0, 2.5, 7.0}, 11), b_}, {{1, {1, 1}}, {0.5, {0, 0}}});
  expect_trace({diagonal_mode({1.0, 2.0, 2.5, 7.0}), odd_}, kronecker_sum(2, 0.5));
}

TEST_F(SpectralScalarsTest, ADerivativeInTheSameBasesNeedsItsEigenvaluesOnly) {
  const std::vector<Mode> modes{odd_, even_};
  const std::vector<Powers> terms{{1, {0, 0}}, {-0.2, {0, 1}}, {-0.1, {1, 0}}, {-0.07, {1, 1}}};
  const std::vector<Powers> derivative{{-1, {0, 1}}, {0.5, {2, 1}}};
  const auto ratio = oracle::solve(dense_sum(modes, terms), dense_sum(modes, derivative));
  double expected = 0;
  for (Index i = 0; i < ratio.rows; ++i) expected += ratio(i, i);
  const auto numerator = make_sum(modes, derivative);
  EXPECT_NEAR(trace_of_inverse(comm_, make_sum(modes, terms),
                               std::span<const SpectralTerm>(numerator.terms)),
              expected, 1e-10 * std::abs(expected));
}

TEST_F(SpectralScalarsTest, TheEigenvaluesOfAnyPieceOfTheGrid) {
  const std::vector<Mode> modes{b_, even_, odd_};
  const auto sum = make_sum(modes, {{2, {1, 1, 0}}, {-1, {0, 0, 1}}});
  std::vector<Complex> expected;
  for (const Complex x : b_.basis->eigenvalues) {
    for (const Complex y : even_.basis->eigenvalues) {
      for (const Complex z : odd_.basis->eigenvalues) expected.push_back(2.0 * x * y - z);
    }
  }
  for (const auto& [first, count] : {std::pair{0, 60}, {7, 31}, {59, 1}, {20, 0}}) {
    std::vector<Complex> found(static_cast<std::size_t>(count));
    spectral_eigenvalues(sum, first, found);
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_LE(std::abs(found[i] - expected[static_cast<std::size_t>(first) + i]), 1e-13);
    }
  }
}

TEST_F(SpectralScalarsTest, TheRangeSaysWhereTheSmallestEigenvalueIs) {
  const auto range = spectral_range(comm_, make_sum({a_, b_}, kronecker_sum(2)));
  EXPECT_NEAR(range.smallest, 0.2, 1e-14);  // -0.3 + 0.5
  EXPECT_NEAR(range.largest, 9, 1e-14);
  EXPECT_EQ(range.place, (std::vector<Index>{4, 1}));
  const auto complex = spectral_range(comm_, make_sum({odd_, b_}, kronecker_sum(2)));
  EXPECT_NEAR(complex.smallest, 1.0, 1e-14);  // -4 + 3 and -4 + 5
  EXPECT_NEAR(complex.largest, std::abs(Complex(6, 2)), 1e-14);
  EXPECT_EQ(complex.place, (std::vector<Index>{4, 0}));
}

TEST_F(SpectralScalarsTest, ASingularSpectrumIsRefusedByName) {
  const Mode c = general_mode({2.0, 1.5 + 1e-16, 7.0}, 6);
  expect_refused(make_sum({a_, c}, kronecker_sum(2)),
                 {"eigenvalue 2 of mode 1 (-1.5) and eigenvalue 2 of mode 2 (1.5)", "singular"});
  const Mode d = general_mode(spectrum({{-1, 2}}, {3.0}), 7);
  expect_refused(make_sum({odd_, b_, d}, {{1, {1, 0, 0}}, {1, {0, 0, 1}}}),
                 {"eigenvalue 1 of mode 1 (1+2i) and eigenvalue 2 of mode 3 (-1-2i) give 0"});
  expect_refused(make_sum({diagonal_mode({0.0, 1.0})}, {{1, {1}}}), {"eigenvalue 1 of mode 1 (0)"});
}

TEST_F(SpectralScalarsTest, NearlySingularIsSingularOnlyWhereRoundingHidesTheValue) {
  // 1e-17 beside 1 is noise in a sum, but exact in a product of diagonals.
  const Mode tiny = diagonal_mode({1e-9, 1.0});
  EXPECT_NO_THROW(check_regular(comm_, make_sum({tiny, tiny}, {{1, {1, 1}}})));
  const Mode zero = diagonal_mode({1e-17, 1.0});
  expect_refused(make_sum({zero, zero}, kronecker_sum(2)), {"singular"});
}

TEST_F(SpectralScalarsTest, NumbersThatAreNotFiniteAreRefused) {
  auto sum = make_sum({a_, b_}, kronecker_sum(2));
  sum.terms[0].eigenvalues[0][2] = std::nan("");
  EXPECT_THROW(check_regular(comm_, sum), core::DataError);
  const Mode large = diagonal_mode({1e200, 1.0});
  expect_refused(make_sum({large, large}, {{1, {1, 1}}}), {"too large"});
}

}  // namespace
}  // namespace kronwerk::operators
