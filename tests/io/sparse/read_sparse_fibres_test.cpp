#include <hdf5.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "io/hdf5/test_files.hpp"
#include "kronwerk/io/files/data_file.hpp"
#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk {
namespace {

using core::ErrorKind;
using core::Index;
using test::expect_error;

/// Rows of 12 columns: a full one, an empty one, one with a single entry, and others in any order.
io::SparseMatrix batch() {
  io::SparseMatrix matrix;
  matrix.rows = 5;
  matrix.cols = 12;
  matrix.column_indices = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 4, 11, 3, 0, 3, 8, 2, 7, 9};
  matrix.row_offsets = {0, 12, 12, 13, 18, 21};
  for (std::size_t i = 0; i < matrix.column_indices.size(); ++i) {
    matrix.values.push_back(1.0 + static_cast<double>(i));
  }
  return matrix;
}

std::vector<double> dense(const io::SparseMatrix& matrix) {
  std::vector<double> values(static_cast<std::size_t>(matrix.rows * matrix.cols));
  for (Index row = 0; row < matrix.rows; ++row) {
    const auto at = static_cast<std::size_t>(row);
    for (Index i = matrix.row_offsets[at]; i < matrix.row_offsets[at + 1]; ++i) {
      const auto entry = static_cast<std::size_t>(i);
      const Index position = row * matrix.cols + matrix.column_indices[entry];
      values[static_cast<std::size_t>(position)] += matrix.values[entry];
    }
  }
  return values;
}

class ReadSparseFibres : public test::InDirectory {
 protected:
  std::string file_ = directory_ / "batch.h5";

  void make(const io::SparseMatrix& matrix) {
    communication::on_root(comm_, [&] {
      io::DataFile data(file_, true);
      data.write_sparse("/X", matrix);
      data.commit();
    });
  }
  io::SparseFibres read(Index length, Index first, Index count) {
    return io::read_sparse_fibres(comm_, {file_, "X"}, length, first, count);
  }
};

TEST_F(ReadSparseFibres, GivesEveryRangeOfFibresOfEveryLength) {
  make(batch());
  const auto expected = dense(batch());
  for (const Index length : {1, 3, 4, 12}) {
    const Index all = 60 / length;
    for (Index first = comm_.rank() % 2; first < all; first += 3) {
      // Ranks ask for different ranges, some for none, but equally often.
      const Index count = std::min<Index>(all - first, (first + comm_.rank()) % 8);
      const io::SparseFibres fibres = read(length, first, count);
      ASSERT_EQ(std::ssize(fibres.offsets), count + 1);
      std::vector<double> values(static_cast<std::size_t>(count * length));
      for (Index fibre = 0; fibre < count; ++fibre) {
        const auto begin = fibres.offsets[static_cast<std::size_t>(fibre)];
        for (Index i = begin; i < fibres.offsets[static_cast<std::size_t>(fibre) + 1]; ++i) {
          const auto entry = static_cast<std::size_t>(i);
          ASSERT_TRUE(i == begin || fibres.columns[entry - 1] < fibres.columns[entry]);
          values[static_cast<std::size_t>(fibre * length + fibres.columns[entry])] =
              fibres.values[entry];
        }
      }
      const auto begin = expected.begin() + first * length;
      EXPECT_EQ(values, std::vector<double>(begin, begin + count * length))
          << "length " << length << ", " << count << " from " << first;
    }
  }
}

TEST_F(ReadSparseFibres, AcceptsMatricesWithoutRowsEntriesOrColumns) {
  io::SparseMatrix matrix;
  matrix.rows = 3;
  matrix.cols = 4;
  matrix.row_offsets = {0, 0, 0, 0};
  make(matrix);
  EXPECT_EQ(read(2, 1, 5).offsets, (std::vector<Index>{0, 0, 0, 0, 0, 0}));
  matrix.rows = 0;
  matrix.row_offsets = {0};
  make(matrix);
  EXPECT_EQ(read(2, 0, 0).offsets, std::vector<Index>{0});
}

TEST_F(ReadSparseFibres, RefusesBrokenRowsByNumberOnEveryRank) {
  // Only the last rank reads the bad row, except at np = 1.
  const auto broken = [&](const std::string& part, const auto& damage) {
    auto matrix = batch();
    damage(matrix);
    make(matrix);
    const bool last = comm_.rank() + 1 == comm_.size();
    expect_error(ErrorKind::data, part, [&] { read(12, last ? 3 : 0, last ? 2 : 1); });
  };
  broken("X/indices: row 3 has the column 12 at position 15, which is out of range",
         [](auto& matrix) { matrix.column_indices[15] = 12; });
  broken("X/indices: row 4 has the column -1 at position 20",
         [](auto& matrix) { matrix.column_indices[20] = -1; });
  broken("X/data: row 4 holds NaN at position 19",
         [](auto& matrix) { matrix.values[19] = std::numeric_limits<double>::quiet_NaN(); });
  broken("X/data: row 3 holds Inf at position 13",
         [](auto& matrix) { matrix.values[13] = std::numeric_limits<double>::infinity(); });
  broken("X/indptr: 11 at position 4, where row 4 begins, follows 13",
         [](auto& matrix) { matrix.row_offsets[4] = 11; });
  broken("X/indptr: 99 at position 4, where row 4 begins, is outside the 21 stored entries",
         [](auto& matrix) { matrix.row_offsets[4] = 99; });
}

TEST_F(ReadSparseFibres, RefusesListsThatDoNotFitBeforeAnyRowIsRead) {
  const auto broken = [&](const std::string& part, const auto& damage) {
    auto matrix = batch();
    damage(matrix);
    make(matrix);
    expect_error(ErrorKind::data, part, [&] { read(12, 0, 0); });
  };
  broken("indptr: begins with 1", [](auto& matrix) { matrix.row_offsets[0] = 1; });
  broken("indptr: ends with 20", [](auto& matrix) { matrix.row_offsets[5] = 20; });
  broken("indptr: has 5 entries; 5 rows need 6",
         [](auto& matrix) { matrix.row_offsets.pop_back(); });
  make(batch());
  communication::on_root(comm_, [&] {
    io::DataFile data(file_, true);
    data.write_dense("/X/data", core::Extents{4}, std::vector<double>(4));
    data.commit();
  });
  expect_error(ErrorKind::data, "indices: has 21 entries, data has 4", [&] { read(12, 0, 1); });
}

TEST_F(ReadSparseFibres, RefusesDatasetsAndRangesThatAreNotThere) {
  make(batch());
  expect_error(ErrorKind::shape, "fibres 4 to 6 of length 12 were asked for",
               [&] { read(12, 4, 2); });
  expect_error(ErrorKind::shape, "of length 5 were asked for", [&] { read(5, 0, 1); });
  communication::on_root(comm_, [&] {
    io::DataFile data(file_, true);
    data.write_dense("/y", core::Extents{4}, std::vector<double>(4));
    data.commit();
  });
  expect_error(ErrorKind::data, "is a dataset of shape (4); expected a sparse matrix", [&] {
    io::read_sparse_fibres(comm_, {file_, "y"}, 2, 0, 1);
  });
}

}  // namespace
}  // namespace kronwerk
