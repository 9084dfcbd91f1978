#include "factors/base/process_grid.hpp"

#include <algorithm>
#include <cmath>

#include "factors/base/scalapack.hpp"
#include "kronwerk/factors/base/distributed_libraries.hpp"

namespace kronwerk::factors {
namespace {

// How many of `extent` indices, dealt in blocks, belong to process `place` of `count`.
int local_extent(Index extent, int block, int place, int count) {
  const Index blocks = extent / block;
  Index result = blocks / count * block;
  const Index rest = blocks % count;
  if (place < rest) {
    result += block;
  } else if (place == rest) {
    result += extent % block;
  }
  return core::narrow<int>(result);
}

}  // namespace

bool has_scalapack() noexcept {
  return KRONWERK_HAS_SCALAPACK != 0;
}

bool has_elpa() noexcept {
  return KRONWERK_HAS_ELPA != 0;
}

ProcessGrid::ProcessGrid(const communication::Communicator& comm, Index extent, int block)
    : block_(block) {
  const auto most = has_scalapack() ? static_cast<int>(std::max<Index>(1, extent / block)) : 1;
  rows_ = std::min(most, static_cast<int>(std::sqrt(static_cast<double>(comm.size()))));
  columns_ = std::min(most, comm.size() / rows_);
  const bool member = comm.rank() < rows_ * columns_;
  MPI_Comm members = MPI_COMM_NULL;
  communication::check_mpi(
      MPI_Comm_split(comm.get(), member ? 0 : MPI_UNDEFINED, comm.rank(), &members));
  if (!member) return;
  comm_ = communication::Communicator::adopt(members);
  row_ = comm_->rank() / columns_;
  column_ = comm_->rank() % columns_;
  handle_ = Csys2blacs_handle(comm_->get());
  context_ = handle_;
  Cblacs_gridinit(&context_, "R", rows_, columns_);
}

ProcessGrid::~ProcessGrid() {
  if (context_ >= 0) Cblacs_gridexit(context_);
  if (handle_ >= 0) Cfree_blacs_system_handle(handle_);
}

BlockCyclic::BlockCyclic(const ProcessGrid& grid, Index rows, Index columns)
    : grid_(&grid),
      rows_(rows),
      local_rows_(local_extent(rows, grid.block(), grid.row(), grid.rows())),
      local_columns_(local_extent(columns, grid.block(), grid.column(), grid.columns())) {
  descriptor_ = {1,
                 grid.blacs_context(),
                 core::narrow<int>(rows),
                 core::narrow<int>(columns),
                 grid.block(),
                 grid.block(),
                 0,
                 0,
                 std::max(1, local_rows_)};
  values_.resize(static_cast<std::size_t>(local_rows_) * static_cast<std::size_t>(local_columns_));
}

Index BlockCyclic::global_row(Index local) const noexcept {
  const Index block = grid_->block();
  return (local / block * grid_->rows() + grid_->row()) * block + local % block;
}

Index BlockCyclic::global_column(Index local) const noexcept {
  const Index block = grid_->block();
  return (local / block * grid_->columns() + grid_->column()) * block + local % block;
}

// Calls copy(place here, place in the whole matrix, count) for every run of contiguous entries.
template <typename Copy>
void BlockCyclic::each_run(const Copy& copy) const {
  const Index block = grid_->block();
  for (Index column = 0; column < local_columns_; ++column) {
    const Index whole_column = global_column(column) * rows_;
    for (Index row = 0; row < local_rows_; row += block) {
      copy(column * local_rows_ + row, whole_column + global_row(row),
           std::min<Index>(block, local_rows_ - row));
    }
  }
}

void BlockCyclic::read(const double* matrix) {
  each_run([&](Index here, Index there, Index count) {
    std::copy_n(matrix + there, count, values_.data() + here);
  });
}

void BlockCyclic::write(double* matrix) const {
  each_run([&](Index here, Index there, Index count) {
    std::copy_n(values_.data() + here, count, matrix + there);
  });
}

void BlockCyclic::read_symmetric(const double* matrix) {
  each_run([&](Index here, Index there, Index count) {
    const Index column = there / rows_, first = there % rows_;
    for (Index row = first; row < first + count; ++row) {
      const Index place = std::max(row, column) * rows_ + std::min(row, column);
      values_[static_cast<std::size_t>(here + row - first)] = matrix[place];
    }
  });
}

void collect(const communication::Communicator& comm, const NodeLeaders& leaders,
             const BlockCyclic* part, std::span<double> matrix) {
  const communication::Communicator& node = comm.node();
  // Whoever still reads the old contents has finished.
  node.barrier();
  if (leaders.several_nodes()) {
    if (node.is_root()) std::fill(matrix.begin(), matrix.end(), 0.0);
    node.barrier();
  }
  if (part != nullptr) part->write(matrix.data());
  node.barrier();
  leaders.combine(matrix);
  node.barrier();
}

}  // namespace kronwerk::factors
