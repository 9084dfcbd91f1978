// What an importer cannot know it asks for: headers, columns, duplicates, long tables.
#include "io/import/import_fixture.hpp"
#include "kronwerk/io/files/data_file.hpp"

namespace kronwerk {
namespace {

using core::ErrorKind;
using io::Header;
using test::expect_error;

class ImportGuess : public Import {
 protected:
  ImportGuess() { input_ = directory_ / "input.csv"; }
};

TEST_F(ImportGuess, AFirstLineOfNumbersIsNeitherHeaderNorRowUntilThatIsSaid) {
  serially([&] {
    auto table = options_of<io::TableOptions>("1,2\n3,4\n5,7\n");
    expect_error(ErrorKind::data, "input.csv:1: has nothing but numbers: --no-header",
                 [&] { io::import_table(table); });
    table.header = Header::absent;
    EXPECT_EQ(io::import_table(table).shape, (core::Extents{3, 2}));
    table.header = Header::present;
    EXPECT_EQ(io::import_table(table).shape, (core::Extents{2, 2}));
    auto edges = options_of<io::EdgesOptions>("1,2,3\n2,1,4\n");
    expect_error(ErrorKind::data, "has nothing but numbers", [&] { io::import_edges(edges); });
    edges.header = Header::absent;
    EXPECT_EQ(io::import_edges(edges).stored, 2);
    auto knn = options_of<io::KnnOptions>("1,2\n3,4\n5,6\n");
    knn.metric = io::Metric::planar;
    knn.k = 1;
    expect_error(ErrorKind::data, "has nothing but numbers", [&] { io::import_knn(knn); });
    knn.header = Header::absent;
    knn.x_column = "1";
    knn.y_column = "2";
    EXPECT_EQ(io::import_knn(knn).shape, (core::Extents{3, 3}));
  });
}

TEST_F(ImportGuess, ANumberWhereAColumnIsNamedIsRefused) {
  serially([&] {
    auto edges = options_of<io::EdgesOptions>("A,B,3\nB,A,4\n");
    expect_error(ErrorKind::data, "input.csv:1: the name of a column of numbers is '3'",
                 [&] { io::import_edges(edges); });
    edges.header = Header::absent;
    edges.value_column = "3";
    EXPECT_EQ(io::import_edges(edges).stored, 2);
    auto knn = options_of<io::KnnOptions>("P,1.5,2\nQ,3,4\nR,5,6\n");
    knn.metric = io::Metric::planar;
    knn.k = 1;
    knn.x_column = "1.5";
    knn.y_column = "2";
    expect_error(ErrorKind::data, "is '1.5'", [&] { io::import_knn(knn); });
    knn.header = Header::absent;
    expect_error(ErrorKind::configuration, "no column '1.5'", [&] { io::import_knn(knn); });
    auto table = options_of<io::TableOptions>("A,1.5,2\nB,3,4\n");
    expect_error(ErrorKind::data, "is '1.5'", [&] { io::import_table(table); });
    table = options_of<io::TableOptions>("A,3\nB,4\n");
    expect_error(ErrorKind::data, "is '3'", [&] { io::import_table(table); });
    table.header = Header::absent;
    EXPECT_EQ(io::import_table(table).shape, (core::Extents{2, 1}));
    // Years are names.
    table = options_of<io::TableOptions>("region,2008,2009\nA,1,2\nB,3,4\n");
    EXPECT_EQ(io::import_table(table).shape, (core::Extents{2, 2}));
  });
  EXPECT_EQ(strings("x_column_ids"), (Strings{"2008", "2009"}));
}

TEST_F(ImportGuess, TheHeaderOfAnOrderIsNoRegionAndItsFirstRegionNoHeader) {
  serially([&] {
    auto edges = options_of<io::EdgesOptions>("from,to,flow\nA,B,3\nB,A,4\n");
    edges.order.file = order_file("region\nB\nA\nC\n");
    expect_error(ErrorKind::data, "order.txt:1: 'region' is no id of the data: --order-header",
                 [&] { io::import_edges(edges); });
    edges.order.header = Header::present;
    EXPECT_EQ(io::import_edges(edges).shape, (core::Extents{3, 3}));
    edges.order.header = Header::absent;
    EXPECT_EQ(io::import_edges(edges).shape, (core::Extents{4, 4}));
    edges.order = {order_file("B,1\nA,2\n"), "", Header::guessed};
    expect_error(ErrorKind::data, "order.txt:1: 'B' is an id of the data: --order-no-header",
                 [&] { io::import_edges(edges); });
    edges.order.header = Header::absent;
    EXPECT_EQ(io::import_edges(edges).shape, (core::Extents{2, 2}));
  });
  EXPECT_EQ(strings("x_ids"), (Strings{"B", "A"}));
  EXPECT_EQ(values("x"), (Dense{0, 4, 3, 0}));
}

TEST_F(ImportGuess, TheOrderMayBeAListOfAnHdf5File) {
  serially([&] {
    auto edges = options_of<io::EdgesOptions>("from,to,flow\nA,B,3\nB,A,4\n");
    {
      io::DataFile file(output_);
      file.write_strings("/W_ids", Strings{"B", "A"});
      file.commit();
    }
    edges.order.file = output_ + ":/W_ids";
    io::import_edges(edges);
  });
  EXPECT_EQ(strings("x_ids"), (Strings{"B", "A"}));
}

TEST_F(ImportGuess, PairsGivenTwiceAreAddedUpWhenThatIsSaid) {
  serially([&] {
    auto edges = options_of<io::EdgesOptions>("from,to,flow\nA,B,3\nB,A,4\nA,B,6\n");
    expect_error(ErrorKind::data, "--sum adds the values of a pair",
                 [&] { io::import_edges(edges); });
    edges.sum = true;
    edges.transform = io::Transform::sqrt;  // of the sum
    io::import_edges(edges);
  });
  EXPECT_EQ(values("x"), (Dense{0, 3, 2, 0}));
}

TEST_F(ImportGuess, FurtherColumnsOfEdgesAreNotTakenForValues) {
  serially([&] {
    auto edges = options_of<io::EdgesOptions>("from,to,year,flow\nA,B,2008,3\nB,A,2008,4\n");
    expect_error(ErrorKind::data, "name the one of the values by --value-column",
                 [&] { io::import_edges(edges); });
    edges.value_column = "flow";
    io::import_edges(edges);
  });
  EXPECT_EQ(values("x"), (Dense{0, 3, 4, 0}));
}

TEST_F(ImportGuess, ALongTableIsNoMatrix) {
  serially([&] {
    const std::string text =
        "station,date,speed\nS1,1961-01-01,1\nS1,1961-01-02,2\nS2,1961-01-01,3\nS2,1961-01-02,4\n";
    auto edges = options_of<io::EdgesOptions>(text);
    expect_error(ErrorKind::data, "no 'station' is a 'date' as well ('S1' and '1961-01-01'",
                 [&] { io::import_edges(edges); });
    edges.order.file = order_file("S1\nS2\n1961-01-01\n1961-01-02\n");
    EXPECT_EQ(io::import_edges(edges).shape, (core::Extents{4, 4}));
    const std::string codes =
        "station,date,speed\n1,19610101,1\n1,19610102,2\n2,19610101,3\n2,19610102,4\n";
    auto table = options_of<io::TableOptions>(codes);
    expect_error(ErrorKind::data, "look like the ids of a table with a row for each pair",
                 [&] { io::import_table(table); });
    table.columns = {"speed"};
    EXPECT_EQ(io::import_table(table).shape, (core::Extents{4}));
    table = options_of<io::TableOptions>("id,a,b\n1,10,1\n2,20,2\n3,10,5\n4,20,6\n");
    EXPECT_EQ(io::import_table(table).shape, (core::Extents{4, 3}));
  });
}

TEST_F(ImportGuess, DataAreReorderedByTheIdsBesideThem) {
  const std::string other = directory_ / "other.h5";
  serially([&] {
    const Strings ids{"A", "B", "C"};
    {
      io::DataFile file(output_);
      file.write_dense("/flows", core::Extents{3, 3}, Dense{0, 1, 2, 3, 0, 5, 6, 7, 0});
      file.write_strings("/flows_ids", ids);
      file.write_dense("/speed", core::Extents{2, 3}, Dense{1, 2, 3, 4, 5, 6});
      file.write_strings("/speed_row_ids", Strings{"d1", "d2"});
      file.write_strings("/speed_column_ids", ids);
      io::SparseMatrix w{3, 3, {0, 1, 3, 3}, {2, 0, 1}, {1, 2, 3}};
      file.write_sparse("/W", w);
      file.write_strings("/W_ids", ids);
      file.write_dense("/plain", core::Extents{3}, Dense{1, 2, 3});
      file.commit();
    }
    const auto reorder = [&](const std::string& path, const std::string& order) {
      io::ReorderOptions options;
      options.data = {output_, path};
      options.target.location = {output_, path};
      options.target.overwrite = true;
      options.order.file = order_file(order);
      return io::import_reorder(options);
    };
    const auto summary = reorder("/flows", "C\nA\nB\n");
    EXPECT_EQ(summary.datasets, (Strings{"/flows", "/flows_ids"}));
    EXPECT_EQ(summary.stored, 6);
    reorder("/speed", "C\nA\nB\n");
    reorder("/W", "C\nA\nB\n");
    expect_error(ErrorKind::data, "the id 'D' is not in", [&] { reorder("/W", "A\nD\nB\n"); });
    expect_error(ErrorKind::data, "has no ids in this file", [&] {
      io::ReorderOptions options;
      options.data = {output_, "/plain"};
      options.target.location = {output_, "/y"};
      options.order = {order_file("A\nB\n"), "", Header::absent};
      io::import_reorder(options);
    });
  });
  EXPECT_EQ(values("flows"), (Dense{0, 6, 7, 2, 0, 1, 5, 3, 0}));
  EXPECT_EQ(strings("flows_ids"), (Strings{"C", "A", "B"}));
  EXPECT_EQ(values("speed"), (Dense{3, 1, 2, 6, 4, 5}));
  EXPECT_EQ(strings("speed_row_ids"), (Strings{"d1", "d2"}));
  EXPECT_EQ(strings("speed_column_ids"), (Strings{"C", "A", "B"}));
  const auto matrix = io::read_sparse(comm_, {output_, "/W"});
  // Row A had C, row B had A and B.
  EXPECT_EQ(Dense(matrix.values.span().begin(), matrix.values.span().end()), (Dense{1, 2, 3}));
  EXPECT_EQ(std::vector<std::int32_t>(matrix.column_indices.span().begin(),
                                      matrix.column_indices.span().end()),
            (std::vector<std::int32_t>{0, 1, 2}));
  EXPECT_EQ(
      std::vector<core::Index>(matrix.row_offsets.span().begin(), matrix.row_offsets.span().end()),
      (std::vector<core::Index>{0, 0, 1, 3}));
}

TEST_F(ImportGuess, NothingIsImportedIntoAFileThatIsRead) {
  serially([&] {
    auto edges = options_of<io::EdgesOptions>("from,to,flow\nA,B,3\nB,A,4\n");
    edges.target.location.file = directory_ / "link.h5";
    std::filesystem::create_symlink("input.csv", directory_ / "link.h5");
    expect_error(ErrorKind::configuration, "is the file", [&] { io::import_edges(edges); });
    edges.order.file = order_file("A\nB\n");
    edges.target.location.file = edges.order.file;
    expect_error(ErrorKind::configuration, "writing it would destroy it",
                 [&] { io::import_edges(edges); });
  });
}

}  // namespace
}  // namespace kronwerk
