#include "operators/grids/grid_sums.hpp"

#include <cmath>

#include "operators/grids/projection_simd.hpp"

namespace kronwerk::operators {
namespace {

/// Columns whose sums (two values each) stay in the second-level cache.
constexpr Index strip_size = 16384;
constexpr Index tile_rows = 256;

// Highway-free and the same on every rank: how MPI adds two of ours.
void add_pairs(void* in, void* in_out, int* count, MPI_Datatype* /*type*/) {
  const auto* from = static_cast<const DoubleDouble*>(in);
  auto* to = static_cast<DoubleDouble*>(in_out);
  for (int i = 0; i < *count; ++i) add(to[i], from[i]);
}

/// Adds each value to the sums of its indices, one by one.
void fold(std::span<const Index> extents, std::span<const DoubleDouble> values, Index first,
          std::span<std::vector<DoubleDouble>> modes) {
  RowIndex index(extents, first);
  for (const DoubleDouble& value : values) {
    for (std::size_t mode = 0; mode < extents.size(); ++mode) {
      add(modes[mode][static_cast<std::size_t>(index[mode])], value);
    }
    index.next();
  }
}

}  // namespace

void reduce_compensated(const communication::Communicator& comm, std::span<DoubleDouble> values) {
  if (comm.size() == 1) return;
  MPI_Datatype pair = MPI_DATATYPE_NULL;
  MPI_Op sum = MPI_OP_NULL;
  communication::check_mpi(MPI_Type_contiguous(2, MPI_DOUBLE, &pair));
  communication::check_mpi(MPI_Type_commit(&pair));
  communication::check_mpi(MPI_Op_create(&add_pairs, 1, &sum));
  constexpr std::size_t most = std::size_t{1} << 28;
  for (std::size_t first = 0; first < values.size(); first += most) {
    const std::size_t count = std::min(most, values.size() - first);
    communication::check_mpi(MPI_Allreduce(MPI_IN_PLACE, values.data() + first,
                                           static_cast<int>(count), pair, sum, comm.get()));
  }
  MPI_Op_free(&sum);
  MPI_Type_free(&pair);
}

GridSums::GridSums(Extents extents) : extents_(std::move(extents)), split_(split_rows(extents_)) {
  for (const Index extent : extents_) modes_.emplace_back(static_cast<std::size_t>(extent));
  column_high_.resize(static_cast<std::size_t>(split_.columns));
  column_low_.resize(column_high_.size());
}

/// sum(row, rows, column, columns, offset, sums): `offset` of the tile's first value in the range.
template <typename SumTile>
void GridSums::add_tiles(Index begin, Index count, SumTile&& sum) {
  const auto leading = std::span(extents_).first(split_.leading_modes);
  std::vector<DoubleDouble> rows;
  Index offset = 0;
  for_row_pieces(split_.columns, begin, count,
                 [&](Index first_row, Index row_count, Index first_column, Index columns) {
                   for (Index row = 0; row < row_count; row += tile_rows) {
                     const Index some = std::min(tile_rows, row_count - row);
                     rows.assign(static_cast<std::size_t>(some), DoubleDouble());
                     for (Index c = 0; c < columns; c += strip_size) {
                       const TileSums sums{column_high_.data() + first_column + c,
                                           column_low_.data() + first_column + c, rows.data(),
                                           &squares_};
                       sum(first_row + row, some, first_column + c,
                           std::min(strip_size, columns - c), offset + row * columns + c, sums);
                     }
                     fold(leading, rows, first_row + row, std::span(modes_).first(leading.size()));
                   }
                   offset += row_count * columns;
                 });
}

void GridSums::add(Index begin, std::span<const double> values) {
  const Index stride = split_.columns;
  add_tiles(
      begin, std::ssize(values),
      [&](Index /*row*/, Index rows, Index /*column*/, Index columns, Index offset,
          const TileSums& sums) { sum_tile(values.data() + offset, stride, rows, columns, sums); });
}

void GridSums::add_reciprocals(const SumRows& sum, Index begin, Index count) {
  std::vector<double> row_sums;
  add_tiles(begin, count,
            [&](Index row, Index rows, Index column, Index columns, Index /*offset*/,
                const TileSums& sums) {
              row_sums.resize(static_cast<std::size_t>(rows));
              sum.row_sums(row, row_sums);
              sum_reciprocals({row_sums.data(), rows, sum.table().data() + column, columns}, sums);
            });
}

/// The columns' sums become those of the trailing modes: a grid of high and low parts, taken as
/// rows x columns once more where it is large.
void GridSums::fold_columns() {
  constexpr Index small = 1024;
  const auto extents = std::span(extents_).subspan(split_.leading_modes);
  const auto modes = std::span(modes_).subspan(split_.leading_modes);
  std::size_t half = extents.size();
  Index columns = 1;
  while (split_.columns > small && half > 1 && columns * columns < split_.columns) {
    columns *= extents[--half];
  }
  if (columns == 1) half = extents.size();
  const Index rows = split_.columns / columns;
  std::vector<DoubleDouble> row_sums(static_cast<std::size_t>(rows));
  if (columns == 1) {
    for (std::size_t r = 0; r < row_sums.size(); ++r) {
      row_sums[r] = {column_high_[r], column_low_[r]};
    }
  } else {
    std::vector<double> high(static_cast<std::size_t>(columns));
    std::vector<double> low(high.size());
    DoubleDouble ignored;
    const TileSums sums{high.data(), low.data(), row_sums.data(), &ignored};
    sum_tile(column_high_.data(), columns, rows, columns, sums, true);
    sum_tile(column_low_.data(), columns, rows, columns, sums);
    std::vector<DoubleDouble> column_sums;
    for (std::size_t c = 0; c < high.size(); ++c) column_sums.push_back({high[c], low[c]});
    fold(extents.subspan(half), column_sums, 0, modes.subspan(half));
  }
  fold(extents.first(half), row_sums, 0, modes.first(half));
}

void GridSums::reduce(const communication::Communicator& comm) {
  fold_columns();
  std::vector<DoubleDouble> all;
  for (const auto& mode : modes_) all.insert(all.end(), mode.begin(), mode.end());
  all.push_back(squares_);
  reduce_compensated(comm, all);
  std::size_t next = 0;
  for (auto& mode : modes_) {
    for (DoubleDouble& value : mode) value = all[next++];
  }
  squares_ = all[next];
  for (const DoubleDouble& value : all) {
    if (std::isfinite(value.value())) continue;
    throw core::DataError(
        "values to project are not finite, or so large that their squares are not; check the data");
  }
}

std::span<const DoubleDouble> GridSums::mode(std::size_t k) const {
  return modes_.at(k);
}

}  // namespace kronwerk::operators
