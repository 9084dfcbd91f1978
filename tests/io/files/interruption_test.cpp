// Reading, writing, importing and showing end when they are interrupted, and leave nothing.
#include "kronwerk/core/interruption.hpp"

#include <array>

#include "io/hdf5/test_files.hpp"
#include "kronwerk/io/files/data_file.hpp"
#include "kronwerk/io/files/result_file.hpp"
#include "kronwerk/io/hdf5/read.hpp"
#include "kronwerk/io/hdf5/show.hpp"
#include "kronwerk/io/import/import.hpp"

namespace kronwerk {
namespace {

class Interruption : public test::InDirectory {
 protected:
  Interruption() {
    communication::on_root(comm_, [&] {
      io::DataFile file(directory_ / "data.h5", false);
      file.write_dense("/x", std::array<core::Index, 2>{40, 10}, std::vector<double>(400, 1.5));
      file.commit();
    });
  }
  ~Interruption() override { core::set_interruption_check({}); }

  /// Interrupts the last rank: the others end with it. Serial work is interrupted on rank 0.
  void expect_end(int interrupted, const std::function<void()>& work) {
    const std::size_t before = directory_.file_count();
    comm_.barrier();
    if (comm_.rank() == interrupted) {
      core::set_interruption_check([] { throw core::Terminated("asked to"); });
    }
    EXPECT_THROW(work(), core::Terminated);
    core::set_interruption_check({});
    comm_.barrier();
    EXPECT_EQ(directory_.file_count(), before);
  }
  template <typename Options>
  void expect_end_of_import(io::ImportSummary (*import)(const Options&), Options options,
                            const std::string& text) {
    options.file = directory_ / "input.txt";
    options.target.location = {directory_ / "imported.h5", "/x"};
    communication::on_root(comm_, [&] {
      test::write_text(options.file, text);
      import(options);  // so it is legal
      std::filesystem::remove(options.target.location.file);
    });
    expect_end(0, [&] { communication::on_root(comm_, [&] { import(options); }); });
  }
};

TEST_F(Interruption, EndsReading) {
  std::vector<double> values(100);
  expect_end(comm_.size() - 1, [&] {
    io::read_range(comm_, {directory_ / "data.h5", "/x"}, 0, values);
  });
}

TEST_F(Interruption, EndsWritingAndLeavesNoTemporary) {
  const std::vector<double> values(10, 2.5);
  expect_end(comm_.size() - 1, [&] {
    io::ResultFile file(comm_, directory_ / "result.h5", false);
    file.create_dataset("/result", std::array<core::Index, 1>{10 * comm_.size()});
    file.write_range("/result", 10 * comm_.rank(), values);
    file.commit();
  });
}

TEST_F(Interruption, EndsShow) {
  expect_end(0, [&] {
    communication::on_root(comm_, [&] { io::describe_file(directory_ / "data.h5"); });
  });
}

// In the middle of a dataset's values, not as "cannot be described".
TEST_F(Interruption, EndsShowWithinADataset) {
  int calls = 0;
  communication::on_root(comm_, [&] {
    core::set_interruption_check([&] { ++calls; });
    io::describe_file(directory_ / "data.h5");
  });
  for (int last = 1; last <= calls; ++last) {
    int count = 0;
    core::set_interruption_check([&] {
      if (++count == last) throw core::Terminated("asked to");
    });
    EXPECT_THROW(io::describe_file(directory_ / "data.h5"), core::Terminated) << last;
  }
}

TEST_F(Interruption, EndsEveryImport) {
  io::EdgesOptions edges;
  edges.sparse = true;
  expect_end_of_import(io::import_edges, edges, "from,to,value\na,b,1\nb,a,2\n");
  expect_end_of_import(io::import_table, io::TableOptions{}, "name,v\na,1\nb,2\n");
  io::KnnOptions knn;
  knn.k = 1;
  knn.metric = io::Metric::planar;
  expect_end_of_import(io::import_knn, knn, "name,x,y\na,0,0\nb,0,1\nc,2,2\n");
  expect_end_of_import(io::import_gal, io::GalOptions{}, "2\na 1\nb\nb 1\na\n");
  expect_end_of_import(io::import_matrix_market, io::MatrixMarketOptions{},
                       "%%MatrixMarket matrix coordinate real general\n2 2 1\n1 2 3\n");
}

}  // namespace
}  // namespace kronwerk
