#include "io/import/import_fixture.hpp"
#include "kronwerk/io/files/result_file.hpp"
#include "kronwerk/io/hdf5/show.hpp"

namespace kronwerk {
namespace {

using core::ErrorKind;
using test::expect_error;

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
  EXPECT_EQ(values("flows/z"), (Dense{0, 1, 0, 0}));
  EXPECT_EQ(values("flows/y"), (Dense{0, 1, 0, 0}));
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
