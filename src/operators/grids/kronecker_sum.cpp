#include "kronwerk/operators/grids/kronecker_sum.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "kronwerk/distribution/partition.hpp"
#include "operators/grids/grid_rows.hpp"
#include "operators/grids/kronecker_sum_simd.hpp"

namespace kronwerk::operators {
namespace {

/// Values of a piece that is worked on in the first-level cache.
constexpr Index piece_size = 2048;
/// Blocks of this many values are larger than a core's share of any cache.
constexpr Index streamed_size = Index{1} << 19;

std::vector<std::vector<double>> scaled(Diagonals diagonals, double scale) {
  std::vector<std::vector<double>> result(diagonals.begin(), diagonals.end());
  if (scale == 1) return result;
  for (auto& diagonal : result) {
    for (double& value : diagonal) value *= scale;
  }
  return result;
}

void check_range(const SumRows& sum, Index begin, Index count) {
  const Index size = core::product(sum.extents());
  if (begin >= 0 && count >= 0 && count <= size - begin) return;
  throw core::ShapeError(fmt::format(
      "values {} to {} were asked for of a Kronecker sum over the grid {}, which has {}", begin,
      begin + count - 1, core::to_text(sum.extents()), size));
}

struct Writer {
  SumFunction function;
  double numerator;
  TileStore store;

