#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "factors/base/node_leaders.hpp"
#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::factors {

using core::Index;

/// A nearly square grid of the first ranks of a communicator, for block-cyclic matrices (ELPA,
/// ScaLAPACK). Leaves out ranks that would have too little to do or make the grid too oblong.
class ProcessGrid {
 public:
  /// Collective on comm. The grid is no larger than gives every process a block of a matrix of that
  /// extent.
  ProcessGrid(const communication::Communicator& comm, Index extent, int block);
  ~ProcessGrid();
  ProcessGrid(const ProcessGrid&) = delete;
  ProcessGrid& operator=(const ProcessGrid&) = delete;

  /// Whether this rank is part of the grid; nothing below is for ranks that are not.
  bool is_member() const noexcept { return comm_.has_value(); }
  int rows() const noexcept { return rows_; }
  int columns() const noexcept { return columns_; }
  int row() const noexcept { return row_; }
  int column() const noexcept { return column_; }
  int block() const noexcept { return block_; }
  /// Of the members.
  const communication::Communicator& comm() const { return *comm_; }
  int blacs_context() const noexcept { return context_; }

 private:
  int rows_ = 1;
  int columns_ = 1;
  int row_ = 0;
  int column_ = 0;
  int block_;
  int context_ = -1;
  int handle_ = -1;
  std::optional<communication::Communicator> comm_;
};

/// The part of a block-cyclic matrix that one process of a grid holds, column-major.
class BlockCyclic {
 public:
  /// Local; allocates the part.
  BlockCyclic(const ProcessGrid& grid, Index rows, Index columns);
  /// Square.
  BlockCyclic(const ProcessGrid& grid, Index extent) : BlockCyclic(grid, extent, extent) {}

  int local_rows() const noexcept { return local_rows_; }
  int local_columns() const noexcept { return local_columns_; }
  /// Where a local row or column is in the whole matrix.
  Index global_row(Index local) const noexcept;
  Index global_column(Index local) const noexcept;
  double* data() noexcept { return values_.data(); }
  /// ScaLAPACK's array descriptor.
  const int* descriptor() const noexcept { return descriptor_.data(); }

  /// Copies this process's entries from or to the whole matrix, column-major. Local.
  void read(const double* matrix);
  void write(double* matrix) const;
  /// As read(), of a symmetric matrix of which the row-major lower triangle is given. Local.
  void read_symmetric(const double* matrix);

 private:
  template <typename Copy>
  void each_run(const Copy& copy) const;

  const ProcessGrid* grid_;
  Index rows_;
  int local_rows_ = 0;
  int local_columns_ = 0;
  std::array<int, 9> descriptor_{};
  std::vector<double> values_;
};

/// The whole matrix from its parts, in memory that the ranks of a node share; null for ranks that
/// hold none. Collective on comm.
void collect(const communication::Communicator& comm, const NodeLeaders& leaders,
             const BlockCyclic* part, std::span<double> matrix);

}  // namespace kronwerk::factors
