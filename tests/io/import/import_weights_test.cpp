#include "io/import/import_fixture.hpp"

namespace kronwerk {
namespace {

using core::ErrorKind;
using test::expect_error;

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
  EXPECT_EQ(values("a"), (Dense{1, 3, 2, 4}));
  EXPECT_EQ(values("b"), (Dense{1, 2, 2, 3}));
  EXPECT_EQ(values("c"), (Dense{0, -7, 7, 0}));
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

}  // namespace
}  // namespace kronwerk
