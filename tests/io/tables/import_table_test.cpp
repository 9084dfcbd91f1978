#include "io/import/import_fixture.hpp"

namespace kronwerk {
namespace {

using core::ErrorKind;
using test::expect_error;

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
  EXPECT_EQ(values("x"), (Dense{1.5, 10, 2.5, 20, -3, 30}));
  EXPECT_EQ(values("t"), (Dense{1.5, 2.5, -3, 10, 20, 30}));
  EXPECT_EQ(values("v"), (Dense{100, 400, 900}));
  EXPECT_EQ(values("separate/income"), (Dense{1.5, 2.5, -3}));
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
  EXPECT_EQ(values("x"), (Dense{3, 1, 2, 6, 4, 5}));
  EXPECT_EQ(values("rows"), (Dense{4, 5, 6, 1, 2, 3}));
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

}  // namespace
}  // namespace kronwerk
