// Row sums and column sums of a tile in one pass, compensated (Ogita, Rump and Oishi 2005).
#include "operators/grids/projection_simd.hpp"

#include "core/simd_targets.hpp"
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "operators/grids/projection_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/cache_control.h>
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace kronwerk::operators::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using core::Index;
using Doubles = hn::ScalableTag<double>;
using Vector = hn::Vec<Doubles>;

/// Whether the target multiplies and adds in one instruction.
constexpr bool fused = HWY_NATIVE_FMA == 1;

#define KRONWERK_UNROLLED _Pragma("GCC unroll 8")

struct Stored {
  const double* values;
  Index stride;
  double one(Index r, Index c) const { return values[r * stride + c]; }
  Vector load(Index r, Index c) const { return hn::LoadU(Doubles(), values + r * stride + c); }
  Vector stream(Index r, Index c) const {
    const double* place = values + r * stride + c;
    hwy::Prefetch(place + 128);
    return hn::LoadU(Doubles(), place);
  }
};

struct Reciprocals {
  const double* row_sums;
  const double* table;
  double one(Index r, Index c) const { return 1 / (row_sums[r] + table[c]); }
  Vector load(Index r, Index c) const {
    const Doubles d;
    const Vector s = hn::Add(hn::Set(d, row_sums[r]), hn::LoadU(d, table + c));
    return hn::Div(hn::Set(d, 1.0), s);
  }
  Vector stream(Index r, Index c) const { return load(r, c); }
};

HWY_INLINE void add_compensated(Vector& high, Vector& low, Vector value) {
  const Vector total = hn::Add(high, value);
  const Vector part = hn::Sub(total, high);
  const Vector error = hn::Add(hn::Sub(high, hn::Sub(total, part)), hn::Sub(value, part));
  low = hn::Add(low, error);
  high = total;
}

// Sums are made where multiplications are, which have little else to do: the units for additions
// are what limits this kernel as long as its values come from a cache.
HWY_INLINE Vector add_plainly(Vector a, Vector b, Vector one) {
  return fused ? hn::MulAdd(a, one, b) : hn::Add(a, b);
}

template <int rows>
HWY_INLINE Vector tree_sum(const Vector* x, Vector one) {
  if constexpr (rows == 1) {
    return x[0];
  } else {
    return add_plainly(tree_sum<rows / 2>(x, one), tree_sum<rows / 2>(x + rows / 2, one), one);
  }
}

/// The rows [0, rows) of a tile. Plain sums before a compensated one: of `rows` values in a column,
/// of `width` values in a row.
template <int rows, int width, typename Source>
class RowGroup {
 public:
  RowGroup(const Source& source, const TileSums& sums)
      : source_(source), sums_(sums), one_(hn::Set(Doubles(), 1.0)) {
    KRONWERK_UNROLLED
    for (int r = 0; r < rows; ++r) high_[r] = low_[r] = square_[r] = hn::Zero(Doubles());
  }

  HWY_INLINE void block(Index first_row, Index c) {
    const auto lanes = static_cast<Index>(hn::Lanes(Doubles()));
    Vector part[rows];
    KRONWERK_UNROLLED
    for (int v = 0; v < width; ++v, c += lanes) {
      Vector x[rows];
      KRONWERK_UNROLLED
      for (int r = 0; r < rows; ++r) {
        x[r] = source_.stream(first_row + r, c);
        part[r] = v == 0 ? x[r] : add_plainly(part[r], x[r], one_);
        square_[r] = hn::MulAdd(x[r], x[r], square_[r]);
      }
      add_to_columns(tree_sum<rows>(x, one_), c);
    }
    KRONWERK_UNROLLED
    for (int r = 0; r < rows; ++r) add_compensated(high_[r], low_[r], part[r]);
  }

  template <typename Mask>
  HWY_INLINE void vector(Index first_row, Index c, Mask mask) {
    Vector x[rows];
    KRONWERK_UNROLLED
    for (int r = 0; r < rows; ++r) {
      x[r] = hn::IfThenElseZero(mask, source_.load(first_row + r, c));
      add_compensated(high_[r], low_[r], x[r]);
      square_[r] = hn::MulAdd(x[r], x[r], square_[r]);
    }
    add_to_columns(tree_sum<rows>(x, one_), c);
  }

