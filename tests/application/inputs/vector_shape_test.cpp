#include "application/inputs/vector_shape.hpp"

#include <gtest/gtest.h>

namespace kronwerk::application {
namespace {

TEST(VectorShape, FindsTheFourReadings) {
  const Extents grid{5, 7};
  EXPECT_EQ(match_shape({35}, grid, "x").count, 1);
  EXPECT_EQ(match_shape({5, 7}, grid, "x").count, 1);
  EXPECT_EQ(match_shape({3, 35}, grid, "x").count, 3);
  EXPECT_EQ(match_shape({3, 5, 7}, grid, "x").count, 3);
}

TEST(VectorShape, GivesTheSameReadingOfAnotherGrid) {
  const Extents grid{5, 7};
  const Extents other{2, 4};
  EXPECT_EQ(dataset_shape(match_shape({35}, grid, "x"), other), Extents({8}));
  EXPECT_EQ(dataset_shape(match_shape({5, 7}, grid, "x"), other), Extents({2, 4}));
  EXPECT_EQ(dataset_shape(match_shape({3, 35}, grid, "x"), other), Extents({3, 8}));
  EXPECT_EQ(dataset_shape(match_shape({3, 5, 7}, grid, "x"), other), Extents({3, 2, 4}));
}

TEST(VectorShape, TakesTheGridsOwnAxesWhereExtentsOfOneAllowBoth) {
  const VectorShape reading = match_shape({1, 7}, {1, 7}, "x");
  EXPECT_FALSE(reading.several);
  EXPECT_EQ(match_shape({3, 7}, {7}, "x").count, 3);
  EXPECT_EQ(match_shape({3, 7}, {1, 7}, "x").count, 3);
  EXPECT_EQ(match_shape({1}, {1, 1}, "x").count, 1);
}

TEST(VectorShape, RefusesEverythingElseNamingBothShapes) {
  for (const Extents& shape : {Extents{}, Extents{34}, Extents{7, 5}, Extents{0, 35},
                               Extents{2, 3, 5, 7}, Extents{35, 3}}) {
    try {
      match_shape(shape, {5, 7}, "file.h5:/x");
      FAIL() << core::to_text(shape);
    } catch (const core::ShapeError& error) {
      const std::string message = error.what();
      EXPECT_NE(message.find("file.h5:/x has the shape (" + core::to_text(shape) + ")"),
                std::string::npos);
      EXPECT_NE(message.find("expected (35) or (5 x 7) for one vector, (m x 35) or (m x 5 x 7)"),
                std::string::npos);
    }
  }
}

TEST(VectorShape, ExplainsALongAxisThatLooksLikeABatch) {
  const auto message = [](const Extents& shape) -> std::string {
    try {
      match_shape(shape, {5, 7}, "x");
    } catch (const core::ShapeError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(message({96}).find("the last would be partial: 96 = 2 x 35 + 26"), std::string::npos);
  EXPECT_NE(message({70}).find("give the dataset the shape (2 x 35)"), std::string::npos);
  EXPECT_EQ(message({34}).find("partial"), std::string::npos);
  EXPECT_EQ(message({96, 1}).find("partial"), std::string::npos);
  EXPECT_NE(message({35, 3}).find("3 vectors of 35 values in columns: 'transpose: true' beside"),
            std::string::npos);
}

}  // namespace
}  // namespace kronwerk::application