  void operator()(const SumTile& tile, double* out) const {
    if (function == SumFunction::reciprocal) {
      store_reciprocals(tile, numerator, out, store);
    } else {
      store_sums(tile, out, store);
    }
  }
};

/// Calls work(tile, offset) for tiles of at most `largest` values in ascending order (or of one
/// row).
template <typename Work>
void for_tiles(const SumRows& sum, Index begin, Index count, Index largest, Work&& work) {
  std::vector<double> row_sums;
  Index offset = 0;
  for_row_pieces(
      sum.split().columns, begin, count, [&](Index row, Index rows, Index column, Index columns) {
        const Index step = std::max<Index>(1, largest / columns);
        for (Index first = 0; first < rows; first += step) {
          const Index some = std::min(step, rows - first);
          row_sums.resize(static_cast<std::size_t>(some));
          sum.row_sums(row + first, row_sums);
          for (Index c = 0; c < columns; c += largest) {
            const Index wide = std::min(largest, columns - c);
            work(SumTile{row_sums.data(), some, sum.table().data() + column + c, wide}, offset);
            offset += some * wide;
          }
        }
      });
}

/// log|s| of a tile value by value, for numbers that the vector code cannot multiply.
LogProduct multiply_one_by_one(const SumTile& tile) {
  LogProduct product;
  product.least = std::numeric_limits<double>::infinity();
  for (Index r = 0; r < tile.rows; ++r) {
    for (Index c = 0; c < tile.columns; ++c) {
      const double s = tile.row_sums[r] + tile.table[c];
      product.negative = product.negative != std::signbit(s);
      product.least = std::min(product.least, std::abs(s));
      product.greatest = std::max(product.greatest, std::abs(s));
      int exponent = 0;
      product.log_mantissas += std::log(std::frexp(std::abs(s), &exponent));
      product.exponent += exponent;
    }
  }
  return product;
}

LogProduct multiply_tile(const SumTile& tile) {
  constexpr Index widest_vector = 8;
  if (tile.columns >= widest_vector) {
    const LogProduct product = multiply_sums(tile);
    if (product.least >= std::numeric_limits<double>::min() && std::isfinite(product.greatest)) {
      return product;
    }
  }
  return multiply_one_by_one(tile);
}

void check_finite(Diagonals diagonals) {
  int mode = 0;
  for (const auto& diagonal : diagonals) {
    ++mode;
    for (std::size_t i = 0; i < diagonal.size(); ++i) {
      if (std::isfinite(diagonal[i])) continue;
      throw core::DataError(
          fmt::format("value {} of mode {} of the Kronecker sum is {}; values must be finite", i,
                      mode, diagonal[i]));
    }
  }
}

}  // namespace

Extents extents_of(Diagonals diagonals) {
  if (diagonals.empty()) {
    throw core::ShapeError("a Kronecker sum needs at least one diagonal; there is none");
  }
  Extents extents;
  for (const auto& diagonal : diagonals) extents.push_back(std::ssize(diagonal));
  return extents;
}

SumRows::SumRows(Diagonals diagonals)
    : diagonals_(diagonals), extents_(extents_of(diagonals)), split_(split_rows(extents_)) {
  table_ = {0.0};
  for (std::size_t mode = extents_.size(); mode-- > split_.leading_modes;) {
    std::vector<double> longer;
    longer.reserve(table_.size() * diagonals_[mode].size());
    for (const double value : diagonals_[mode]) {
      for (const double sum : table_) longer.push_back(value + sum);
    }
    table_ = std::move(longer);
  }
}

void SumRows::row_sums(Index first_row, std::span<double> sums) const {
  RowIndex index(std::span<const Index>(extents_).first(split_.leading_modes), first_row);
  for (double& sum : sums) {
    sum = 0;
    for (std::size_t mode = 0; mode < split_.leading_modes; ++mode) {
      sum += diagonals_[mode][static_cast<std::size_t>(index[mode])];
    }
    index.next();
  }
}

void kronecker_sum_diagonal(Diagonals diagonals, Index begin, std::span<double> values,
                            double scale, bool accumulate, SumFunction function) {
  const bool reciprocal = function == SumFunction::reciprocal;
  const auto own = scaled(diagonals, reciprocal ? 1 : scale);
  const SumRows sum(own);
  const auto count = std::ssize(values);
  check_range(sum, begin, count);
  const bool stream = !accumulate && count >= streamed_size;
  // Short rows begin at any place in a line of the cache: they are collected there first and leave
  // in longer pieces.
  constexpr Index long_row = 512;
  const bool collect = stream && sum.split().columns < long_row;
  const Writer write{function, scale,
                     accumulate           ? TileStore::accumulate
                     : stream && !collect ? TileStore::stream
                                          : TileStore::overwrite};
  if (!collect) {
    for_tiles(sum, begin, count, Index{1} << 20,
              [&](const SumTile& tile, Index offset) { write(tile, values.data() + offset); });
  } else {
    std::array<double, piece_size> piece;
    constexpr double zero = 0;
    for_tiles(sum, begin, count, piece_size, [&](const SumTile& tile, Index offset) {
      write(tile, piece.data());
      store_sums({&zero, 1, piece.data(), tile.rows * tile.columns}, values.data() + offset,
                 TileStore::stream);
    });
  }
  if (stream) finish_streaming();
}

void visit_kronecker_sum(Diagonals diagonals, Index begin, Index count,
                         const std::function<void(Index, std::span<double>)>& visit) {
  const SumRows sum(diagonals);
  check_range(sum, begin, count);
  std::array<double, piece_size> piece;
  for_tiles(sum, begin, count, piece_size, [&](const SumTile& tile, Index offset) {
    store_sums(tile, piece.data(), TileStore::overwrite);
    visit(begin + offset,
          std::span(piece).first(static_cast<std::size_t>(tile.rows * tile.columns)));
  });
}

factors::Determinant kronecker_sum_determinant(const communication::Communicator& comm,
                                               Diagonals diagonals) {
  check_finite(diagonals);
  const SumRows sum(diagonals);
  const distribution::BlockPartition part(core::product(sum.extents()), comm.size());
  LogProduct own;
  bool zero = false;
  for_tiles(sum, part.begin(comm.rank()), part.count(comm.rank()), Index{1} << 16,
            [&](const SumTile& tile, Index /*offset*/) {
              const LogProduct product = multiply_tile(tile);
              zero = zero || product.least == 0;
              own.greatest = std::max(own.greatest, product.greatest);
              own.negative = own.negative != product.negative;
              own.exponent += product.exponent;
              if (product.least > 0) own.log_mantissas += product.log_mantissas;
            });
  if (comm.any(!std::isfinite(own.greatest))) {
    throw core::DataError("values of the Kronecker sum exceed the largest number; scale them");
  }
  factors::Determinant result;
  if (comm.any(zero)) {
    return {-std::numeric_limits<double>::infinity(), 0};
  }
  const Index exponent = comm.sum(own.exponent);
  const Index negative = comm.sum(Index{own.negative ? 1 : 0});
  result.log_abs = std::numbers::ln2 * static_cast<double>(exponent) + comm.sum(own.log_mantissas);
  result.sign = negative % 2 == 0 ? 1 : -1;
  return result;
}

}  // namespace kronwerk::operators