  void finish(Index first_row) {
    const Doubles d;
    alignas(64) double high[HWY_MAX_BYTES / sizeof(double)];
    alignas(64) double low[HWY_MAX_BYTES / sizeof(double)];
    Vector squares = hn::Zero(d);
    for (int r = 0; r < rows; ++r) {
      squares = hn::Add(squares, square_[r]);
      hn::Store(high_[r], d, high);
      hn::Store(low_[r], d, low);
      DoubleDouble& sum = sums_.rows[first_row + r];
      for (std::size_t lane = 0; lane < hn::Lanes(d); ++lane) {
        add(sum, DoubleDouble{high[lane], low[lane]});
      }
    }
    add(*sums_.squares, hn::GetLane(hn::SumOfLanes(d, squares)));
  }

 private:
  HWY_INLINE void add_to_columns(Vector value, Index c) {
    const Doubles d;
    Vector high = hn::LoadU(d, sums_.column_high + c);
    Vector low = hn::LoadU(d, sums_.column_low + c);
    add_compensated(high, low, value);
    hn::StoreU(high, d, sums_.column_high + c);
    hn::StoreU(low, d, sums_.column_low + c);
  }

  const Source& source_;
  const TileSums& sums_;
  Vector one_;
  Vector high_[rows];
  Vector low_[rows];
  Vector square_[rows];
};

template <int rows, int width, typename Source>
void sum_group(const Source& source, Index first_row, Index columns, const TileSums& sums) {
  const Doubles d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  RowGroup<rows, width, Source> group(source, sums);
  Index c = 0;
  for (; c + width * lanes <= columns; c += width * lanes) group.block(first_row, c);
  const auto all = hn::FirstN(d, static_cast<std::size_t>(lanes));
  for (; c + lanes <= columns; c += lanes) group.vector(first_row, c, all);
  if (c < columns) {
    // The last columns come with the end of the last whole vector, which counts as zeros.
    const auto known = hn::FirstN(d, static_cast<std::size_t>(lanes - (columns - c)));
    group.vector(first_row, columns - lanes, hn::Not(known));
  }
  group.finish(first_row);
}

template <typename Source>
void sum_one_by_one(const Source& source, Index rows, Index columns, const TileSums& sums) {
  for (Index r = 0; r < rows; ++r) {
    for (Index c = 0; c < columns; ++c) {
      const double x = source.one(r, c);
      DoubleDouble column{sums.column_high[c], sums.column_low[c]};
      add(column, x);
      sums.column_high[c] = column.high;
      sums.column_low[c] = column.low;
      add(sums.rows[r], x);
      add(*sums.squares, x * x);
    }
  }
}

template <int group, int width, typename Source>
void sum_groups(const Source& source, Index rows, Index columns, const TileSums& sums) {
  if (columns < static_cast<Index>(hn::Lanes(Doubles()))) {
    sum_one_by_one(source, rows, columns, sums);
    return;
  }
  Index r = 0;
  for (; r + group <= rows; r += group) sum_group<group, width>(source, r, columns, sums);
  if constexpr (group > 2) {
    for (; r + 2 <= rows; r += 2) sum_group<2, width>(source, r, columns, sums);
  }
  for (; r < rows; ++r) sum_group<1, width>(source, r, columns, sums);
}

// As many rows at once as the registers hold the sums of.
constexpr int group_size = HWY_TARGET <= HWY_AVX3 ? 8 : 4;

void sum_tile_here(const double* values, Index stride, Index rows, Index columns,
                   const TileSums& sums, bool careful) {
  const Stored source{values, stride};
  if (careful) {
    sum_groups<2, 2>(source, rows, columns, sums);
  } else {
    sum_groups<group_size, 4>(source, rows, columns, sums);
  }
}

void sum_reciprocals_here(const SumTile& tile, const TileSums& sums) {
  sum_groups<group_size, 4>(Reciprocals{tile.row_sums, tile.table}, tile.rows, tile.columns, sums);
}

#undef KRONWERK_UNROLLED

}  // namespace kronwerk::operators::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kronwerk::operators {

HWY_EXPORT(sum_tile_here);
HWY_EXPORT(sum_reciprocals_here);

void sum_tile(const double* values, core::Index stride, core::Index rows, core::Index columns,
              const TileSums& sums, bool careful) {
  HWY_DYNAMIC_DISPATCH(sum_tile_here)(values, stride, rows, columns, sums, careful);
}

void sum_reciprocals(const SumTile& tile, const TileSums& sums) {
  HWY_DYNAMIC_DISPATCH(sum_reciprocals_here)(tile, sums);
}

}  // namespace kronwerk::operators
#endif
