#include <gtest/gtest.h>

#include <cmath>

#include "kronwerk/models/flow_determinants/bilinear_determinant.hpp"

namespace kronwerk::models {
namespace {

using Complex = std::complex<double>;

const std::vector<TermPowers> m9{{0, 0}, {1, 0}, {0, 1}, {1, 1}};

TEST(FeasibleRegion, OfRealSpectraHasFourCorners) {
  const std::vector<Complex> o{-0.5, 0.2, 1};
  const std::vector<Complex> d{-0.8, 0, 0, 1};
  const auto region = find_feasible_region(m9, {nodes_of(o, "V"), nodes_of(d, "W")}, {"V", "W"});
  ASSERT_EQ(region.rows.size(), 4U);
  EXPECT_EQ(region.rows[0], (std::vector<double>{1, -0.5, -0.8, 0.4}));
  EXPECT_EQ(region.names[1], "the eigenvalues -0.5 of V and 1 of W");
  EXPECT_GT(margin(region, std::vector<double>{1, -0.3, -0.3, -0.3}), 0);
  EXPECT_LT(margin(region, std::vector<double>{1, -0.6, -0.6, 0}), 0);
  // Between two corners a filter without product terms leaves the region at 1/ρ = 1, -1/0.8.
  const std::vector<double> start{1, 0, 0, 0};
  EXPECT_DOUBLE_EQ(largest_step(region, start, std::vector<double>{0, 0, -1, 0}), 1);
  EXPECT_DOUBLE_EQ(largest_step(region, start, std::vector<double>{0, 0, 1, 0}), 1.25);
  EXPECT_EQ(largest_step(region, start, std::vector<double>{1, 0, 0, 0}),
            std::numeric_limits<double>::infinity());
}

TEST(FeasibleRegion, OfComplexSpectraIsSufficient) {
  const std::vector<Complex> o{1, {-0.3, 0.5}, {-0.3, -0.5}, {0.1, 0.2}, {0.1, -0.2}};
  const std::vector<Complex> d{1, -0.4, {0.2, 0.7}, {0.2, -0.7}};
  const auto region = find_feasible_region(m9, {nodes_of(o, "V"), nodes_of(d, "W")}, {"V", "W"});
  const std::vector<double> inside{1, -0.3, -0.35, -0.2};
  ASSERT_GT(margin(region, inside), 0);
  double least = 1;
  for (const Complex a : o) {
    for (const Complex b : d) {
      least =
          std::min(least, (inside[0] + inside[1] * a + inside[2] * b + inside[3] * a * b).real());
    }
  }
  EXPECT_NEAR(least, margin(region, inside), 1e-15);
  // Only its conjugate pairs leave the half plane.
  EXPECT_LT(margin(region, std::vector<double>{1, 0, 0, 2.7}), 0);
  EXPECT_NE(region.names.front().find("i of V"), std::string::npos);
}

TEST(FeasibleRegion, OfMomentsIsThatOfTheExtent) {
  factors::ChebyshevMoments moments;
  moments.values = {3, 0, -3};
  moments.errors = {0, 0, 0};
  moments.extent = {-0.5, 1, {-0.5, 1}, true};
  moments.centre = 0.25;
  moments.half_width = 0.75;
  const auto nodes = nodes_of(moments, "W");
  const auto region = find_feasible_region(m9, {nodes, nodes}, {"W", "W"});
  EXPECT_EQ(region.rows.size(), 4U);
  EXPECT_NEAR(margin(region, std::vector<double>{1, -0.5, -0.5, 0}), 0, 1e-15);
  EXPECT_EQ(margin({}, std::vector<double>{1}), std::numeric_limits<double>::infinity());
}

}  // namespace
}  // namespace kronwerk::models
