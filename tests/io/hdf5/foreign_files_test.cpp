// Files that h5py, scipy, MATLAB and Fortran write.
#include <hdf5.h>

#include <cstdint>

#include "io/hdf5/hdf5_handle.hpp"
#include "io/hdf5/test_files.hpp"
#include "kronwerk/io/files/data_file.hpp"
#include "kronwerk/io/hdf5/mode_ids.hpp"
#include "kronwerk/io/hdf5/read.hpp"
#include "kronwerk/io/hdf5/show.hpp"

namespace kronwerk {
namespace {

using core::ErrorKind;
using core::Index;
using test::expect_error;
using Dense = std::vector<double>;

class ForeignFile : public test::InDirectory {
 protected:
  Dense all(const io::Location& location) const {
    const auto info = io::inspect(comm_, location);
    Dense values(static_cast<std::size_t>(core::product(info.shape)));
    io::read_range(comm_, location, 0, values);
    return values;
  }
  Dense dense_of(const io::Location& location) const {
    const auto matrix = io::read_sparse(comm_, location);
    Dense values(static_cast<std::size_t>(matrix.rows * matrix.cols));
    for (Index row = 0; row < matrix.rows; ++row) {
      const auto at = [&](Index i) {
        return static_cast<std::size_t>(matrix.row_offsets.span()[static_cast<std::size_t>(i)]);
      };
      for (std::size_t i = at(row); i < at(row + 1); ++i) {
        if (i > at(row)) {
          EXPECT_LT(matrix.column_indices.span()[i - 1], matrix.column_indices.span()[i]);
        }
        values[static_cast<std::size_t>(row * matrix.cols + matrix.column_indices.span()[i])] +=
            matrix.values.span()[i];
      }
    }
    return values;
  }
  void sparse_group(const std::string& path, const std::vector<std::string>& names,
                    const std::vector<std::vector<std::int64_t>>& lists,
                    const Dense& values) const {
    const hid_t file = H5Fopen(file_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    const auto write = [&](const std::string& name, hid_t type, hsize_t size, const void* data) {
      const hid_t space = H5Screate_simple(1, &size, nullptr);
      const hid_t set = H5Dcreate2(file, (path + "/" + name).c_str(), type, space, H5P_DEFAULT,
                                   H5P_DEFAULT, H5P_DEFAULT);
      H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
      H5Dclose(set);
      H5Sclose(space);
    };
    const hid_t group = H5Gcreate2(file, path.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    for (std::size_t i = 0; i < names.size(); ++i) {
      write(names[i], H5T_NATIVE_INT64, lists[i].size(), lists[i].data());
    }
    write("data", H5T_NATIVE_DOUBLE, values.size(), values.data());
    H5Gclose(group);
    H5Fclose(file);
  }
  void attribute(const std::string& path, const std::string& name,
                 const std::vector<std::int64_t>& numbers) const {
    const hid_t file = H5Fopen(file_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    const hsize_t size = numbers.size();
    const hid_t space = size == 1 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &size, nullptr);
    const hid_t made = H5Acreate_by_name(file, path.c_str(), name.c_str(), H5T_NATIVE_INT64, space,
                                         H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(made, H5T_NATIVE_INT64, numbers.data());
    H5Aclose(made);
    H5Sclose(space);
    H5Fclose(file);
  }
  void make(const std::function<void(io::DataFile&)>& fill) const {
    serially([&] {
      std::filesystem::remove(file_);
      io::DataFile data(file_);
      fill(data);
      data.commit();
    });
  }

  std::string file_ = directory_ / "foreign.h5";
};

TEST_F(ForeignFile, TruthValuesOfH5pyAreNumbers) {
  make([](io::DataFile& data) { data.write_dense("/x", core::Extents{1}, Dense{0}); });
  serially([&] {
    const hid_t file = H5Fopen(file_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    const auto write = [&](const char* name, const char* yes) {
      const hid_t type = H5Tenum_create(H5T_STD_I8LE);
      std::int8_t value = 0;
      H5Tenum_insert(type, "FALSE", &value);
      value = 1;
      H5Tenum_insert(type, yes, &value);
      const std::array<std::int8_t, 6> values{0, 1, 1, 0, 0, 1};
      const std::array<hsize_t, 2> shape{2, 3};
      const hid_t space = H5Screate_simple(2, shape.data(), nullptr);
      const hid_t set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
      H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
      H5Dclose(set);
      H5Sclose(space);
      H5Tclose(type);
    };
    write("mask", "TRUE");
    write("colour", "RED");
    H5Fclose(file);
    EXPECT_NE(io::describe_file(file_).find("2 x 3 bool, min 0, max 1"), std::string::npos)
        << io::describe_file(file_);
  });
  EXPECT_EQ(all({file_, "/mask"}), (Dense{0, 1, 1, 0, 0, 1}));
  EXPECT_EQ(all({file_, "/mask", false, true}), (Dense{0, 0, 1, 0, 1, 1}));
  expect_error(ErrorKind::data, "holds enum; expected real numbers", [&] {
    all({file_, "/colour"});
  });
}

TEST_F(ForeignFile, ComplexNumbersAreNamed) {
  make([](io::DataFile& data) { data.write_dense("/x", core::Extents{1}, Dense{0}); });
  serially([&] {
    const auto file = io::FileHandle::adopt(H5Fopen(file_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
    const hsize_t count = 3;
    const auto space = io::SpaceHandle::adopt(H5Screate_simple(1, &count, nullptr));
    const auto write = [&](const char* name, const char* imaginary) {
      const auto type = io::TypeHandle::adopt(H5Tcreate(H5T_COMPOUND, 8));
      H5Tinsert(type.get(), "r", 0, H5T_NATIVE_FLOAT);
      H5Tinsert(type.get(), imaginary, 4, H5T_NATIVE_FLOAT);
      EXPECT_TRUE(io::DatasetHandle::adopt(H5Dcreate2(file.get(), name, type.get(), space.get(),
                                                      H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)));
    };
    write("wave", "i");
    write("pair", "s");
  });
  serially([&] {
    const std::string shown = io::describe_file(file_);
    EXPECT_NE(shown.find("/wave  3 complex64\n"), std::string::npos) << shown;
    EXPECT_NE(shown.find("/pair  3 compound\n"), std::string::npos) << shown;
  });
  expect_error(ErrorKind::data, "holds complex64; expected real numbers", [&] {
    all({file_, "/wave"});
  });
}

TEST_F(ForeignFile, DimensionsInTheOppositeOrderAreTurnedRound) {
  const core::Extents shape{3, 1, 2, 5};
  Dense values;
  for (int i = 0; i < 30; ++i) values.push_back(i);
  make([&](io::DataFile& data) {
    data.write_dense("/x", shape, values);
    data.write_strings("/x_row_ids", std::vector<std::string>{"a", "b", "c"});
  });
  const io::Location turned{file_, "/x", false, true};
  const auto info = io::inspect(comm_, turned);
  ASSERT_EQ(info.shape, (core::Extents{5, 2, 1, 3}));
  const auto at = [](Index i, Index j, Index k) {
    return static_cast<double>((k * 2 + j) * 5 + i);
  };
  const Dense found = all(turned);
  for (Index i = 0; i < 5; ++i) {
    for (Index j = 0; j < 2; ++j) {
      for (Index k = 0; k < 3; ++k) {
        EXPECT_EQ(found[static_cast<std::size_t>((i * 2 + j) * 3 + k)], at(i, j, k));
      }
    }
  }
  // Any range, on any rank.
  const Index first = 4 + comm_.rank();
  Dense part(7);
  io::read_range(comm_, turned, first, part);
  EXPECT_EQ(part, Dense(found.begin() + first, found.begin() + first + 7));
  serially([&] {
    const auto ids = io::find_mode_ids(info);
    ASSERT_EQ(ids.size(), 4U);
    ASSERT_TRUE(ids[3] != nullptr && ids[0] == nullptr);
    EXPECT_EQ(ids[3]->ids.front(), "a");
  });
}

TEST_F(ForeignFile, ATransposedMatrixIsReadWhole) {
  make([](io::DataFile& data) {
    data.write_dense("/A", core::Extents{2, 3}, Dense{1, 2, 3, 4, 5, 6});
  });
  const auto matrix = io::read_dense(comm_, {file_, "/A", false, true});
  EXPECT_EQ(matrix.rows, 3);
  EXPECT_EQ(Dense(matrix.values.span().begin(), matrix.values.span().end()),
            (Dense{1, 4, 2, 5, 3, 6}));
}

// (0, 1, 0; 2, 0, 3), the last entry given twice.
TEST_F(ForeignFile, SparseMatricesByColumnsAndByCoordinates) {
  make([](io::DataFile& data) { data.write_dense("/x", core::Extents{1}, Dense{0}); });
  serially([&] {
    sparse_group("/csc", {"indptr", "indices"}, {{0, 1, 2, 4}, {1, 0, 1, 1}}, {2, 1, 1, 2});
    sparse_group("/csr", {"indptr", "indices"}, {{0, 1, 4}, {1, 2, 0, 2}}, {1, 1, 2, 2});
    sparse_group("/coo", {"row", "col"}, {{1, 0, 1, 1}, {2, 1, 0, 2}}, {1, 1, 2, 2});
    for (const char* path : {"/csc", "/csr", "/coo"}) attribute(path, "shape", {2, 3});
    io::DataFile file(file_, true);
    file.write_attribute("/csc", "encoding-type", std::string("csc_matrix"));
    file.write_attribute("/csr", "encoding-type", std::string("csr_matrix"));
    file.commit();
    const std::string shown = io::describe_file(file_);
    EXPECT_NE(shown.find("sparse matrix 2 x 3 by columns, 4 stored"), std::string::npos) << shown;
    EXPECT_NE(shown.find("by coordinates"), std::string::npos) << shown;
    EXPECT_EQ(shown.find("/csc/indptr"), std::string::npos) << shown;
  });
  const Dense expected{0, 1, 0, 2, 0, 3}, transposed{0, 2, 1, 0, 0, 3};
  for (const std::string path : {"/csc", "/csr", "/coo"}) {
    EXPECT_EQ(dense_of({file_, path}), expected) << path;
    EXPECT_EQ(dense_of({file_, path, false, true}), transposed) << path;
    EXPECT_EQ(io::inspect(comm_, {file_, path, false, true}).shape, (core::Extents{3, 2})) << path;
  }
  expect_error(ErrorKind::data, "sparse vectors are read from the rows of a CSR group", [&] {
    io::read_sparse_fibres(comm_, {file_, "/csc"}, 3, 0, 1);
  });
}

TEST_F(ForeignFile, WrongIndicesOfColumnsAndCoordinatesAreNamed) {
  make([](io::DataFile& data) { data.write_dense("/x", core::Extents{1}, Dense{0}); });
  serially([&] {
    sparse_group("/csc", {"indptr", "indices"}, {{0, 1, 2, 2}, {1, 2}}, {2, 1});
    sparse_group("/coo", {"row", "col"}, {{1, 0}, {2, 3}}, {1, 1});
    sparse_group("/short", {"row", "col"}, {{1, 0}, {2}}, {1, 1});
    for (const char* path : {"/csc", "/coo", "/short"}) attribute(path, "shape", {2, 3});
    io::DataFile file(file_, true);
    file.write_attribute("/csc", "encoding-type", std::string("csc_matrix"));
    file.commit();
  });
  expect_error(ErrorKind::data,
               "csc/indices: row 2 at position 1 is out of range; the matrix has 2", [&] {
                 io::read_sparse(comm_, {file_, "/csc"});
               });
  expect_error(ErrorKind::data, "coo/col: column 3 at position 1 is out of range", [&] {
    io::read_sparse(comm_, {file_, "/coo"});
  });
  expect_error(ErrorKind::data, "short/col: has 1 entries, data has 2", [&] {
    io::read_sparse(comm_, {file_, "/short"});
  });
}

TEST_F(ForeignFile, MatlabsFilesAreReadAndNamed) {
  serially([&] {
    // Its own header stands before the file of HDF5.
    const hid_t properties = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_userblock(properties, 512);
    const hid_t file = H5Fcreate(file_.c_str(), H5F_ACC_TRUNC, properties, H5P_DEFAULT);
    H5Pclose(properties);
    const std::array<hsize_t, 2> shape{2, 3};  // 3 x 2 in MATLAB
    const hid_t space = H5Screate_simple(2, shape.data(), nullptr);
    const hid_t set =
        H5Dcreate2(file, "/A", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    const Dense values{1, 2, 3, 4, 5, 6};
    H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    const hid_t text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, 6);
    const hid_t one = H5Screate(H5S_SCALAR);
    const hid_t kind = H5Acreate2(set, "MATLAB_class", text, one, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(kind, text, "double");
    H5Aclose(kind);
    H5Sclose(one);
    H5Tclose(text);
    H5Dclose(set);
    H5Sclose(space);
    H5Fclose(file);
    sparse_group("/S", {"jc", "ir"}, {{0, 1, 2, 3}, {1, 0, 1}}, {2, 1, 3});
    attribute("/S", "MATLAB_sparse", {2});
    const std::string shown = io::describe_file(file_);
    EXPECT_NE(shown.find("Written by MATLAB"), std::string::npos) << shown;
    EXPECT_NE(shown.find("'transpose: true'"), std::string::npos) << shown;
    EXPECT_NE(shown.find("sparse matrix 2 x 3 by columns, 3 stored"), std::string::npos) << shown;
  });
  EXPECT_EQ(all({file_, "/A"}), (Dense{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(all({file_, "/A", false, true}), (Dense{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(dense_of({file_, "/S"}), (Dense{0, 1, 0, 2, 0, 3}));
  expect_error(ErrorKind::data, "leave 'transpose' out", [&] {
    io::read_sparse(comm_, {file_, "/S", false, true});
  });
}

}  // namespace
}  // namespace kronwerk
