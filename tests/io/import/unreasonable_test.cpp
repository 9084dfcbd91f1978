// Files that no one should meet: pipes, names that are too long, sizes that nothing backs, groups
// without end. All are refused, or read, at once.
#include <hdf5.h>
#include <sys/stat.h>

#include <fstream>

#include "io/hdf5/hdf5_handle.hpp"
#include "io/hdf5/test_files.hpp"
#include "kronwerk/io/files/data_file.hpp"
#include "kronwerk/io/hdf5/read.hpp"
#include "kronwerk/io/hdf5/show.hpp"
#include "kronwerk/io/import/import.hpp"

namespace kronwerk {
namespace {

using core::ErrorKind;
using test::expect_error;

class Unreasonable : public test::InDirectory {
 protected:
  std::string output_ = directory_ / "data.h5";
  std::string input_ = directory_ / "input.txt";

  io::ImportSummary import_matrix(const std::string& text, const std::string& path = "/W") const {
    io::MatrixMarketOptions options;
    options.file = test::write_text(input_, "%%MatrixMarket matrix " + text);
    options.target = {.location = {output_, path}, .overwrite = true};
    return io::import_matrix_market(options);
  }

  /// A file with this many groups, each within the last.
  void nest(int depth) const {
    const auto file = io::FileHandle::adopt(
        H5Fcreate(output_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, io::file_access().get()));
    auto group = io::GroupHandle::adopt(H5Gopen2(file.get(), "/", H5P_DEFAULT));
    for (int i = 0; i < depth; ++i) {
      group = io::GroupHandle::adopt(
          H5Gcreate2(group.get(), "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
      ASSERT_TRUE(group);
    }
  }
};

// The greatest size in memory since reset_peak(), in bytes.
core::Index peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word != "VmHWM:") continue;
    core::Index kilobytes = 0;
    status >> kilobytes;
    return 1024 * kilobytes;
  }
  return 0;
}

void reset_peak() {
  std::ofstream("/proc/self/clear_refs") << "5";
}

TEST_F(Unreasonable, PipesAndDevicesAreNotWaitedFor) {
  const std::string pipe = directory_ / "pipe";
  serially([&] {
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    for (const std::string& file : {pipe, std::string("/dev/zero")}) {
      io::TableOptions options;
      options.file = file;
      options.target = {.location = {output_, "/x"}};
      expect_error(ErrorKind::data, file + ": is a pipe or a device; expected a file",
                   [&] { io::import_table(options); });
      expect_error(ErrorKind::data, file + ": is a pipe or a device; expected an HDF5 file",
                   [&] { io::describe_file(file); });
    }
  });
  expect_error(ErrorKind::data, "is a pipe or a device", [&] { io::inspect(comm_, {pipe, "/x"}); });
}

TEST_F(Unreasonable, NamesThatAreTooLongAreRefused) {
  const std::string name = directory_ / std::string(5000, 'x');
  expect_error(ErrorKind::data, "File name too long", [&] { io::inspect(comm_, {name, "/x"}); });
  serially([&] {
    io::GalOptions options;
    options.file = name;
    options.target = {.location = {output_, "/x"}};
    expect_error(ErrorKind::data, "File name too long", [&] { io::import_gal(options); });
    expect_error(ErrorKind::configuration, "File name too long", [&] { io::DataFile file(name); });
  });
}

TEST_F(Unreasonable, DatasetsWithoutANameAreRefused) {
  serially([&] {
    for (const char* path : {"/.", "/", "//./", "."}) {
      expect_error(ErrorKind::configuration, "a dataset needs a name",
                   [&] { import_matrix("coordinate real general\n2 2 1\n1 1 1\n", path); });
    }
    import_matrix("coordinate real general\n2 2 1\n1 1 1\n", "/./a//./W/.");
    EXPECT_NE(io::describe_file(output_).find("/a/W "), std::string::npos);
  });
}

TEST_F(Unreasonable, SizesThatNothingBacksAreRefused) {
  const auto refuse = [&](const std::string& text, const std::string& part) {
    expect_error(ErrorKind::data, part, [&] { import_matrix(text); });
  };
  serially([&] {
    refuse("coordinate real general\n4611686018427387904 2 1\n1 1 1\n",
           "input.txt:2: the matrix is 4611686018427387904 x 2; at most 2147483647 rows");
    refuse("coordinate real general\n2 4611686018427387904 1\n1 1 1\n", "at most 2147483647 rows");
    refuse("coordinate real symmetric\n2 2 9223372036854775807\n1 1 1\n",
           "the file ends before its 9223372036854775807 announced entries");
    refuse("array real general\n2147483647 2147483647\n1\n",
           "input.txt:2: announces 4611686014132420609 values; the file ends before");
    refuse("array real symmetric\n2000000 2000000\n1\n", "announces 2000001000000 values");
    refuse("array real general\n2 2\n1\n2\n3\n", "the file ends before");
  });
}

TEST_F(Unreasonable, EmptyRowsTakeNoMemory) {
  constexpr core::Index rows = 10'000'000;
  io::ImportSummary summary;
  serially([&] {
    reset_peak();
    const core::Index before = peak_memory();
    summary = import_matrix("coordinate real general\n10000000 10000000 3\n5 9 2\n9 5 2\n7 1 4\n");
    // The row offsets alone would be 80 MB.
    EXPECT_LT(std::filesystem::file_size(output_), 10'000'000U);
    if (before > 0) {
      EXPECT_LT(peak_memory() - before, core::Index{60} << 20);
    }
    EXPECT_EQ(summary.islands, rows - 3);
    EXPECT_EQ(summary.components, rows - 2);
    EXPECT_EQ(summary.asymmetric_links, 1);
    EXPECT_EQ(summary.symmetric, false);
  });
  const auto matrix = io::read_sparse(comm_, {output_, "/W"});
  ASSERT_EQ(matrix.rows, rows);
  const auto offsets = matrix.row_offsets.span();
  EXPECT_EQ(offsets[4], 0);
  EXPECT_EQ(offsets[5], 1);
  EXPECT_EQ(offsets[7], 2);
  EXPECT_EQ(offsets[9], 3);
  EXPECT_EQ(offsets[rows], 3);
}

TEST_F(Unreasonable, TablesMayHaveManyColumns) {
  constexpr int columns = 50'000;
  serially([&] {
    std::string text = "c0";
    for (int i = 1; i < columns; ++i) text += ",c" + std::to_string(i);
    text += "\n0";
    for (int i = 1; i < columns; ++i) text += "," + std::to_string(i);
    io::TableOptions options;
    options.file = test::write_text(input_, text + "\n");
    options.target = {.location = {output_, "/x"}};
    EXPECT_EQ(io::import_table(options).shape, (core::Extents{1, columns}));
  });
  std::vector<double> values(columns);
  io::read_range(comm_, {output_, "/x"}, 0, values);
  for (int i = 0; i < columns; ++i) ASSERT_EQ(values[static_cast<std::size_t>(i)], i);
}

TEST_F(Unreasonable, GroupsMayBeNestedAsDeepAsTheyLike) {
  serially([&] {
    nest(20'000);
    const std::string text = io::describe_file(output_);
    EXPECT_NE(text.find("groups are nested more than 64 deep"), std::string::npos) << text;
    nest(63);
    io::DataFile(output_).commit();
    EXPECT_EQ(io::describe_file(output_).find("nested"), std::string::npos);
  });
}

TEST_F(Unreasonable, GroupsThatHoldThemselvesAreShownOnce) {
  serially([&] {
    {
      io::DataFile data(output_);
      data.write_dense("/a/b/x", core::Extents{1}, std::vector<double>{3});
      data.commit();
    }
    const auto file =
        io::FileHandle::adopt(H5Fopen(output_.c_str(), H5F_ACC_RDWR, io::file_access().get()));
    ASSERT_GE(H5Lcreate_hard(file.get(), "/a", file.get(), "/a/b/again", H5P_DEFAULT, H5P_DEFAULT),
              0);
    H5Fflush(file.get(), H5F_SCOPE_GLOBAL);
    const std::string text = io::describe_file(output_);
    EXPECT_NE(text.find("/a/b/x "), std::string::npos) << text;
    EXPECT_EQ(text.find("again"), std::string::npos) << text;
  });
}

}  // namespace
}  // namespace kronwerk
