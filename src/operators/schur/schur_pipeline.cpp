// See src/MATHEMATICS.md, "Schur forms".
#include "operators/schur/schur_pipeline.hpp"

#include <algorithm>
#include <utility>

namespace kronwerk::operators {
namespace {

constexpr int panel_tag = 77;

/// Short panels keep the ranks busy, tall ones make dgemm efficient.
Index choose_panel_rows(Index rows, int parts) {
  return std::clamp<Index>(rows / (8 * parts), 16, 128);
}

SchurColumns::Share share_of(const SchurColumns& columns, int rank) {
  return columns.shares[static_cast<std::size_t>(rank)];
}

}  // namespace

SchurColumns make_schur_columns(const distribution::BlockPartition& away,
                                const BlockStructure& blocks) {
  SchurColumns result;
  for (int rank = 0; rank < away.parts(); ++rank) {
    const Index begin = away.begin(rank);
    const Index end = away.end(rank);
    SchurColumns::Share share;
    if (begin < end) {
      share.borrows = blocks.splits(begin);
      share.lends = blocks.splits(end);
    }
    share.begin = blocks.whole(begin);
    share.end = blocks.whole(end);
    share.first = share.borrows ? begin - 1 : begin;
    share.stride = end - share.first;
    result.shares.push_back(share);
  }
  return result;
}

SchurColumns SchurColumns::reversed(Index extent) const {
  SchurColumns result = *this;
  for (Share& share : result.shares) {
    const Share from = share;
    share.first = extent - from.first - from.stride;
    share.begin = extent - from.end;
    share.end = extent - from.begin;
  }
  return result;
}

SchurPipeline::SchurPipeline(const communication::Communicator& comm, SchurSystem system,
                             SchurColumns columns, bool backwards)
    : comm_(&comm),
      system_(std::move(system)),
      columns_(std::move(columns)),
      mine_(share_of(columns_, comm.rank())),
      panel_rows_(choose_panel_rows(system_.left.extent, comm.size())),
      // One row more: a pair at a panel's edge belongs to the panel.
      kernel_(system_, panel_rows_ + 1, mine_.stride) {
  if (!kernel_.columns_are_coupled() || mine_.begin == mine_.end) return;
  Index widest = 0;
  for (int rank = 0; rank < comm.size(); ++rank) {
    const auto share = share_of(columns_, rank);
    if (share.begin == share.end || rank == comm.rank()) continue;
    const bool right = (rank > comm.rank()) != backwards;
    if (right) widest = std::max(widest, share.stride);
    (right ? sources_ : targets_).push_back(rank);
  }
  // Ranks far to the right finish a panel first, the neighbour waits for it most urgently. Rank 0
  // is farthest right if the columns ascend backwards.
  if (!backwards) {
    std::ranges::reverse(sources_);
    std::ranges::reverse(targets_);
  }
  received_.resize(static_cast<std::size_t>(widest * (panel_rows_ + 1)));
}

void SchurPipeline::receive_panel(Index rows) {
  for (const int rank : sources_) {
    const auto share = share_of(columns_, rank);
    communication::check_mpi(MPI_Recv(received_.data(), core::narrow<int>(rows * share.stride),
                                      MPI_DOUBLE, rank, panel_tag, comm_->get(),
                                      MPI_STATUS_IGNORE));
    kernel_.add_columns(received_.data() + (share.begin - share.first), share.stride, share.begin,
                        share.end, mine_.begin, mine_.end);
  }
}

void SchurPipeline::send_panel(const double* panel, Index rows) {
  // It travels while the rows above change; its own rows do not any more.
  for (const int rank : targets_) {
    requests_.push_back(MPI_REQUEST_NULL);
    communication::check_mpi(MPI_Isend(panel, core::narrow<int>(rows * mine_.stride), MPI_DOUBLE,
                                       rank, panel_tag, comm_->get(), &requests_.back()));
  }
}

void SchurPipeline::solve(double* data) {
  if (mine_.begin == mine_.end) return;
  const SchurSlab slab{data, mine_.stride, mine_.first};
  const BlockStructure& blocks = system_.left.blocks;
  for (Index row_end = system_.left.extent; row_end > 0;) {
    const Index row_begin = blocks.whole(std::max<Index>(0, row_end - panel_rows_));
    kernel_.begin_panel(slab, row_begin, row_end);
    receive_panel(row_end - row_begin);
    kernel_.solve_panel(mine_.begin, mine_.end);
    send_panel(slab.at(row_begin, mine_.first), row_end - row_begin);
    kernel_.subtract_above_panel(mine_.begin, mine_.end);
    row_end = row_begin;
  }
  communication::check_mpi(
      MPI_Waitall(core::narrow<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE));
  requests_.clear();
}

}  // namespace kronwerk::operators
