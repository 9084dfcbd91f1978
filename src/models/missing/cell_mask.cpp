// Declared in kronwerk/models/missing/missing.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kronwerk/models/missing/missing.hpp"

namespace kronwerk::models {
namespace {

struct Interval {
  Index begin = 0;
  Index end = 0;
};

Interval common(const Interval& one, const Interval& two) {
  const Index begin = std::max(one.begin, two.begin);
  return {begin, std::max(begin, std::min(one.end, two.end))};
}

/// The cells of a grid of `size` that a rank's block of a batched layout holds, as ascending
/// intervals: at most the end and the beginning of the grid, or all of it.
std::vector<Interval> cells_of(const Layout& layout, int rank, Index size) {
  const Index first = layout.home_begin(rank);
  const Index count = layout.home_size(rank);
  if (count == 0) return {};
  if (count >= size) return {{0, size}};
  const Index begin = first % size;
  if (begin + count <= size) return {{begin, begin + count}};
  return {{0, begin + count - size}, {begin, size}};
}

bool same_blocks(const Layout& one, const Layout& two) {
  bool same = one.extents() == two.extents() && one.parts() == two.parts();
  for (int part = 0; same && part < one.parts(); ++part) {
    same =
        one.home_begin(part) == two.home_begin(part) && one.home_size(part) == two.home_size(part);
  }
  return same;
}

/// Counts and displacements of an exchange of bytes.
struct Schedule {
  std::vector<int> counts;
  std::vector<int> offsets;
  explicit Schedule(int ranks)
      : counts(static_cast<std::size_t>(ranks)), offsets(static_cast<std::size_t>(ranks)) {}
  Index finish() {
    Index total = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      offsets[i] = core::narrow<int>(total);
      total += counts[i];
    }
    return total;
  }
};

}  // namespace

CellMask::CellMask(const communication::Communicator& comm, Layout layout,
                   std::vector<char> missing)
    : comm_(&comm), layout_(std::move(layout)) {
  communication::collectively(comm, [&] {
    const Index size = layout_.home_size(comm.rank());
    if (std::ssize(missing) == size) return;
    throw core::ShapeError(fmt::format(
        "the mask of missing cells has {} entries on this rank; its part of the grid {} has {}",
        missing.size(), core::to_text(layout_.extents()), size));
  });
  missing_ = comm.sum(static_cast<Index>(
      std::count_if(missing.begin(), missing.end(), [](char each) { return each != 0; })));
  if (missing_ == layout_.size()) {
    throw core::DataError(fmt::format("all {} cells of the grid {} are missing", missing_,
                                      core::to_text(layout_.extents())));
  }
  block_ = std::make_shared<const std::vector<char>>(std::move(missing));
}

CellMask CellMask::of_nan(const communication::Communicator& comm, Layout layout,
                          std::span<const double> field) {
  std::vector<char> missing;
  for (const double value : field) missing.push_back(std::isnan(value) ? 1 : 0);
  return CellMask(comm, std::move(layout), std::move(missing));
}

std::shared_ptr<const std::vector<char>> CellMask::block(const Layout& layout, Index batch) const {
  if (batch == 1 && same_blocks(layout, layout_)) return block_;
  for (const auto& kept : kept_) {
    if (same_blocks(kept.layout, layout)) return kept.block;
  }
  const int me = comm_->rank();
  const Index size = layout_.size();
  const auto own = [&](int rank) {
    return Interval{layout_.home_begin(rank), layout_.home_begin(rank) + layout_.home_size(rank)};
  };
  Schedule sent(comm_->size());
  Schedule received(comm_->size());
  std::vector<char> outgoing;
  for (int rank = 0; rank < comm_->size(); ++rank) {
    Index to_them = 0;
    for (const Interval& wanted : cells_of(layout, rank, size)) {
      const Interval piece = common(own(me), wanted);
      const auto first = block_->begin() + (piece.begin - own(me).begin);
      outgoing.insert(outgoing.end(), first, first + (piece.end - piece.begin));
      to_them += piece.end - piece.begin;
    }
    Index to_me = 0;
    for (const Interval& wanted : cells_of(layout, me, size)) {
      const Interval piece = common(own(rank), wanted);
      to_me += piece.end - piece.begin;
    }
    sent.counts[static_cast<std::size_t>(rank)] = core::narrow<int>(to_them);
    received.counts[static_cast<std::size_t>(rank)] = core::narrow<int>(to_me);
  }
  sent.finish();
  std::vector<char> incoming(static_cast<std::size_t>(received.finish()));
  communication::check_mpi(MPI_Alltoallv(outgoing.data(), sent.counts.data(), sent.offsets.data(),
                                         MPI_CHAR, incoming.data(), received.counts.data(),
                                         received.offsets.data(), MPI_CHAR, comm_->get()));
  // What came is in the order of the owners, so ascending: the same intervals one after another.
  const auto cells = cells_of(layout, me, size);
  auto values = std::make_shared<std::vector<char>>();
  const Index first = layout.home_begin(me);
  for (Index i = 0; i < layout.home_size(me); ++i) {
    const Index cell = (first + i) % size;
    Index place = 0;
    for (const Interval& interval : cells) {
      if (cell < interval.end) {
        place += cell - interval.begin;
        break;
      }
      place += interval.end - interval.begin;
    }
    values->push_back(incoming[static_cast<std::size_t>(place)]);
  }
  kept_.push_back({layout, values});
  return values;
}

std::vector<Index> CellMask::positions() const {
  std::vector<Index> own;
  const Index first = layout_.home_begin(comm_->rank());
  for (std::size_t i = 0; i < block_->size(); ++i) {
    if ((*block_)[i] != 0) own.push_back(first + static_cast<Index>(i));
  }
  Schedule schedule(comm_->size());
  const int count = core::narrow<int>(own.size());
  communication::check_mpi(
      MPI_Allgather(&count, 1, MPI_INT, schedule.counts.data(), 1, MPI_INT, comm_->get()));
  std::vector<Index> all(static_cast<std::size_t>(schedule.finish()));
  communication::check_mpi(MPI_Allgatherv(own.data(), count, MPI_INT64_T, all.data(),
                                          schedule.counts.data(), schedule.offsets.data(),
                                          MPI_INT64_T, comm_->get()));
  return all;
}

}  // namespace kronwerk::models
