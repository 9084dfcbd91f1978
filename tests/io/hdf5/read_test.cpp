#include "kronwerk/io/hdf5/read.hpp"

#include <hdf5.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "io/hdf5/hdf5_handle.hpp"
#include "io/hdf5/hyperslab.hpp"
#include "io/hdf5/test_files.hpp"
#include "kronwerk/io/files/data_file.hpp"

namespace kronwerk {
namespace {

using core::ErrorKind;
using io::Location;
using test::expect_error;

class Read : public test::InDirectory {
 protected:
  std::string file_ = directory_ / "data.h5";

  // The file as `fill` makes it on rank 0.
  void make(const std::function<void(io::DataFile&)>& fill) {
    communication::on_root(comm_, [&] {
      io::DataFile data(file_, true);
      fill(data);
      data.commit();
    });
  }
  void make_raw(const std::string& path, hid_t type, const std::vector<hsize_t>& shape,
                const void* values, bool chunked = false) {
    if (comm_.is_root()) {
      const auto file =
          io::FileHandle::adopt(H5Fcreate(file_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
      const auto space = io::SpaceHandle::adopt(
          H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr));
      const auto properties = io::PropertiesHandle::adopt(H5Pcreate(H5P_DATASET_CREATE));
      const std::vector<hsize_t> chunk(shape.size(), 2);
      if (chunked) H5Pset_chunk(properties.get(), static_cast<int>(chunk.size()), chunk.data());
      if (chunked) H5Pset_deflate(properties.get(), 1);
      const auto dataset = io::DatasetHandle::adopt(H5Dcreate2(
          file.get(), path.c_str(), type, space.get(), H5P_DEFAULT, properties.get(), H5P_DEFAULT));
      ASSERT_GE(H5Dwrite(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), 0);
    }
    comm_.barrier();
  }
};

std::vector<double> counting(core::Index count) {
  std::vector<double> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 0.0);
  return values;
}

io::SparseMatrix small_sparse() {
  return {.rows = 3,
          .cols = 4,
          .row_offsets = {0, 2, 2, 5},
          .column_indices = {1, 3, 0, 1, 2},
          .values = {1.5, 2.5, 3.5, 4.5, 5.5}};
}

TEST(Hyperslabs, CoverEveryRangeOfEveryShapeOnceAndInOrder) {
  const std::vector<core::Extents> shapes{{7}, {3, 5}, {2, 3, 4}, {1, 3, 1, 2}, {2, 1, 5}};
  for (const auto& shape : shapes) {
    const auto total = core::product(shape);
    for (core::Index first = 0; first <= total; ++first) {
      for (core::Index last = first; last <= total; ++last) {
        core::Index next = first;
        const auto slabs = io::hyperslabs(shape, first, last);
        EXPECT_LE(slabs.size(), 2 * shape.size() - 1);
        for (const auto& slab : slabs) {
          core::Index start = 0, size = 1;
          for (std::size_t k = 0; k < shape.size(); ++k) {
            start = start * shape[k] + static_cast<core::Index>(slab.start[k]);
            size *= static_cast<core::Index>(slab.count[k]);
          }
          EXPECT_EQ(start, next);
          next += size;
        }
        EXPECT_EQ(next, last);
      }
    }
  }
}

TEST_F(Read, GivesEachRankItsOwnRangeOfAMatrixAlsoAnEmptyOne) {
  const core::Extents shape{5, 7};
  make([&](io::DataFile& data) { data.write_dense("/group/x", shape, counting(35)); });
  // The last rank reads nothing, the others overlapping ranges.
  const core::Index offset = 3 + comm_.rank();
  const bool reads = comm_.size() == 1 || comm_.rank() + 1 < comm_.size();
  std::vector<double> values(reads ? 20 : 0);
  io::read_range(comm_, {file_, "group/x"}, offset, values);
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(values[i], static_cast<double>(offset) + static_cast<double>(i));
  }
  std::vector<double> nothing;
  io::read_range(comm_, {file_, "group/x"}, 0, nothing);
}

TEST_F(Read, ConvertsIntegersAndSinglePrecisionAndReadsChunks) {
  const std::vector<float> singles{0.5F, 1.5F, 2.5F, 3.5F, 4.5F, 5.5F};
  std::vector<double> values(4);
  make_raw("x", H5T_NATIVE_FLOAT, {2, 3}, singles.data());
  io::read_range(comm_, {file_, "x"}, 1, values);
  EXPECT_EQ(values, (std::vector<double>{1.5, 2.5, 3.5, 4.5}));
  const std::vector<std::int32_t> integers{-7, 1, 2, 3, 4, 5};
  make_raw("x", H5T_NATIVE_INT32, {3, 2}, integers.data(), true);
  io::read_range(comm_, {file_, "x"}, 0, values);
  EXPECT_EQ(values, (std::vector<double>{-7, 1, 2, 3}));
  EXPECT_EQ(io::inspect(comm_, {file_, "x"}).type, "int32");
  const auto doubles = counting(12);
  make_raw("x", H5T_NATIVE_DOUBLE, {3, 4}, doubles.data(), true);
  io::read_range(comm_, {file_, "x"}, 5, values);
  EXPECT_EQ(values, (std::vector<double>{5, 6, 7, 8}));
  const std::vector<double> foreign{1, 2, 3};
  std::vector<char> swapped(24);
  std::memcpy(swapped.data(), foreign.data(), 24);
  for (std::size_t i = 0; i < 24; i += 8) std::reverse(&swapped[i], &swapped[i] + 8);
  make_raw("x", H5T_IEEE_F64BE, {3}, swapped.data());
  EXPECT_EQ(io::read_vector(comm_, {file_, "x"}), foreign);
}

TEST_F(Read, DescribesDatasetsAndSparseGroups) {
  const core::Extents shape{2, 1, 3};
  make([&](io::DataFile& data) {
    data.write_dense("/y", shape, counting(6));
    data.write_sparse("/W", small_sparse());
  });
  const auto dense = io::inspect(comm_, {file_, "y"});
  EXPECT_FALSE(dense.sparse);
  EXPECT_EQ(dense.shape, shape);
  EXPECT_EQ(dense.type, "float64");
  const auto sparse = io::inspect(comm_, {file_, "/W/"});
  EXPECT_TRUE(sparse.sparse);
  EXPECT_EQ(sparse.shape, (core::Extents{3, 4}));
  EXPECT_EQ(sparse.stored, 5);
}

TEST_F(Read, RoundTripsDenseSparseVectorsAndStrings) {
  const core::Extents shape{3, 4};
  const std::vector<std::string> names{"01001", "", "Ünï", "a longer name"};
  make([&](io::DataFile& data) {
    data.write_dense("/A", shape, counting(12));
    data.write_dense("/empty", core::Extents{0}, {});
    data.write_sparse("/W", small_sparse());
    data.write_strings("/ids", names);
    data.write_strings("/no_ids", {});
  });
  const auto dense = io::read_dense(comm_, {file_, "A"});
  EXPECT_EQ(dense.rows, 3);
  EXPECT_EQ(dense.cols, 4);
  EXPECT_EQ(dense.values.span()[7], 7.0);
  const auto sparse = io::read_sparse(comm_, {file_, "W"});
  const auto expected = small_sparse();
  EXPECT_TRUE(std::ranges::equal(sparse.row_offsets.span(), expected.row_offsets));
  EXPECT_TRUE(std::ranges::equal(sparse.column_indices.span(), expected.column_indices));
  EXPECT_TRUE(std::ranges::equal(sparse.values.span(), expected.values));
  EXPECT_EQ(io::read_strings(comm_, {file_, "ids"}), names);
  EXPECT_TRUE(io::read_strings(comm_, {file_, "no_ids"}).empty());
  EXPECT_TRUE(io::read_vector(comm_, {file_, "empty"}).empty());
}

TEST_F(Read, ReadsVariableLengthStrings) {
  const std::vector<const char*> names{"ATL", "", "Zürich"};
  const auto type = io::TypeHandle::adopt(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  make_raw("ids", type.get(), {3}, names.data());
  EXPECT_EQ(io::read_strings(comm_, {file_, "ids"}),
            (std::vector<std::string>{"ATL", "", "Zürich"}));
}

TEST_F(Read, SortsColumnsAndSumsDuplicatesOfASparseMatrix) {
  make([&](io::DataFile& data) {
    data.write_sparse("/W", {.rows = 3,
                             .cols = 3,
                             .row_offsets = {0, 4, 4, 6},
                             .column_indices = {2, 0, 2, 1, 1, 1},
                             .values = {1, 2, 3, 4, 5, 6}});
  });
  const auto matrix = io::read_sparse(comm_, {file_, "W"});
  EXPECT_TRUE(std::ranges::equal(matrix.row_offsets.span(), std::vector<core::Index>{0, 3, 3, 4}));
  EXPECT_TRUE(std::ranges::equal(matrix.column_indices.span(), std::vector<int>{0, 1, 2, 1}));
  EXPECT_TRUE(std::ranges::equal(matrix.values.span(), std::vector<double>{2, 4, 4, 11}));
}

TEST_F(Read, TellsApartMissingFilesOtherFilesAndTruncatedOnes) {
  const core::Extents shape{1000};
  make([&](io::DataFile& data) { data.write_dense("/y", shape, counting(1000)); });
  const auto inspect = [&](const std::string& name) {
    return [this, name] { io::inspect(comm_, {directory_ / name, "/y"}); };
  };
  expect_error(ErrorKind::data, "does not exist (did you mean 'data.h5'?)", inspect("dat.h5"));
  expect_error(ErrorKind::data, "directory", inspect("nowhere/data.h5"));
  expect_error(ErrorKind::data, "is a directory", inspect(""));
  if (comm_.is_root()) {
    test::write_text(directory_ / "text.h5", "origin,destination\n");
    test::write_text(directory_ / "empty.h5", "");
    std::filesystem::copy_file(file_, directory_ / "short.h5");
    std::filesystem::resize_file(directory_ / "short.h5", std::filesystem::file_size(file_) - 100);
  }
  comm_.barrier();
  expect_error(ErrorKind::data, "is not an HDF5 file", inspect("text.h5"));
  expect_error(ErrorKind::data, "is not an HDF5 file", inspect("empty.h5"));
  expect_error(ErrorKind::data, "truncated", inspect("short.h5"));
}

TEST_F(Read, SuggestsTheNearestDatasetAndRefusesWrongShapesAndTypes) {
  const core::Extents shape{2, 3};
  const std::vector<std::string> names{"a", "b"};
  make([&](io::DataFile& data) {
    data.write_dense("/flows/income", shape, counting(6));
    data.write_strings("/ids", names);
    data.write_sparse("/W", small_sparse());
  });
  std::vector<double> values(2);
  const auto read = [&](const std::string& path, core::Index offset = 0) {
    io::read_range(comm_, {file_, path}, offset, values);
  };
  expect_error(ErrorKind::data, "did you mean '/flows/income'?", [&] { read("/flows/incme"); });
  expect_error(ErrorKind::data, "no dataset '/none/x'", [&] { read("none/x"); });
  expect_error(ErrorKind::data, "holds string; expected real numbers", [&] { read("ids"); });
  expect_error(ErrorKind::data, "is a group", [&] { read("W"); });
  expect_error(ErrorKind::data, "it holds income", [&] { io::inspect(comm_, {file_, "flows"}); });
  // Only the last rank asks for too much.
  expect_error(ErrorKind::data, "6 values",
               [&] { read("flows/income", comm_.rank() + 1 == comm_.size() ? 5 : 0); });
  expect_error(ErrorKind::data, "(2 x 3); expected a vector", [&] {
    io::read_vector(comm_, {file_, "flows/income"});
  });
  expect_error(ErrorKind::data, "expected a matrix", [&] {
    io::read_dense(comm_, {file_, "W/data"});
  });
  expect_error(ErrorKind::data, "expected a sparse matrix", [&] {
    io::read_sparse(comm_, {file_, "flows/income"});
  });
  expect_error(ErrorKind::data, "expected strings", [&] {
    io::read_strings(comm_, {file_, "W/data"});
  });
}

TEST_F(Read, NamesTheFirstNonFiniteValueOfAllRanks) {
  const core::Extents shape{4, 5};
  auto values = counting(20);
  values[7] = std::numeric_limits<double>::quiet_NaN();
  values[13] = std::numeric_limits<double>::infinity();
  make([&](io::DataFile& data) { data.write_dense("/y", shape, values); });
  // Rank 0 sees the Inf, the last rank the NaN before it.
  const core::Index begin = comm_.size() == 1 || comm_.rank() + 1 == comm_.size() ? 0 : 10;
  std::vector<double> mine(10);
  const auto read = [&](bool allowed) {
    io::read_range(comm_, {file_, "y"}, begin, mine, allowed);
  };
  expect_error(ErrorKind::data, "y: NaN at position (1, 2)", [&] { read(false); });
  EXPECT_NO_THROW(read(true));
  expect_error(ErrorKind::data, "NaN at position (1, 2)", [&] {
    io::read_dense(comm_, {file_, "y"});
  });
}

TEST_F(Read, RefusesBrokenSparseMatricesWithThePosition) {
  const auto broken = [&](const std::string& part,
                          const std::function<void(io::SparseMatrix&)>& damage) {
    make([&](io::DataFile& data) {
      auto matrix = small_sparse();
      damage(matrix);
      data.write_sparse("/W", matrix);
    });
    expect_error(ErrorKind::data, part, [&] { io::read_sparse(comm_, {file_, "W"}); });
  };
  broken("indptr: not monotone at position 2: 1 follows 2", [](auto& matrix) {
    matrix.row_offsets = {0, 2, 1, 5};
  });
  broken("indptr: begins with 1", [](auto& matrix) { matrix.row_offsets[0] = 1; });
  broken("indptr: ends with 4", [](auto& matrix) { matrix.row_offsets[3] = 4; });
  broken("indptr: has 3 entries; 3 rows need 4", [](auto& matrix) {
    matrix.row_offsets = {0, 2, 5};
  });
  broken("indices: column 4 at position 3 is out of range",
         [](auto& matrix) { matrix.column_indices[3] = 4; });
  broken("indices: column -1 at position 0", [](auto& matrix) { matrix.column_indices[0] = -1; });
  broken("data: NaN at position 2", [](auto& matrix) { matrix.values[2] = std::nan(""); });
  make([&](io::DataFile& data) {
    data.write_sparse("/W", small_sparse());
    data.write_dense("/W/data", core::Extents{4}, counting(4));
  });
  expect_error(ErrorKind::data, "indices: has 5 entries, data has 4", [&] {
    io::read_sparse(comm_, {file_, "W"});
  });
  make([&](io::DataFile& data) {
    data.write_sparse("/W", small_sparse());
    data.write_dense("/W/indices", core::Extents{5}, counting(5));
  });
  expect_error(ErrorKind::data, "indices: holds float64; expected integers", [&] {
    io::read_sparse(comm_, {file_, "W"});
  });
}

TEST_F(Read, RefusesOtherEncodingsAndIncompleteGroups) {
  make([&](io::DataFile& data) {
    data.write_sparse("/W", small_sparse());
    data.write_attribute("/W", "encoding-type", std::string("bsr_matrix"));
  });
  expect_error(ErrorKind::data, "encoding-type is 'bsr_matrix', expected 'csr_matrix'", [&] {
    io::read_sparse(comm_, {file_, "W"});
  });
  make([&](io::DataFile& data) { data.write_dense("/V/data", core::Extents{2}, counting(2)); });
  expect_error(ErrorKind::data, "no dataset 'indices'", [&] {
    io::read_sparse(comm_, {file_, "V"});
  });
  make([&](io::DataFile& data) {
    data.write_dense("/U/data", core::Extents{2}, counting(2));
    data.write_dense("/U/indices", core::Extents{2}, counting(2));
    data.write_dense("/U/indptr", core::Extents{2}, counting(2));
  });
  expect_error(ErrorKind::data, "attribute shape is missing", [&] {
    io::read_sparse(comm_, {file_, "U"});
  });
}

}  // namespace
}  // namespace kronwerk
