#include <cmath>
#include <limits>

#include "io/import/import_fixture.hpp"

namespace kronwerk {
namespace {

using core::ErrorKind;
using test::expect_error;

TEST_F(Import, EdgesBecomeOriginByDestinationWithMissingPairsZero) {
  serially([&] {
    auto options = options_of<io::EdgesOptions>(
        "\xEF\xBB\xBForigin,destination,value\r\nB,A,3\r\n\"A\",C, 5.5 \r\n\r\nC,C,1e2");
    const auto summary = io::import_edges(options);
    EXPECT_EQ(summary.shape, (core::Extents{3, 3}));
    EXPECT_EQ(summary.stored, 3);
    EXPECT_EQ(summary.datasets, (Strings{"/x", "/x_ids"}));
  });
  EXPECT_EQ(values("x"), (Dense{0, 0, 5.5, 3, 0, 0, 0, 0, 100}));
  EXPECT_EQ(io::read_strings(comm_, {output_, "x_ids"}), (Strings{"A", "B", "C"}));
}

TEST_F(Import, EdgesMayMissValues) {
  serially([&] {
    auto options = options_of<io::EdgesOptions>("o,d,v\nA,B,-999\nB,A,4\nA,A,NA\n");
    options.format.missing_codes = {"-999"};
    expect_error(ErrorKind::data, "input.txt:2: the value is missing; --missing nan",
                 [&] { io::import_edges(options); });
    options.missing = io::MissingCells::nan;
    options.transform = io::Transform::sqrt;
    const auto summary = io::import_edges(options);
    EXPECT_EQ(summary.stored, 1);
    ASSERT_EQ(summary.notes.size(), 1U);
    EXPECT_NE(summary.notes[0].find("2 values are missing (NaN)"), std::string::npos);
    options.sparse = true;
    expect_error(ErrorKind::configuration, "--missing nan are for dense grids",
                 [&] { io::import_edges(options); });
    options.file = input_ + "x";
    options.sparse = false;
    expect_error(ErrorKind::data, "does not exist (did you mean 'input.txt'?)",
                 [&] { io::import_edges(options); });
  });
  Dense found(4);
  io::read_range(comm_, {output_, "/x"}, 0, found, true);
  EXPECT_TRUE(std::isnan(found[0]) && std::isnan(found[1]));
  EXPECT_EQ((Dense{found[2], found[3]}), (Dense{2, 0}));
}

TEST_F(Import, EdgesWithSeveralColumnsBecomeGrids) {
  serially([&] {
    auto options = options_of<io::EdgesOptions>("o,d,people,km,name\nA,B,3,10,x\nB,A,0,20,y\n");
    options.value_columns = {"km", "people"};
    options.fill = std::numeric_limits<double>::quiet_NaN();
    options.transform = io::Transform::log1p;
    const auto summary = io::import_edges(options);
    EXPECT_EQ(summary.datasets, (Strings{"/x/km", "/x/km_ids", "/x/people", "/x/people_ids"}));
    EXPECT_EQ(summary.stored, 3) << "neither the 0 people nor pairs that are NaN";
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
  EXPECT_EQ(values("/y"), (Dense{-1, std::sqrt(3.0), 0, -1}));
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
  EXPECT_EQ(values("x"), expected);
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
    expect_error(ErrorKind::data, "the file does not exist", [&] { io::import_edges(options); });
    EXPECT_FALSE(std::filesystem::exists(output_));
  });
}

}  // namespace
}  // namespace kronwerk
