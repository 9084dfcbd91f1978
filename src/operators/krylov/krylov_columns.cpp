#include "operators/krylov/krylov_columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "kronwerk/operators/krylov/krylov.hpp"
#include "operators/base/local_vectors.hpp"

namespace kronwerk::operators {
namespace {

// Entries of one message: counts stay far below 2^31.
constexpr Index largest_message = Index{1} << 27;

struct Interval {
  Index begin;
  Index end;
};

Interval common(std::span<const Index> a, int part, std::span<const Index> b, int other) {
  const auto p = static_cast<std::size_t>(part);
  const auto q = static_cast<std::size_t>(other);
  const Index begin = std::max(a[p], b[q]);
  return {begin, std::max(begin, std::min(a[p + 1], b[q + 1]))};
}

/// Calls post(first, count) for pieces of an interval that a message can hold.
template <typename Post>
void in_messages(Interval interval, const Post& post) {
  for (Index first = interval.begin; first < interval.end; first += largest_message) {
    post(first, static_cast<int>(std::min(largest_message, interval.end - first)));
  }
}

}  // namespace

ColumnMap::ColumnMap(const communication::Communicator& comm, const distribution::Layout& layout,
                     Index batch)
    : comm_(&comm), columns_(static_cast<std::size_t>(std::max<Index>(batch, 1))) {
  if (batch < 1 || (batch > 1 && (layout.extents().empty() || layout.extents()[0] != batch))) {
    throw core::ShapeError(
        fmt::format("a batch of {} columns cannot be taken from the grid {}: the first extent must "
                    "be the batch",
                    batch, core::to_text(layout.extents())));
  }
  const Index length = layout.size() / batch;
  const Index begin = layout.home_begin(comm.rank());
  const Index end = begin + layout.home_size(comm.rank());
  for (Index first = begin; first < end;) {
    const Index column = first / length;
    const Index last = std::min(end, (column + 1) * length);
    pieces_.push_back({static_cast<std::size_t>(column), static_cast<std::size_t>(first - begin),
                       static_cast<std::size_t>(last - first)});
    first = last;
  }
}

PerColumn ColumnMap::local_dots(const std::vector<char>& wanted, const double* x,
                                const double* y) const {
  PerColumn result(columns_, 0.0);
  for_each(wanted, [&](std::size_t column, std::size_t first, std::size_t count) {
    result[column] += local_dot(x + first, y + first, count);
  });
  return result;
}

void ColumnMap::reduce(std::span<PerColumn* const> parts) const {
  std::vector<double> sums;
  for (const PerColumn* part : parts) sums.insert(sums.end(), part->begin(), part->end());
  comm_->sum(sums);
  auto next = sums.begin();
  for (PerColumn* part : parts) {
    std::copy_n(next, part->size(), part->begin());
    next += static_cast<std::ptrdiff_t>(part->size());
  }
}

PerColumn column_dots(const communication::Communicator& comm, const distribution::Layout& layout,
                      Index batch, std::span<const double> x, std::span<const double> y) {
  const ColumnMap map(comm, layout, batch);
  const auto size = static_cast<std::size_t>(layout.home_size(comm.rank()));
  communication::collectively(comm, [&] {
    if (x.size() == size && y.size() == size) return;
    throw core::ShapeError(fmt::format(
        "column_dots: this rank's blocks have {} and {} entries; its part of the grid {} has {}",
        x.size(), y.size(), core::to_text(layout.extents()), size));
  });
  const std::vector<char> all(map.columns(), 1);
  return map.dots<1>(all, {{{x.data(), y.data()}}})[0];
}

void move_pieces(const communication::Communicator& comm, std::span<const Index> from_bounds,
                 std::span<const double> from, std::span<const Index> to_bounds,
                 std::span<double> to) {
  const int me = comm.rank();
  const Index from_begin = from_bounds[static_cast<std::size_t>(me)];
  const Index to_begin = to_bounds[static_cast<std::size_t>(me)];
  std::vector<MPI_Request> requests;
  for (int other = 0; other < comm.size(); ++other) {
    if (other == me) continue;
    in_messages(common(to_bounds, me, from_bounds, other), [&](Index first, int count) {
      requests.emplace_back();
      communication::check_mpi(MPI_Irecv(to.data() + (first - to_begin), count, MPI_DOUBLE, other,
                                         0, comm.get(), &requests.back()));
    });
    in_messages(common(from_bounds, me, to_bounds, other), [&](Index first, int count) {
      requests.emplace_back();
      communication::check_mpi(MPI_Isend(from.data() + (first - from_begin), count, MPI_DOUBLE,
                                         other, 0, comm.get(), &requests.back()));
    });
  }
  const Interval own = common(from_bounds, me, to_bounds, me);
  if (own.begin < own.end) {
    std::memcpy(to.data() + (own.begin - to_begin), from.data() + (own.begin - from_begin),
                sizeof(double) * static_cast<std::size_t>(own.end - own.begin));
  }
  communication::check_mpi(
      MPI_Waitall(core::narrow<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE));
}

}  // namespace kronwerk::operators
