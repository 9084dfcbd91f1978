#include "kronwerk/models/posterior/diagnostics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "models/posterior/normal_quantile.hpp"

namespace kronwerk::models {
namespace {

/// Autoregressions of sums of twelve numbers of a generator that any language has.
std::vector<double> series(Index chains, Index draws, double memory) {
  std::uint64_t state = 12345;
  std::vector<double> values;
  for (Index c = 0; c < chains; ++c) {
    double x = 0;
    for (Index i = 0; i < draws; ++i) {
      double z = -6;
      for (int k = 0; k < 12; ++k) {
        state = (1103515245 * state + 12345) % 2147483648;
        z += static_cast<double>(state) / 2147483648;
      }
      x = memory * x + z;
      values.push_back(x + 0.1 * static_cast<double>(c));
    }
  }
  return values;
}

struct Reference {
  Index chains;
  Index draws;
  double memory;
  double rhat, bulk, tail, mean, error, fraction, low, median;
  double rounded_rhat, rounded_bulk, rounded_tail;  ///< of whole numbers, which have ties
};

void expect_close(double found, double expected, const char* what) {
  EXPECT_NEAR(found, expected, 1e-6 * std::abs(expected)) << what;
}

// The numbers are those of ArviZ 0.23.4 for the same series.
TEST(Diagnostics, AreThoseOfArviZ) {
  const std::vector<Reference> references{
      {4, 100, 0.6, 1.02510543598, 126.321696899, 248.75341008, 126.988941257, 0.100542017838,
       1.17072729096, -1.63571561772, 0.178750702242, 1.02258565084, 129.203132312, 250.409485931},
      {3, 51, 0.0, 1.00480239518, 191.195193913, 181.090354556, 194.236497042, 0.0691809972487,
       2.29121513499, -1.42697196435, 0.143167790957, 1.00893494583, 166.859673006, 159.519725557},
      {2, 60, -0.5, 1.01295569044, 249.501749526, 142.289719626, 249.501749526, 0.0718712501906,
       3.01622414096, -1.72413671889, 0.182423309261, 1.01290310333, 249.501749526, 135.732647815},
  };
  for (const auto& reference : references) {
    auto values = series(reference.chains, reference.draws, reference.memory);
    const auto summary = summarise({values, reference.chains});
    expect_close(summary.rhat, reference.rhat, "R-hat");
    expect_close(summary.bulk, reference.bulk, "bulk");
    expect_close(summary.tail, reference.tail, "tail");
    expect_close(mean_effective_size({values, reference.chains}), reference.mean, "mean");
    expect_close(summary.monte_carlo_error, reference.error, "error");
    expect_close(
        energy_fraction(std::span(values).first(static_cast<std::size_t>(reference.draws))),
        reference.fraction, "E-BFMI");
    expect_close(summary.low, reference.low, "5 %");
    expect_close(summary.median, reference.median, "50 %");
    for (double& value : values) value = std::nearbyint(value);
    const auto rounded = summarise({values, reference.chains});
    expect_close(rounded.rhat, reference.rounded_rhat, "R-hat of ties");
    expect_close(rounded.bulk, reference.rounded_bulk, "bulk of ties");
    expect_close(rounded.tail, reference.rounded_tail, "tail of ties");
  }
}

TEST(Diagnostics, JudgeOneChainByItsHalves) {
  const auto values = series(1, 200, 0.9);
  const auto summary = summarise({values, 1});
  expect_close(summary.bulk, 10.4687165225, "bulk");
  expect_close(summary.tail, 50.6296474168, "tail");
  EXPECT_GT(summary.rhat, 1);
  // Halves that are elsewhere are told.
  auto moved = series(1, 200, 0);
  for (std::size_t i = 100; i < 200; ++i) moved[i] += 3;
  EXPECT_GT(rank_normalised_rhat({moved, 1}), 1.5);
}

TEST(Diagnostics, FoldingTellsOtherSpreads) {
  auto values = series(2, 200, 0);
  for (std::size_t i = 200; i < 400; ++i) values[i] = 5 * (values[i] - 0.1);
  EXPECT_GT(rank_normalised_rhat({values, 2}), 1.1);
}

TEST(Diagnostics, AreUndefinedForTooFewDrawsAndWhatIsNotFinite) {
  const auto few = series(2, 7, 0);
  EXPECT_TRUE(std::isnan(rank_normalised_rhat({few, 2})));
  EXPECT_TRUE(std::isnan(bulk_effective_size({few, 2})));
  const auto enough = series(2, 8, 0);
  EXPECT_FALSE(std::isnan(rank_normalised_rhat({enough, 2})));
  auto broken = series(2, 100, 0);
  broken[7] = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(std::isnan(rank_normalised_rhat({broken, 2})));
}

TEST(Diagnostics, NormalQuantilesInvertTheDistribution) {
  for (const double p : {1e-12, 1e-5, 0.01, 0.2, 0.5, 0.7, 0.999, 1 - 1e-9}) {
    const double x = normal_quantile(p);
    EXPECT_NEAR(0.5 * std::erfc(-x / std::sqrt(2.0)) / p, 1, 1e-13) << p;
  }
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-14);
}

}  // namespace
}  // namespace kronwerk::models
