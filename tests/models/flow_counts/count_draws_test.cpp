#include "kronwerk/models/flow_counts/count_draws.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kronwerk/core/error.hpp"
#include "kronwerk/models/flow_counts/count_family.hpp"

namespace kronwerk::models {
namespace {

TEST(CountDraws, HaveTheProbabilitiesOfTheirFamily) {
  constexpr std::size_t draws = 40'000;
  for (const double theta : {0.0, 0.4, 3.0}) {
    for (const double lambda : {0.5, 4.0, 30.0}) {
      const std::vector<double> eta(draws, std::log(lambda));
      std::vector<double> counts(draws);
      draw_counts(7, 0, eta, theta, counts);
      std::vector<double> seen(60, 0.0);
      double mean = 0;
      for (const double y : counts) {
        EXPECT_EQ(y, std::floor(y));
        mean += y / draws;
        if (y < 60) ++seen[static_cast<std::size_t>(y)];
      }
      const double variance = lambda + (theta > 0 ? lambda * lambda / theta : 0);
      EXPECT_NEAR(mean, lambda, 5 * std::sqrt(variance / draws));
      // Pearson's statistic over the cells that are expected often enough.
      double statistic = 0;
      double cells = 0;
      for (std::size_t y = 0; y < seen.size(); ++y) {
        const auto count = static_cast<double>(y);
        const double log_p = theta > 0 ? negative_binomial_terms(count, eta[0], theta).value
                                       : poisson_terms(count, eta[0]).value;
        const double expected = draws * std::exp(log_p - std::lgamma(count + 1));
        if (expected < 10) continue;
        statistic += (seen[y] - expected) * (seen[y] - expected) / expected;
        ++cells;
      }
      EXPECT_LT(statistic, cells + 5 * std::sqrt(2 * cells)) << theta << " " << lambda;
    }
  }
}

TEST(CountDraws, BelongToTheCells) {
  const std::vector<double> eta{0.1, 3.2, 1.5, 6.0, -2.0, 2.2};
  std::vector<double> whole(6), part(2);
  draw_counts(3, 10, eta, 1.3, whole);
  draw_counts(3, 13, std::span(eta).subspan(3, 2), 1.3, part);
  EXPECT_EQ(part[0], whole[3]);
  EXPECT_EQ(part[1], whole[4]);
  draw_counts(4, 10, eta, 1.3, whole);
  EXPECT_NE(part[0], whole[3]);
  const std::vector<double> bad{std::numeric_limits<double>::quiet_NaN()};
  EXPECT_THROW(draw_counts(1, 0, bad, 0, part), core::DataError);
}

}  // namespace
}  // namespace kronwerk::models
