#include <algorithm>
#include <cmath>

#include "io/import/import_fixture.hpp"
#include "io/import/nearest_neighbours.hpp"

namespace kronwerk {
namespace {

using core::ErrorKind;
using test::expect_error;

// The definition, for exact distances.
std::vector<std::vector<core::Index>> brute_force(const Dense& x, const Dense& y, core::Index k) {
  std::vector<std::vector<core::Index>> result;
  for (std::size_t i = 0; i < x.size(); ++i) {
    std::vector<std::pair<double, core::Index>> others;
    for (std::size_t j = 0; j < x.size(); ++j) {
      if (j == i) continue;
      others.emplace_back((x[i] - x[j]) * (x[i] - x[j]) + (y[i] - y[j]) * (y[i] - y[j]), j);
    }
    std::sort(others.begin(), others.end());
    std::vector<core::Index> nearest;
    for (core::Index n = 0; n < k; ++n)
      nearest.push_back(others[static_cast<std::size_t>(n)].second);
    std::sort(nearest.begin(), nearest.end());
    result.push_back(nearest);
  }
  return result;
}

TEST(NearestNeighbours, EqualBruteForceOnAGridFullOfTies) {
  Dense x, y;
  for (int i = 0; i < 500; ++i) {
    x.push_back((i * 37) % 23);
    y.push_back((i * 91) % 29);  // some points coincide
  }
  for (const core::Index k : {1, 3, 6, 20}) {
    EXPECT_EQ(io::nearest_neighbours(x, y, io::Metric::planar, k), brute_force(x, y, k)) << k;
  }
}

TEST(NearestNeighbours, TieForTheLowerIndexAtEqualLongitudeSteps) {
  // Steps of a tenth of a degree are not exact in binary; both neighbours are equally near.
  Dense longitude, latitude;
  for (int i = 0; i < 40; ++i) {
    longitude.push_back(10.0 + 0.1 * i);
    latitude.push_back(50.0);
  }
  const auto nearest = io::nearest_neighbours(longitude, latitude, io::Metric::great_circle, 1);
  EXPECT_EQ(nearest[0], std::vector<core::Index>{1});
  for (std::size_t i = 1; i < 40; ++i) {
    EXPECT_EQ(nearest[i], std::vector<core::Index>{static_cast<core::Index>(i) - 1});
  }
}

TEST(NearestNeighbours, MeasureAcrossTheDateLineAndNearThePole) {
  const Dense longitude{179.9, -179.9, 178.0, 0.0, 180.0, 90.0};
  const Dense latitude{0.0, 0.0, 0.0, 89.9, 89.9, 85.0};
  const auto nearest = io::nearest_neighbours(longitude, latitude, io::Metric::great_circle, 1);
  EXPECT_EQ(nearest[0], std::vector<core::Index>{1});
  EXPECT_EQ(nearest[1], std::vector<core::Index>{0});
  EXPECT_EQ(nearest[2], std::vector<core::Index>{0});
  EXPECT_EQ(nearest[3], std::vector<core::Index>{4});
  EXPECT_EQ(nearest[4], std::vector<core::Index>{3});
}

TEST(NearestNeighbours, OfPointsThatOccurOftenAreTheOnesOfASearchThroughAll) {
  Dense x, y;
  for (int i = 0; i < 90; ++i) {
    x.push_back(i % 7);
    y.push_back(i % 3 == 0 ? 0 : i % 5);
  }
  for (const core::Index k : {1, 4, 11, 40, 89}) {
    const auto found = io::nearest_neighbours(x, y, io::Metric::planar, k);
    for (std::size_t i = 0; i < x.size(); ++i) {
      std::vector<std::pair<double, core::Index>> others;
      for (std::size_t j = 0; j < x.size(); ++j) {
        const double square = (x[i] - x[j]) * (x[i] - x[j]) + (y[i] - y[j]) * (y[i] - y[j]);
        if (j != i) others.emplace_back(square, static_cast<core::Index>(j));
      }
      std::sort(others.begin(), others.end());
      std::vector<core::Index> expected;
      for (core::Index n = 0; n < k; ++n) {
        expected.push_back(others[static_cast<std::size_t>(n)].second);
      }
      std::sort(expected.begin(), expected.end());
      EXPECT_EQ(found[i], expected) << "point " << i << ", k = " << k;
    }
  }
}

TEST(NearestNeighbours, OfVeryManyEqualPointsAreFoundAtOnce) {
  // Comparing all pairs would take hours.
  const Dense x(400'000, 7.5), y(400'000, 46.25);
  const auto nearest = io::nearest_neighbours(x, y, io::Metric::great_circle, 3);
  EXPECT_EQ(nearest[0], (std::vector<core::Index>{1, 2, 3}));
  EXPECT_EQ(nearest[2], (std::vector<core::Index>{0, 1, 3}));
  EXPECT_EQ(nearest[399'999], (std::vector<core::Index>{0, 1, 2}));
}

TEST_F(Import, KnnGivesARowStochasticMatrixInTheOrderAskedFor) {
  serially([&] {
    auto options = options_of<io::KnnOptions>("code,x,y\na,0,0\nb,1,0\nc,2,0\nd,9,0\n");
    options.metric = io::Metric::planar;
    options.k = 2;
    options.weights.row_normalise = true;
    options.order.file = test::write_text(directory_ / "order", "d\nc\nb\na\n");
    const auto summary = io::import_knn(options);
    EXPECT_EQ(summary.stored, 8);
    EXPECT_EQ(summary.islands, 0);
    EXPECT_EQ(summary.components, 1);
  });
  EXPECT_EQ(dense_of_sparse("x"), (Dense{0, .5, .5, 0, 0, 0, .5, .5, 0, .5, 0, .5, 0, .5, .5, 0}));
  EXPECT_EQ(io::read_strings(comm_, {output_, "x_ids"}), (Strings{"d", "c", "b", "a"}));
}

TEST_F(Import, KnnRefusesBadPointsAndBadK) {
  serially([&] {
    const auto refuse = [&](ErrorKind kind, const std::string& text, const std::string& part,
                            core::Index k = 1) {
      auto options = options_of<io::KnnOptions>(text);
      options.k = k;
      expect_error(kind, part, [&] { io::import_knn(options); });
    };
    refuse(ErrorKind::data, "id,longitude,latitude\na,0,91\nb,1,1\n",
           "input.txt:2: the latitude is 91");
    refuse(ErrorKind::data, "id,longitude,latitude\na,0,1\nb,400,1\n",
           "input.txt:3: the longitude is 400");
    refuse(ErrorKind::data, "id,longitude,latitude\na,0,1\na,4,1\n",
           "input.txt:3: the id 'a' in column 'id' appears already");
    refuse(ErrorKind::configuration, "id,lon,latitude\na,0,1\n", "has no column 'longitude'");
    refuse(ErrorKind::configuration, "id,longitude,latitude\na,0,1\nb,4,1\n",
           "--k is 2; expected 1 to 1", 2);
  });
}

}  // namespace
}  // namespace kronwerk
