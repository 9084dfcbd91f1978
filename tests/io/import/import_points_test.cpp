#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "io/import/import_fixture.hpp"

namespace kronwerk {
namespace {

using core::ErrorKind;
using test::expect_error;

TEST_F(Import, PointsAreCountedInCells) {
  serially([&] {
    auto options = options_of<io::PointsOptions>(
        "id,latitude,longitude\na,0.5,10\nb,1.5,13.9\nc,0.1,10.2\nd,4,14\n");
    options.cell = {1, 2};
    options.lower = {0, 10};
    options.upper = {4, 14};
    options.area = true;
    const auto summary = io::import_points(options);
    EXPECT_EQ(summary.shape, (core::Extents{4, 2}));
    EXPECT_EQ(summary.stored, 3);
  });
  // The upper ends belong to the last cells.
  EXPECT_EQ(values("/x"), (Dense{2, 0, 0, 1, 0, 0, 0, 1}));
  EXPECT_EQ(values("/x_latitude"), (Dense{0.5, 1.5, 2.5, 3.5}));
  EXPECT_EQ(values("/x_longitude"), (Dense{11, 13}));
  double sum = 0;
  for (const double area : values("/x_area")) sum += area;
  const double radian = std::numbers::pi / 180;
  EXPECT_NEAR(sum, 6371.0088 * 6371.0088 * 4 * radian * std::sin(4 * radian), 1e-6);
}

TEST_F(Import, AreasAreOfColumnsThatBeginWithLatAndLon) {
  serially([&] {
    auto options = options_of<io::PointsOptions>("Lon_deg,LAT\n10.5,1.5\n11.5,0.5\n");
    options.columns = {"Lon_deg", "LAT"};
    options.cell = {1};
    options.area = true;
    io::import_points(options);
  });
  const Dense areas = values("/x_area");
  ASSERT_EQ(areas.size(), 4U);
  const double radian = std::numbers::pi / 180;
  EXPECT_NEAR(areas[0], 6371.0088 * 6371.0088 * radian * std::sin(radian), 1e-6);
  EXPECT_LT(areas[1], areas[0]) << "of the second degree of latitude";
  EXPECT_EQ(areas[2], areas[0]);
}

TEST_F(Import, PointsHaveAGridAroundThem) {
  serially([&] {
    auto options = options_of<io::PointsOptions>("x,y,t\n-0.5,3,1\n2.5,3.5,9\n7,4,9\n");
    options.columns = {"x", "t"};
    options.cell = {2};
    EXPECT_EQ(io::import_points(options).shape, (core::Extents{5, 5}));
    options.lower = {0, 0};
    options.upper = {8, 10};
    options.drop_outside = true;
    EXPECT_EQ(io::import_points(options).stored, 2);
  });
  EXPECT_EQ(values("/x_x"), (Dense{1, 3, 5, 7}));
}

TEST_F(Import, PointsRefuseGridsThatDoNotFit) {
  serially([&] {
    auto options = options_of<io::PointsOptions>("latitude,longitude\n0.5,10\n1.5,30\n");
    const auto refuse = [&](ErrorKind kind, const std::string& part) {
      expect_error(kind, part, [&] { io::import_points(options); });
    };
    options.cell = {0};
    refuse(ErrorKind::configuration, "positive size");
    options.cell = {1, 1, 1};
    refuse(ErrorKind::configuration, "--cell has 3 numbers");
    options.cell = {1};
    options.lower = {0, 10};
    options.upper = {2, 20};
    refuse(ErrorKind::data, "input.txt:3: the longitude is 30, outside of the grid");
    options.upper = {2, 20.5};
    refuse(ErrorKind::configuration, "whole cells");
    options.lower = options.upper = {};
    options.cell = {1e-7};
    refuse(ErrorKind::configuration, "choose larger cells");
    options.cell = {1};
    options.columns = {"latitude", "lon"};
    refuse(ErrorKind::configuration, "lon");
    options.columns = {"latitude"};
    options.area = true;
    refuse(ErrorKind::configuration, "--area");
  });
}

}  // namespace
}  // namespace kronwerk
