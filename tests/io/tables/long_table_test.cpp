// Gaps, tables with a row for each cell, separators, decimal commas and packed files.
#include <zlib.h>

#include <cmath>

#include "io/import/import_fixture.hpp"

namespace kronwerk {
namespace {

using core::ErrorKind;
using test::expect_error;

class LongTable : public Import {
 protected:
  io::TableOptions long_table(const std::string& text) const {
    auto options = options_of<io::TableOptions>(text);
    options.row_ids = "station";
    options.column_ids = "date";
    options.values = {"speed"};
    return options;
  }

  const std::string speeds_ =
      "date,station,speed,gust\n"
      "1961-01-03,10,3,30\n1961-01-01,9,1,10\n1961-01-01,10,4,40\n1961-01-03,9,2,20\n";
};

TEST_F(LongTable, BecomesAGridWhoseIdsAscend) {
  serially([&] {
    auto options = long_table(speeds_);
    options.time_path = "/time";
    EXPECT_EQ(io::import_table(options).shape, (core::Extents{2, 2}));
    options.values = {"gust", "speed"};
    options.target = to("/two");
    options.time_path.clear();
    options.transpose = true;
    EXPECT_EQ(io::import_table(options).datasets.size(), 6U);
  });
  EXPECT_EQ(values("x"), (Dense{1, 2, 4, 3}));
  EXPECT_EQ(strings("x_row_ids"), (Strings{"9", "10"}));
  EXPECT_EQ(strings("x_column_ids"), (Strings{"1961-01-01", "1961-01-03"}));
  EXPECT_EQ(values("time"), (Dense{0, 2}));
  EXPECT_EQ(values("two/gust"), (Dense{10, 40, 20, 30}));
  EXPECT_EQ(strings("two/speed_column_ids"), (Strings{"9", "10"}));
}

TEST_F(LongTable, TakesTimesOfTheDayAndCodesOfMissingCells) {
  serially([&] {
    auto options = long_table(
        "station|date|speed\na|2021-03-01 06:00|-999.9\na|2021-02-28T18:00:00Z|2\n"
        "b|2021-03-01 06:00|.\nb|2021-02-28T18:00:00Z|5\n");
    options.time_path = "/time";
    options.format.missing_codes = {"-999.9", "."};
    expect_error(ErrorKind::data,
                 "input.txt:2: the value in column 'speed' is missing; --missing nan",
                 [&] { io::import_table(options); });
    options.missing = io::MissingCells::nan;
    io::import_table(options);
    options = long_table("station,date,speed\na,01.03.2021,1\n");
    options.time_path = "/time";
    expect_error(ErrorKind::data,
                 "neither the ids of the rows ('a', …) nor those of the columns ('01.03.2021', …)",
                 [&] { io::import_table(options); });
  });
  EXPECT_EQ(values("time"), (Dense{0, 0.5}));
  Dense found(4);
  io::read_range(comm_, {output_, "/x"}, 0, found, true);
  EXPECT_EQ((Dense{found[0], found[2]}), (Dense{2, 5}));
  EXPECT_TRUE(std::isnan(found[1]) && std::isnan(found[3]));
}

TEST_F(LongTable, FollowsAnOrder) {
  serially([&] {
    auto options = long_table(speeds_);
    options.order.file = order_file("10\n9\n");
    io::import_table(options);
  });
  EXPECT_EQ(values("x"), (Dense{4, 3, 1, 2}));
  EXPECT_EQ(strings("x_row_ids"), (Strings{"10", "9"}));
}

TEST_F(LongTable, CellsWithoutARowAreFilledOrRefused) {
  const std::string text = "station,date,speed\nA,1,4\nB,2,9\n";
  serially([&] {
    auto options = long_table(text);
    expect_error(ErrorKind::data,
                 "2 of 4 cells of 'station' and 'date' have no row, ('A', '2') "
                 "first; --fill nan",
                 [&] { io::import_table(options); });
    options.fill = std::nan("");
    options.transform = io::Transform::sqrt;
    const auto summary = io::import_table(options);
    ASSERT_EQ(summary.notes.size(), 1U);
    EXPECT_NE(summary.notes[0].find("2 values are missing (NaN): 'missing: nan'"),
              std::string::npos);
    options.fill = -1;
    options.target = to("/filled");
    io::import_table(options);
  });
  EXPECT_EQ(values("filled"), (Dense{2, -1, -1, 3}));
}

TEST_F(LongTable, CellsWithSeveralRowsAreSummedOrRefused) {
  serially([&] {
    auto options = long_table("station,date,speed\nA,1,4\nA,2,9\nA,1,5\n");
    expect_error(ErrorKind::data,
                 "input.txt:4: the cell ('A', '1') appears already in line 2; "
                 "--sum",
                 [&] { io::import_table(options); });
    options.sum = true;
    options.transform = io::Transform::sqrt;
    io::import_table(options);
  });
  EXPECT_EQ(values("x"), (Dense{3, 3}));
}

TEST_F(LongTable, OptionsThatMeanNothingTogetherAreRefused) {
  serially([&] {
    const auto refuse = [&](const std::string& part, auto&& change) {
      auto options = long_table(speeds_);
      change(options);
      expect_error(ErrorKind::configuration, part, [&] { io::import_table(options); });
    };
    refuse("give both or none", [](auto& options) { options.column_ids.clear(); });
    refuse("name the same column", [](auto& options) { options.column_ids = "station"; });
    refuse("--columns, --id-column", [](auto& options) { options.columns = {"speed"}; });
    refuse("--values names a column twice", [](auto& options) {
      options.values = {"speed", "speed"};
    });
    refuse("no column 'sped' (did you mean 'speed'?)",
           [](auto& options) { options.values = {"sped"}; });
    refuse("name the column of the values by --values",
           [](auto& options) { options.values.clear(); });
    refuse("--values, --sum and --fill", [](auto& options) {
      options.row_ids.clear();
      options.column_ids.clear();
    });
  });
}

TEST_F(Import, GapsOfATableAreNotObservedWhenThatIsSaid) {
  serially([&] {
    auto options = options_of<io::TableOptions>("id,a,b\nx,,4\ny,NA,nan\nz,2,9\n");
    expect_error(ErrorKind::data, "input.txt:2: the value in column 'a' is missing; --missing nan",
                 [&] { io::import_table(options); });
    options.missing = io::MissingCells::nan;
    options.transform = io::Transform::sqrt;
    EXPECT_EQ(io::import_table(options).shape, (core::Extents{3, 2}));
    options.remove_seasonal_mean = true;
    expect_error(ErrorKind::data, "is no date", [&] { io::import_table(options); });
    EXPECT_EQ(io::parse_missing_cells("nan"), io::MissingCells::nan);
    expect_error(ErrorKind::configuration, "--missing none",
                 [] { io::parse_missing_cells("none"); });
  });
  Dense found(6);
  io::read_range(comm_, {output_, "/x"}, 0, found, true);
  EXPECT_TRUE(std::isnan(found[0]) && std::isnan(found[2]) && std::isnan(found[3]));
  EXPECT_EQ((Dense{found[1], found[4], found[5]}), (Dense{2, std::sqrt(2.0), 3}));
}

TEST_F(Import, FieldsAreSeparatedByWhatTheFirstLineHas) {
  serially([&] {
    const auto expect = [&](const std::string& text, char separator, bool comma) {
      auto options = options_of<io::TableOptions>(text);
      options.format = {separator, comma};
      io::import_table(options);
    };
    expect("id;a;b\nx, y;1,5;-2\nz;3;4e1\n", 0, true);
    expect("id\ta\tb\nx, y\t1.5\t-2\nz\t3\t40\n", 0, false);
    expect("id|a|b\nx, y|1.5|-2\nz|3|40\n", '|', false);
    expect("id|a|b\nx, y|1.5|-2\nz|3|40\n", 0, false);
    auto unknown = options_of<io::TableOptions>("id a b\nx 1.5 -2\n");
    expect_error(ErrorKind::data, "has no numeric column among 'id a b'; --separator says",
                 [&] { io::import_table(unknown); });
  });
  EXPECT_EQ(values("x"), (Dense{1.5, -2, 3, 40}));
  EXPECT_EQ(strings("x_row_ids"), (Strings{"x, y", "z"}));
}

TEST_F(Import, DecimalCommasAreNamedWhereTheyAreMet) {
  serially([&] {
    auto options = options_of<io::TableOptions>("id;a\nx;1,5\ny;2\n");
    expect_error(ErrorKind::data,
                 "the numbers of the column 'a' have decimal commas; "
                 "--decimal-comma",
                 [&] { io::import_table(options); });
    options.columns = {"a"};
    expect_error(ErrorKind::data,
                 "input.txt:2: the value in column 'a' is '1,5'; --decimal-comma "
                 "reads it as 1.5",
                 [&] { io::import_table(options); });
    options = options_of<io::TableOptions>("id;a\nx;1.234,5\n");
    options.columns = {"a"};
    options.format.decimal_comma = true;
    expect_error(ErrorKind::data, "'1.234,5'; with --decimal-comma a number has no point",
                 [&] { io::import_table(options); });
    options = options_of<io::TableOptions>("id;a\nx;1;5\n");
    expect_error(ErrorKind::data, "has 3 fields; the header has 2 (separated by ';')",
                 [&] { io::import_table(options); });
    options.format.separator = '"';
    expect_error(ErrorKind::configuration, "--separator", [&] { io::import_table(options); });
  });
}

TEST_F(Import, PackedTextIsUnpacked) {
  const std::string packed = directory_ / "table.csv.gz";
  std::string text = "id,a\n";
  for (int i = 0; i < 20000; ++i) text += "row" + std::to_string(i) + ",1\n";
  serially([&] {
    gzFile file = gzopen(packed.c_str(), "wb");
    gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
    gzclose(file);
    io::TableOptions options;
    options.file = packed;
    options.target = to("/x", true);
    EXPECT_EQ(io::import_table(options).shape, (core::Extents{20000, 1}));
    std::filesystem::resize_file(packed, std::filesystem::file_size(packed) / 2);
    expect_error(ErrorKind::data, "table.csv.gz: cannot be unpacked (it ends too early)",
                 [&] { io::import_table(options); });
  });
}

TEST_F(Import, CoordinatesThatAreCalledOtherwiseAreNamedByOptions) {
  serially([&] {
    auto knn = options_of<io::KnnOptions>("id,lon,lat\na,1,2\nb,3,4\nc,5,6\n");
    expect_error(ErrorKind::configuration,
                 "no column 'longitude'; its columns are id, lon, lat; "
                 "--x-column and --y-column name",
                 [&] { io::import_knn(knn); });
    auto points = options_of<io::PointsOptions>("id,lon,lat\na,1,2\n");
    points.cell = {1};
    expect_error(ErrorKind::configuration,
                 "no column 'latitude'; its columns are id, lon, lat; "
                 "--columns names them",
                 [&] { io::import_points(points); });
  });
}

}  // namespace
}  // namespace kronwerk
