#include "io/import/import_fixture.hpp"
#include "kronwerk/io/export/export.hpp"
#include "kronwerk/io/files/data_file.hpp"
#include "kronwerk/io/files/whole_file.hpp"
#include "kronwerk/io/hdf5/mode_ids.hpp"

namespace kronwerk {
namespace {

using core::ErrorKind;

class ExportEdges : public Import {
 protected:
  ExportEdges() {
    serially([&] {
      io::DataFile file(output_);
      // A triangle less one side, the second weight the larger.
      file.write_sparse("/W",
                        {3, 3, {0, 2, 5, 7}, {0, 1, 0, 1, 2, 1, 2}, {9, .5, .5, 9, -.75, -.75, 9}});
      file.write_strings("/W_ids", Strings{"a", "b, the second", "c"});
      file.write_dense("/D", core::Extents{2, 2}, Dense{1, 2, 0, 1});
      file.write_dense("/X", core::Extents{2, 3}, Dense(6, 1.0));
      file.commit();
    });
  }

  std::string written(io::ExportEdgesOptions options) {
    std::string text;
    serially([&] {
      summary_ = io::export_edges(options);
      text = io::read_whole(csv_);
    });
    return comm_.broadcast(text);
  }
  io::ExportEdgesOptions options(const std::string& path) const {
    return {.matrix = {output_, path}, .file = csv_, .overwrite = true, .labels = {}, .top = {}};
  }
  void expect_refused(const io::ExportEdgesOptions& options, ErrorKind kind,
                      const std::string& part) const {
    test::expect_error(kind, part, [&] { serially([&] { io::export_edges(options); }); });
  }

  std::string csv_ = directory_ / "new/edges.csv";
  io::ExportSummary summary_;
};

TEST_F(ExportEdges, WritesEachPairOfASymmetricMatrixOnceByItsIds) {
  EXPECT_EQ(written(options("/W")),
            "origin,destination,value\na,\"b, the second\",0.5\n\"b, the second\",c,-0.75\n");
  if (comm_.is_root()) {
    EXPECT_EQ(io::to_text(summary_), csv_ + ": 2 pairs between 3 ids");
  }
}

TEST_F(ExportEdges, TakesTheLargestFirstAndOtherLabels) {
  auto wanted = options("/W");
  wanted.top = 1;
  wanted.labels.file = directory_ / "labels.txt";
  serially([&] { test::write_text(wanted.labels.file, "x\ny\nz\n"); });
  EXPECT_EQ(written(wanted), "origin,destination,value\ny,z,-0.75\n");
  serially([&] { test::write_text(wanted.labels.file, "name,size\nx,1\ny,2\nw,3\n"); });
  EXPECT_EQ(written(wanted), "origin,destination,value\ny,w,-0.75\n");
  wanted.labels.column = "size";
  EXPECT_EQ(written(wanted), "origin,destination,value\n2,3,-0.75\n");
  wanted.labels = {.file = output_ + ":/W_ids", .column = {}};
  EXPECT_EQ(written(wanted), "origin,destination,value\n\"b, the second\",c,-0.75\n");
}

TEST_F(ExportEdges, WritesBothDirectionsOfWhatIsNotSymmetric) {
  EXPECT_EQ(written(options("/D")), "origin,destination,value\n0,1,2\n");
  if (comm_.is_root()) {
    EXPECT_NE(io::to_text(summary_).find("not symmetric"), std::string::npos);
  }
}

TEST_F(ExportEdges, IsReadAgainByImport) {
  written(options("/W"));
  serially([&] {
    io::EdgesOptions back;
    back.file = csv_;
    back.target = to("/V");
    back.sparse = true;
    back.weights.symmetrise = true;
    io::import_edges(back);
  });
  EXPECT_EQ(dense_of_sparse("/V"), (Dense{0, .25, 0, .25, 0, -.375, 0, -.375, 0}));
}

TEST_F(ExportEdges, RefusesWhatIsNoGraph) {
  expect_refused(options("/X"), ErrorKind::data, "expected a square matrix");
  expect_refused(options("/nothing"), ErrorKind::data, "/nothing");
  auto wrong = options("/W");
  wrong.labels.file = directory_ / "labels.txt";
  serially([&] { test::write_text(wrong.labels.file, "x\ny\n"); });
  expect_refused(wrong, ErrorKind::data, "lists 2 labels");
  auto same = options("/W");
  same.file = output_;
  expect_refused(same, ErrorKind::configuration, "that is read");
  written(options("/W"));
  auto again = options("/W");
  again.overwrite = false;
  expect_refused(again, ErrorKind::configuration, "exists already");
}

TEST_F(ExportEdges, EveryDimensionMayHaveIdsOfItsOwn) {
  serially([&] {
    io::DataFile file(output_);
    file.write_dense("/T", core::Extents{2, 3, 2}, Dense(12, 1.0));
    file.write_strings("/T_ids_2", Strings{"p", "q", "r"});
    file.write_strings("/T_ids_3", Strings{"s", "t"});
    file.commit();
    io::DatasetInfo info;
    info.location = {output_, "/T"};
    info.shape = {2, 3, 2};
    const auto ids = io::find_mode_ids(info);
    EXPECT_EQ(ids[0], nullptr);
    ASSERT_NE(ids[1], nullptr);
    EXPECT_EQ(ids[1]->ids, (Strings{"p", "q", "r"}));
    ASSERT_NE(ids[2], nullptr);
    EXPECT_EQ(ids[2]->ids, (Strings{"s", "t"}));
  });
}

}  // namespace
}  // namespace kronwerk
