// Y = X Aᵀ with X in compressed rows. A nonzero x_fj adds x_fj times column j of A, a few vectors,
// to row f of Y. What limits this is the second-level cache, from which the columns of A come; so
// several rows of X advance in step: their columns ascend at the same pace, and a column that one
// of them has used is still in the first-level cache for the others.
#include "factors/sparse/sparse_rows_simd.hpp"

#include "core/simd_targets.hpp"
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "factors/sparse/sparse_rows_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include <algorithm>

HWY_BEFORE_NAMESPACE();
namespace kronwerk::factors::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using RowTag = hn::ScalableTag<double>;
using RowVector = hn::Vec<RowTag>;

// rows_in_step * panel_vectors sums must fit the registers: 32 or 16.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_NEON
constexpr int rows_in_step = 6;
constexpr int panel_vectors = 4;
#else
constexpr int rows_in_step = 3;
constexpr int panel_vectors = 4;
#endif

struct RowTile {
  const Index* offsets;  // of the first row
  const std::int32_t* columns;
  const double* values;
  const double* panel;
  double* y;
  Index y_stride;
  Index width;      // columns of y in this panel
  bool fetch_next;  // the entries that follow those of this tile
};

template <int vectors>
void add_entry(const RowTile& tile, Index entry, RowVector* sums) {
  const RowTag d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  const double* column = tile.panel + tile.columns[entry] * (vectors * lanes);
  const RowVector factor = hn::Set(d, tile.values[entry]);
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) {
    sums[v] = hn::MulAdd(factor, hn::Load(d, column + v * lanes), sums[v]);
  }
}

template <int vectors>
void store_row(const RowVector* sums, double* y, Index width) {
  const RowTag d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) {
    const Index left = width - v * lanes;
    if (left >= lanes) {
      hn::StoreU(sums[v], d, y + v * lanes);
    } else {
      HWY_ALIGN double last[hn::MaxLanes(RowTag())];
      hn::Store(sums[v], d, last);
      std::copy_n(last, left, y + v * lanes);
    }
  }
}

// `rows` rows in step as far as the shortest of them, then one after the other.
template <int rows, int vectors>
void multiply_row_tile(const RowTile& tile) {
  const RowTag d;
  RowVector sums[rows][vectors];
  Index next[rows];
  Index common = tile.offsets[1] - tile.offsets[0];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) sums[r][v] = hn::Zero(d);
    next[r] = tile.offsets[r];
    common = std::min(common, tile.offsets[r + 1] - tile.offsets[r]);
  }
  // Several short streams at once are too much for the processor to foresee.
  const double* following_values = tile.values + tile.offsets[rows];
  const std::int32_t* following_columns = tile.columns + tile.offsets[rows];
  const Index fetched = tile.fetch_next ? common : 0;
  const auto step = [&] {
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) add_entry<vectors>(tile, next[r]++, sums[r]);
  };
  for (Index i = 0; i < fetched; ++i) {
    __builtin_prefetch(following_values + i * rows);
    __builtin_prefetch(following_columns + i * rows);
    step();
  }
  for (Index i = fetched; i < common; ++i) step();
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) {
    for (Index entry = next[r]; entry < tile.offsets[r + 1]; ++entry) {
      add_entry<vectors>(tile, entry, sums[r]);
    }
    store_row<vectors>(sums[r], tile.y + r * tile.y_stride, tile.width);
  }
}

template <int rows>
void multiply_rows_of(const RowTile& tile, Index vectors) {
  static_assert(panel_vectors == 4);
  switch (vectors) {
    case 1:
      return multiply_row_tile<rows, 1>(tile);
    case 2:
      return multiply_row_tile<rows, 2>(tile);
    case 3:
      return multiply_row_tile<rows, 3>(tile);
    default:
      return multiply_row_tile<rows, 4>(tile);
  }
}

// Panels of nearly equal numbers of vectors.
struct Panels {
  Index vectors;
  Index count;

  explicit Panels(Index rows) {
    const auto lanes = static_cast<Index>(hn::Lanes(RowTag()));
    vectors = (rows + lanes - 1) / lanes;
    count = (vectors + panel_vectors - 1) / panel_vectors;
  }
  Index vectors_of(Index panel) const {
    return vectors / count + (panel < vectors % count ? 1 : 0);
  }
};

Index row_panels_size_here(Index rows, Index cols) {
  return Panels(rows).vectors * static_cast<Index>(hn::Lanes(RowTag())) * cols;
}

void pack_row_panels_here(Index rows, Index cols, const double* a, Index row_stride,
                          Index column_stride, double scale, double* packed) {
  const auto lanes = static_cast<Index>(hn::Lanes(RowTag()));
  const Panels panels(rows);
  Index first = 0;
  for (Index panel = 0; panel < panels.count; ++panel) {
    const Index width = panels.vectors_of(panel) * lanes;
    const Index present = std::min(width, rows - first);
    for (Index j = 0; j < cols; ++j) {
      const double* column = a + first * row_stride + j * column_stride;
      for (Index i = 0; i < present; ++i) packed[i] = scale * column[i * row_stride];
      std::fill(packed + present, packed + width, 0.0);
      packed += width;
    }
    first += width;
  }
}

void multiply_compressed_rows_here(const CompressedRows& x, Index rows, Index cols,
                                   const double* packed, double* y) {
  const auto lanes = static_cast<Index>(hn::Lanes(RowTag()));
  const Panels panels(rows);
  const Index count = x.rows();
  for (Index row = 0; row < count;) {
    const Index together = count - row >= rows_in_step ? rows_in_step : 1;
    RowTile tile{x.offsets.data() + row,
                 x.columns.data(),
                 x.values.data(),
                 packed,
                 y + row * rows,
                 rows,
                 0,
                 true};
    Index first = 0;
    for (Index panel = 0; panel < panels.count; ++panel) {
      const Index vectors = panels.vectors_of(panel);
      tile.width = std::min(vectors * lanes, rows - first);
      if (together == 1) {
        multiply_rows_of<1>(tile, vectors);
      } else {
        multiply_rows_of<rows_in_step>(tile, vectors);
      }
      tile.panel += vectors * lanes * cols;
      tile.y += tile.width;
      tile.fetch_next = false;
      first += tile.width;
    }
    row += together;
  }
}

}  // namespace kronwerk::factors::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kronwerk::factors {

HWY_EXPORT(row_panels_size_here);
HWY_EXPORT(pack_row_panels_here);
HWY_EXPORT(multiply_compressed_rows_here);

Index row_panels_size(Index rows, Index cols) {
  return HWY_DYNAMIC_DISPATCH(row_panels_size_here)(rows, cols);
}

void pack_row_panels(Index rows, Index cols, const double* a, Index row_stride, Index column_stride,
                     double scale, double* panels) {
  HWY_DYNAMIC_DISPATCH(pack_row_panels_here)
  (rows, cols, a, row_stride, column_stride, scale, panels);
}

void multiply_compressed_rows(const CompressedRows& x, Index rows, Index cols, const double* panels,
                              double* y) {
  HWY_DYNAMIC_DISPATCH(multiply_compressed_rows_here)(x, rows, cols, panels, y);
}

}  // namespace kronwerk::factors
#endif
