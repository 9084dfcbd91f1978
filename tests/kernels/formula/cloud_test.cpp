#include "kronwerk/kernels/formula/cloud.hpp"

#include <gtest/gtest.h>

namespace {

using namespace kronwerk;

TEST(Cloud, HoldsComponentAfterComponentAndGivesThePointsBack) {
  const std::vector<double> points{1, 2, 3, 4, 5, 6};
  const kernels::Cloud cloud = kernels::to_cloud(points, 2, 3);
  EXPECT_EQ(cloud.values, (std::vector<double>{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(kernels::from_cloud(cloud), points);
}

TEST(Cloud, GivesAPartOfItsPointsWithTheirNumbers) {
  kernels::Side side{10, 3, {}};
  side.variables["x"] = kernels::to_cloud(std::vector<double>{1, 2, 3, 4, 5, 6}, 3, 2);
  const kernels::Side part = kernels::part_of(side, 1, 2);
  EXPECT_EQ(part.first, 11);
  EXPECT_EQ(part.count, 2);
  EXPECT_EQ(kernels::from_cloud(part.variables.at("x")), (std::vector<double>{3, 4, 5, 6}));
}

}  // namespace
