#include "kronwerk/io/import/import.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "io/hdf5/test_files.hpp"
#include "io/import/nearest_neighbours.hpp"
#include "kronwerk/io/files/result_file.hpp"
#include "kronwerk/io/hdf5/read.hpp"
#include "kronwerk/io/hdf5/show.hpp"

namespace kronwerk {
namespace {

using communication::Communicator;
using core::ErrorKind;
using test::expect_error;

// Importers are serial; every np runs them on rank 0 and reads the outcome on all ranks.
class Import : public testing::Test {
 protected:
  Communicator comm_ = Communicator::duplicate(MPI_COMM_WORLD);
  test::SharedDirectory directory_{comm_};
  std::string output_ = directory_ / "data.h5";
  std::string input_ = directory_ / "input.txt";

  io::ImportTarget to(const std::string& path, bool overwrite = false) const {
    return {.location = {output_, path}, .overwrite = overwrite};
  }
  template <typename Options>
  Options options_of(const std::string& text) const {
    Options options;
    options.file = test::write_text(input_, text);
    options.target = to("/x", true);
    return options;
  }
  void serially(const std::function<void()>& work) { communication::on_root(comm_, work); }

  std::vector<double> values(const std::string& path, core::Index count) {
    std::vector<double> result(static_cast<std::size_t>(count));
    io::read_range(comm_, {output_, path}, 0, result);
    return result;
  }
  std::vector<double> dense_of_sparse(const std::string& path) {
    const auto matrix = io::read_sparse(comm_, {output_, path});
    std::vector<double> result(static_cast<std::size_t>(matrix.rows * matrix.cols));
    for (core::Index row = 0; row < matrix.rows; ++row) {
      for (auto i = matrix.row_offsets.span()[static_cast<std::size_t>(row)];
           i < matrix.row_offsets.span()[static_cast<std::size_t>(row) + 1]; ++i) {
        const auto column = matrix.column_indices.span()[static_cast<std::size_t>(i)];
        result[static_cast<std::size_t>(row * matrix.cols + column)] =
            matrix.values.span()[static_cast<std::size_t>(i)];
      }
    }
    return result;
  }
};

using Dense = std::vector<double>;
using Strings = std::vector<std::string>;

TEST_F(Import, EdgesBecomeOriginByDestinationWithMissingPairsZero) {
  serially([&] {
    auto options = options_of<io::EdgesOptions>(
        "\xEF\xBB\xBForigin,destination,value\r\nB,A,3\r\n\"A\",C, 5.5 \r\n\r\nC,C,1e2");
    const auto summary = io::import_edges(options);
    EXPECT_EQ(summary.shape, (core::Extents{3, 3}));
    EXPECT_EQ(summary.stored, 3);
    EXPECT_EQ(summary.datasets, (Strings{"/x", "/x_ids"}));
  });
  EXPECT_EQ(values("x", 9), (Dense{0, 0, 5.5, 3, 0, 0, 0, 0, 100}));
  EXPECT_EQ(io::read_strings(comm_, {output_, "x_ids"}), (Strings{"A", "B", "C"}));
}

TEST_F(Import, EdgesWithSeveralColumnsBecomeGrids) {
  serially([&] {
    auto options = options_of<io::EdgesOptions>("o,d,people,km,name\nA,B,3,10,x\nB,A,0,20,y\n");
    options.value_columns = {"km", "people"};
    options.fill = std::numeric_limits<double>::quiet_NaN();
    options.transform = io::Transform::log1p;
    const auto summary = io::import_edges(options);
    EXPECT_EQ(summary.datasets, (Strings{"/x/km", "/x/km_ids", "/x/people", "/x/people_ids"}));
    options.fill = -1;
    options.value_columns = {};
    options.value_column = "people";
    options.target = to("/y");
    options.transform = io::Transform::log;
    expect_error(ErrorKind::data, "input.txt:3", [&] { io::import_edges(options); });
    options.transform = io::Transform::sqrt;
    io::import_edges(options);
  });
  Dense km(4);
  io::read_range(comm_, {output_, "/x/km"}, 0, km, true);
  EXPECT_TRUE(std::isnan(km[0]) && std::isnan(km[3]));
  EXPECT_DOUBLE_EQ(km[1], std::log1p(10));
  Dense people(4);
  io::read_range(comm_, {output_, "/x/people"}, 0, people, true);
  EXPECT_DOUBLE_EQ(people[1], std::log1p(3));
  EXPECT_EQ(people[2], 0);
  EXPECT_EQ(values("/y", 4), (Dense{-1, std::sqrt(3.0), 0, -1}));
  serially([&] {
    const auto refuse = [&](const std::function<void(io::EdgesOptions&)>& change,
                            const std::string& text, ErrorKind kind = ErrorKind::configuration) {
      auto options = options_of<io::EdgesOptions>("o,d,people,km\nA,B,3,10\nB,A,4,20\n");
      change(options);
      expect_error(kind, text, [&] { io::import_edges(options); });
    };
    refuse([](auto&) {}, "--value-columns", ErrorKind::data);
    refuse([](auto& options) { options.value_columns = {"km", "km"}; }, "twice");
    refuse([](auto& options) { options.value_columns = {"miles"}; }, "miles");
    refuse(
        [](auto& options) {
          options.value_columns = {"km"};
          options.value_column = "people";
        },
        "not both");
    refuse(
        [](auto& options) {
          options.value_columns = {"km"};
          options.sparse = true;
        },
        "leave --sparse out");
  });
}

TEST_F(Import, EdgesFollowTheOrderFileAndTheTransform) {
  serially([&] {
    auto options = options_of<io::EdgesOptions>("v,to,from\n3,A,B\n1,C,A\n");
    options.origin_column = "from";
    options.destination_column = "to";
    options.value_column = "v";
    options.transform = io::Transform::log1p;
    options.order.file =
        test::write_text(directory_ / "order.csv", "name,code\nx,D\ny,C\nz,B\nw,A\n");
    options.order.column = "code";
    io::import_edges(options);
  });
  Dense expected(16, 0.0);
  expected[2 * 4 + 3] = std::log1p(3.0);
  expected[3 * 4 + 1] = std::log1p(1.0);
  EXPECT_EQ(values("x", 16), expected);
  EXPECT_EQ(io::read_strings(comm_, {output_, "x_ids"}), (Strings{"D", "C", "B", "A"}));
}

TEST_F(Import, EdgesCanBeAWeightMatrixSymmetrisedBeforeItIsNormalised) {
  serially([&] {
    auto options = options_of<io::EdgesOptions>("o,d,w\nA,B,2\nA,C,1\nC,A,3\n");
    options.sparse = true;
    options.order.file = test::write_text(directory_ / "order", "A\r\nB\nC\nisland\n");
    auto summary = io::import_edges(options);
    EXPECT_EQ(summary.symmetric, false);
    EXPECT_EQ(summary.asymmetric_links, 1);
    EXPECT_EQ(summary.islands, 2);
    EXPECT_EQ(summary.components, 2);
    options.weights = {.symmetrise = true};
    options.target = to("/s");
    summary = io::import_edges(options);
    EXPECT_EQ(summary.symmetric, true);
    options.weights.row_normalise = true;
    options.target = to("/n");
    io::import_edges(options);
  });
  EXPECT_EQ(dense_of_sparse("x"), (Dense{0, 2, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(dense_of_sparse("s"), (Dense{0, 1, 2, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0}));
  const auto normalised = dense_of_sparse("n");
  EXPECT_DOUBLE_EQ(normalised[1], 1.0 / 3.0);
  EXPECT_DOUBLE_EQ(normalised[4], 1.0);
}

TEST_F(Import, EdgesRefuseBadRowsWithFileAndLine) {
  serially([&] {
    const auto refuse = [&](const std::string& text, const std::string& part,
                            const std::function<void(io::EdgesOptions&)>& change = {}) {
      auto options = options_of<io::EdgesOptions>(text);
      if (change) change(options);
      expect_error(ErrorKind::data, part, [&] { io::import_edges(options); });
    };
    refuse("o,d,v\nA,B,1\nA,B\n", "input.txt:3: has 2 fields; the header has 3");
    refuse("o,d,v\nA,B,x1\n", "input.txt:2: the value is 'x1'; expected a finite number");
    refuse("o,d,v\nA,B,nan\n", "input.txt:2: the value is missing");
    refuse("o,d,v\nA,B,inf\n", "expected a finite number");
    refuse("o,d,v\nA,B,1\nB,A,2\nA,B,3\n",
           "input.txt:4: the pair (A, B) appears already in line 2");
    refuse("o,d,v\nA,\"B,1\n", "input.txt:2: has a quote that is not closed");
    refuse("o,d,v\n,B,1\n", "input.txt:2: an id is missing");
    refuse("o,d,v\nA,B\xFF,1\n", "input.txt:2: is not UTF-8");
    refuse("", "input.txt:1: is empty");
    refuse("o,d,v\n", "has a header but no rows");
    refuse("o,o,v\nA,B,1\n", "the column 'o' appears twice");
    refuse("o,d\nA,B\n", "expected origin, destination and value");
    refuse("o,d,v\nA,B,2\n", "use log1p",
           [](auto& options) { options.transform = io::Transform::log; });
    refuse("o,d,v\nA,A,1\n", "input.txt:2: 'A' is its own neighbour",
           [](auto& options) { options.sparse = true; });
    refuse("o,d,v\nA,Bx,1\n", "input.txt:2: unknown id 'Bx'", [&](auto& options) {
      options.order.file = test::write_text(directory_ / "order", "A\nB\n");
    });
    refuse("o,d,v\nA,B,1\n", "order:3: the id 'A' appears already in line 1", [&](auto& options) {
      options.order.file = test::write_text(directory_ / "order", "A\nB\nA\n");
    });
    auto options = options_of<io::EdgesOptions>("origin,d,v\nA,B,1\n");
    options.origin_column = "orgin";
    expect_error(ErrorKind::configuration, "did you mean 'origin'?",
                 [&] { io::import_edges(options); });
    options.origin_column = "";
    options.weights.row_normalise = true;
    expect_error(ErrorKind::configuration, "add --sparse", [&] { io::import_edges(options); });
    options.file = "/nowhere.csv";
    options.weights = {};
    expect_error(ErrorKind::data, "cannot be read", [&] { io::import_edges(options); });
    EXPECT_FALSE(std::filesystem::exists(output_));
  });
}

TEST_F(Import, TablesKeepNumbersIdsAndOtherTexts) {
  const std::string text =
      "fips,name,income,size\n01001,\"a, \"\"b\"\"\",1.5,10\n01003,c,2.5,20\n02001,Ü,-3,30\n";
  serially([&] {
    auto options = options_of<io::TableOptions>(text);
    EXPECT_EQ(io::import_table(options).shape, (core::Extents{3, 2}));
    options.target = to("/t");
    options.transpose = true;
    EXPECT_EQ(io::import_table(options).shape, (core::Extents{2, 3}));
    options.target = to("/v");
    options.transpose = false;
    options.columns = {"size"};
    options.transform = io::Transform::square;
    EXPECT_EQ(io::import_table(options).shape, core::Extents{3});
    options.target = to("/separate");
    options.columns = {};
    options.separate = true;
    options.transform = io::Transform::none;
    io::import_table(options);
  });
  EXPECT_EQ(values("x", 6), (Dense{1.5, 10, 2.5, 20, -3, 30}));
  EXPECT_EQ(values("t", 6), (Dense{1.5, 2.5, -3, 10, 20, 30}));
  EXPECT_EQ(values("v", 3), (Dense{100, 400, 900}));
  EXPECT_EQ(values("separate/income", 3), (Dense{1.5, 2.5, -3}));
  const auto strings = [&](const std::string& path) {
    return io::read_strings(comm_, {output_, path});
  };
  EXPECT_EQ(strings("x_row_ids"), (Strings{"01001", "01003", "02001"}));
  EXPECT_EQ(strings("x_column_ids"), (Strings{"income", "size"}));
  EXPECT_EQ(strings("x_name"), (Strings{"a, \"b\"", "c", "Ü"}));
  EXPECT_EQ(strings("t_row_ids"), (Strings{"income", "size"}));
  EXPECT_EQ(strings("separate/fips"), strings("x_row_ids"));
}

TEST_F(Import, TablesFollowAnOrderOfRowsOrColumns) {
  serially([&] {
    auto options = options_of<io::TableOptions>("date,A,B,C\nd1,1,2,3\nd2,4,5,6\n");
    options.order.file =
        test::write_text(directory_ / "columns.csv", "code,where\nC,z\nA,x\nB,y\n");
    io::import_table(options);
    options.order.file = test::write_text(directory_ / "rows", "d2\nd1\n");
    options.target = to("/rows");
    io::import_table(options);
    options.order.file = test::write_text(directory_ / "wrong", "C\nA\nD\n");
    expect_error(ErrorKind::data, "the id 'D' is not in", [&] { io::import_table(options); });
    options.order.file = test::write_text(directory_ / "short", "C\nA\n");
    expect_error(ErrorKind::data, "is not listed", [&] { io::import_table(options); });
    options.order.file = test::write_text(directory_ / "other", "Q\n");
    expect_error(ErrorKind::data, "'Q' is no id of the data", [&] { io::import_table(options); });
  });
  EXPECT_EQ(values("x", 6), (Dense{3, 1, 2, 6, 4, 5}));
  EXPECT_EQ(values("rows", 6), (Dense{4, 5, 6, 1, 2, 3}));
}

TEST_F(Import, TablesRefuseBadCellsAndIds) {
  serially([&] {
    const auto refuse = [&](const std::string& text, const std::string& part) {
      auto options = options_of<io::TableOptions>(text);
      expect_error(ErrorKind::data, part, [&] { io::import_table(options); });
    };
    refuse("id,a\nx,1\ny,\n", "input.txt:3: the value in column 'a' is missing");
    refuse("id,a\nx,NA\ny,2\n", "input.txt:2: the value in column 'a' is missing");
    refuse("id,a\nx,1\ny,1..2\n", "input.txt:3: the value in column 'a' is '1..2'");
    refuse("id,a\nx,1\nx,2\n", "input.txt:3: the id 'x' in column 'id' appears already in line 2");
    refuse("id,b\nx,u\n", "has no numeric column");
    auto options = options_of<io::TableOptions>("id,a\nx,-1\n");
    options.transform = io::Transform::sqrt;
    expect_error(ErrorKind::data, "input.txt:2: the sqrt of -1",
                 [&] { io::import_table(options); });
    expect_error(ErrorKind::configuration, "did you mean 'log1p'?",
                 [&] { io::parse_transform("log1q"); });
  });
}

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

TEST_F(Import, GalKeepsLeadingZerosIslandsAndAsymmetricLists) {
  serially([&] {
    auto options = options_of<io::GalOptions>(
        "0 4 map ID\r\n01 2\r\n02 03\r\n02 1\r\n01\r\n03 0\r\n\r\n04 0\r\n");
    const auto summary = io::import_gal(options);
    EXPECT_EQ(summary.stored, 3);
    EXPECT_EQ(summary.asymmetric_links, 1);
    EXPECT_EQ(summary.islands, 2);
    EXPECT_EQ(summary.components, 2);
    // Written without the empty line, and with the short header.
    options = options_of<io::GalOptions>("3\nb 0\na 1\nc\nc 1\na\n");
    options.target = to("/y");
    options.order.file = test::write_text(directory_ / "order", "a\nb\nc\n");
    EXPECT_EQ(io::import_gal(options).symmetric, true);
  });
  EXPECT_EQ(dense_of_sparse("x"), (Dense{0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(dense_of_sparse("y"), (Dense{0, 0, 1, 0, 0, 0, 1, 0, 0}));
  EXPECT_EQ(io::read_strings(comm_, {output_, "x_ids"}), (Strings{"01", "02", "03", "04"}));
}

TEST_F(Import, GalRefusesBadListsWithFileAndLine) {
  serially([&] {
    const auto refuse = [&](const std::string& text, const std::string& part) {
      auto options = options_of<io::GalOptions>(text);
      expect_error(ErrorKind::data, part, [&] { io::import_gal(options); });
    };
    refuse("a b c\n", "input.txt:1: expected a GAL header");
    refuse("2\na 1\nb\nb 1\nc\n", "input.txt:5: unknown id 'c'");
    refuse("2\na 1\na\nb 0\n\n", "input.txt:3: 'a' is its own neighbour");
    refuse("2\na 2\nb b\nb 0\n\n", "input.txt:3: lists the neighbour 'b' twice");
    refuse("2\na 2\nb\nb 0\n\n", "input.txt:3: lists 1 neighbours; line 2 announces 2");
    refuse("2\na 0\n\na 0\n\n", "input.txt:4: the id 'a' appears already in line 2");
    refuse("3\na 0\n\nb 0\n\n", "ends after 2 regions; its header announces 3");
    refuse("2\na 1\n", "ends before the neighbours of 'a'");
    refuse("2\na one\n", "the number of neighbours is 'one'; expected an integer");
  });
}

TEST_F(Import, MatrixMarketReadsEveryKindItNames) {
  const std::string banner = "%%MatrixMarket matrix ";
  serially([&] {
    const auto import = [&](const std::string& text, const std::string& path) {
      auto options = options_of<io::MatrixMarketOptions>(banner + text);
      options.target = to(path);
      return io::import_matrix_market(options);
    };
    EXPECT_EQ(import("coordinate real general\n% c\n\n2 3 2\n2 3 -1.5\n1 1 2\n", "/g").stored, 2);
    EXPECT_EQ(import("coordinate integer symmetric\n2 2 2\n1 1 4\n2 1 5\n", "/s").symmetric, true);
    import("coordinate real skew-symmetric\n2 2 1\n2 1 5\n", "/k");
    import("coordinate pattern general\n2 2 1\n1 2\n", "/p");
    EXPECT_FALSE(import("array real general\n2 2\n1\n2\n3\n4\n", "/a").sparse);
    import("array real symmetric\n2 2\n1\n2\n3\n", "/b");
    import("array real skew-symmetric\n2 2\n7\n", "/c");
  });
  EXPECT_EQ(dense_of_sparse("g"), (Dense{2, 0, 0, 0, 0, -1.5}));
  EXPECT_EQ(dense_of_sparse("s"), (Dense{4, 5, 5, 0}));
  EXPECT_EQ(dense_of_sparse("k"), (Dense{0, -5, 5, 0}));
  EXPECT_EQ(dense_of_sparse("p"), (Dense{0, 1, 0, 0}));
  EXPECT_EQ(values("a", 4), (Dense{1, 3, 2, 4}));
  EXPECT_EQ(values("b", 4), (Dense{1, 2, 2, 3}));
  EXPECT_EQ(values("c", 4), (Dense{0, -7, 7, 0}));
}

TEST_F(Import, MatrixMarketRefusesWhatItCannotHold) {
  serially([&] {
    const auto refuse = [&](const std::string& text, const std::string& part) {
      auto options = options_of<io::MatrixMarketOptions>(text);
      expect_error(ErrorKind::data, part, [&] { io::import_matrix_market(options); });
    };
    const std::string general = "%%MatrixMarket matrix coordinate real general\n";
    refuse("1 2 3\n", "input.txt:1: expected '%%MatrixMarket");
    refuse("%%MatrixMarket matrix coordinate complex general\n", "the field is 'complex'");
    refuse("%%MatrixMarket matrix coordinate real hermitian\n", "the symmetry is 'hermitian'");
    refuse(general + "2 2 2\n1 1 1\n", "the file ends before its 2 announced entries");
    refuse(general + "2 2 1\n1 1 1\n2 2 1\n", "input.txt:4: there are more entries");
    refuse(general + "2 2 1\n3 1 1\n", "input.txt:3: the entry (3, 1) lies outside");
    refuse(general + "2 2 2\n1 2 1\n1 2 3\n", "input.txt:4: the pair (1, 2) appears already");
    refuse(general + "2 2 1\n1 2\n", "expected row, column and value");
    refuse("%%MatrixMarket matrix coordinate real symmetric\n2 2 1\n1 2 1\n", "above the diagonal");
    auto options = options_of<io::MatrixMarketOptions>(general + "2 2 2\n1 1 1\n1 2 -1\n");
    options.weights.row_normalise = true;
    expect_error(ErrorKind::data, "row 0 has entries that sum to 0",
                 [&] { io::import_matrix_market(options); });
  });
}

TEST_F(Import, KeepsOtherDatasetsAndRefusesToReplaceWithoutBeingAsked) {
  serially([&] {
    auto options = options_of<io::EdgesOptions>("o,d,v\nA,B,1\n");
    options.target = to("/flows/y");
    io::import_edges(options);
    expect_error(ErrorKind::configuration, "--overwrite", [&] { io::import_edges(options); });
    options.target = to("/flows/z");
    io::import_edges(options);
    options.target = to("/flows/y", true);
    io::import_edges(options);
  });
  EXPECT_EQ(values("flows/z", 4), (Dense{0, 1, 0, 0}));
  EXPECT_EQ(values("flows/y", 4), (Dense{0, 1, 0, 0}));
}

TEST_F(Import, ShowsWhatAFileHolds) {
  serially([&] {
    auto options = options_of<io::EdgesOptions>("o,d,v\nA,B,2\n");
    io::import_edges(options);
    options.sparse = true;
    options.target = to("/W");
    io::import_edges(options);
    const auto text = io::describe_file(output_);
    for (const char* part : {"/x ", "2 x 2 float64, min 0, max 2, mean 0.5",
                             "sparse matrix 2 x 2, 1 stored (25 %), float64",
                             "source: edges input.txt", "2 string: A, B"}) {
      EXPECT_NE(text.find(part), std::string::npos) << part << "\nin\n" << text;
    }
    EXPECT_EQ(text.find("indptr"), std::string::npos);
  });
  io::ResultFile result(comm_, directory_ / "result.h5", false);
  result.write_scalar("/result", -2.5);
  result.write_attribute("/report", "method", std::string("direct"));
  result.write_attribute("/", "ranks", core::Index{3});
  result.write_attribute("/", "configuration", std::string("task: logdet"));
  result.commit();
  serially([&] {
    const auto text = io::describe_file(directory_ / "result.h5");
    EXPECT_NE(text.find("scalar float64 = -2.5"), std::string::npos) << text;
    EXPECT_NE(text.find("/report\n  method  direct\n"), std::string::npos) << text;
    EXPECT_NE(text.find("file\n  ranks  3\n"), std::string::npos) << text;
    EXPECT_TRUE(text.ends_with("configuration\ntask: logdet\n")) << text;
    expect_error(ErrorKind::data, "does not exist",
                 [&] { io::describe_file(directory_ / "no.h5"); });
  });
}

}  // namespace
}  // namespace kronwerk
