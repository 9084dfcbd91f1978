// C (rows x cols) = A B by tiles of tile_rows x (tile_vectors · lanes) that stay in registers over
// the whole depth; A's entries are broadcast, B's rows are vectors. Register-blocked outer products
// as in Goto and van de Geijn (2008), without the packing of A: a factor's rows are read in place.
// See src/MATHEMATICS.md, "Kronecker products".
#include "core/simd_targets.hpp"
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "factors/dense/dense_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include <algorithm>
#include <array>
#include <cstddef>

#include "factors/dense/dense_simd.hpp"
#include "kronwerk/factors/base/scratch.hpp"

HWY_BEFORE_NAMESPACE();
namespace kronwerk::factors::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Tag = hn::ScalableTag<double>;
using Vector = hn::Vec<Tag>;

// Accumulators, one row of B and one broadcast must fit the registers: 32 of them or 16.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_NEON
constexpr Index tile_rows = 8;
constexpr Index tile_vectors = 3;
constexpr Index packed_vectors = 4;
constexpr Index widest_tile_rows = 6;
#elif HWY_TARGET == HWY_AVX2
constexpr Index tile_rows = 4;
constexpr Index tile_vectors = 3;
constexpr Index packed_vectors = 3;
constexpr Index widest_tile_rows = 4;
#else
constexpr Index tile_rows = 4;
constexpr Index tile_vectors = 2;
constexpr Index packed_vectors = 2;
constexpr Index widest_tile_rows = 4;
#endif
// Bytes are fetched by lines of this many doubles.
constexpr Index line = 8;
// Of B's rows in one pass, so that a panel of them stays in the second-level cache.
constexpr Index depth_chunk = 4096;

// The first `count` lanes. Only AVX masks memory accesses; elsewhere Highway would touch (and
// demand the alignment of) whole vectors.
struct FirstLanes {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_AVX2
  explicit FirstLanes(Index count) : mask(hn::FirstN(Tag(), static_cast<std::size_t>(count))) {}
  Vector load(const double* from) const {
    return hn::MaskedLoad(mask, Tag(), from);
  }
  void store(Vector value, double* to) const {
    hn::BlendedStore(value, mask, Tag(), to);
  }

  hn::Mask<Tag> mask;
#else
  explicit FirstLanes(Index lane_count) : count(lane_count) {}
  Vector load(const double* from) const {
    HWY_ALIGN double lanes[hn::MaxLanes(Tag())] = {};
    for (Index i = 0; i < count; ++i) lanes[i] = from[i];
    return hn::Load(Tag(), lanes);
  }
  void store(Vector value, double* to) const {
    HWY_ALIGN double lanes[hn::MaxLanes(Tag())];
    hn::Store(value, Tag(), lanes);
    for (Index i = 0; i < count; ++i) to[i] = lanes[i];
  }

  Index count;
#endif
};

struct Tile {
  const double* a;
  Index a_row_stride;
  Index a_column_stride;
  const double* b;
  Index b_row_stride;
  double* c;
  Index c_row_stride;
  Index depth;
  Index last_lanes;               // of the last vector: how many columns exist
  const double* ahead = nullptr;  // where the next rows of A begin, if they should be fetched
  bool accumulate = false;        // C += A B
};

// Three rows of A share one pointer (base, base + stride, base + 2 stride are addressing modes), or
// eight rows would need eight registers.
template <int rows, int vectors, bool partial, bool b_is_padded>
void multiply_tile(const Tile& tile) {
  const Tag d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  const FirstLanes last(tile.last_lanes);
  Vector sums[rows][vectors];
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) sums[i][v] = hn::Zero(d);
  }
  const Index stride = tile.a_row_stride;
  const double* a[3] = {tile.a, tile.a + (rows > 3 ? 3 * stride : 0),
                        tile.a + (rows > 6 ? 6 * stride : 0)};
  const double* b = tile.b;
  const auto pass = [&](Index depth) {
    for (Index k = 0; k < depth; ++k) {
      Vector row[vectors];
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) {
        if (partial && !b_is_padded && v == vectors - 1) {
          row[v] = last.load(b + v * lanes);
        } else {
          row[v] = hn::LoadU(d, b + v * lanes);
        }
      }
#pragma GCC unroll 8
      for (int i = 0; i < rows; ++i) {
        const Vector entry = hn::Set(d, a[i / 3][(i % 3) * stride]);
#pragma GCC unroll 8
        for (int v = 0; v < vectors; ++v) sums[i][v] = hn::MulAdd(entry, row[v], sums[i][v]);
      }
      a[0] += tile.a_column_stride;
      a[1] += tile.a_column_stride;
      a[2] += tile.a_column_stride;
      b += tile.b_row_stride;
    }
  };
  if (b_is_padded && tile.ahead != nullptr) {
    for (Index k = 0; k < tile.depth; k += line) {
#pragma GCC unroll 8
      for (int i = 0; i < rows; ++i) __builtin_prefetch(tile.ahead + i * stride + k, 0, 2);
      pass(std::min(line, tile.depth - k));
    }
  } else {
    pass(tile.depth);
  }
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i) {
    double* c = tile.c + i * tile.c_row_stride;
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) {
      const bool cut = partial && v == vectors - 1;
      Vector sum = sums[i][v];
      if (b_is_padded && tile.accumulate) {
        sum = hn::Add(sum, cut ? last.load(c + v * lanes) : hn::LoadU(d, c + v * lanes));
      }
      if (cut) {
        last.store(sum, c + v * lanes);
      } else {
        hn::StoreU(sum, d, c + v * lanes);
      }
    }
  }
}

using TileFunction = void (*)(const Tile&);

template <int vectors, bool partial, bool b_is_padded, int... rows>
constexpr std::array<TileFunction, sizeof...(rows)> tiles_of(std::integer_sequence<int, rows...>) {
  return {&multiply_tile<rows + 1, vectors, partial, b_is_padded>...};
}

constexpr Index most_vectors = std::max(tile_vectors, packed_vectors);

template <bool partial, bool b_is_padded, int... vectors>
constexpr auto tile_table(std::integer_sequence<int, vectors...>) {
  using Rows = std::make_integer_sequence<int, static_cast<int>(tile_rows)>;
  return std::array{tiles_of<vectors + 1, partial, b_is_padded>(Rows{})...};
}

// The tiles of one height and width: [vectors - 1][rows - 1].
template <bool b_is_padded>
const std::array<TileFunction, static_cast<std::size_t>(tile_rows)>& tiles(Index vectors,
                                                                           bool partial) {
  using Vectors = std::make_integer_sequence<int, static_cast<int>(most_vectors)>;
  static constexpr auto whole = tile_table<false, b_is_padded>(Vectors{});
  static constexpr auto cut = tile_table<true, b_is_padded>(Vectors{});
  return (partial ? cut : whole)[static_cast<std::size_t>(vectors - 1)];
}

// Splits `total` units into the fewest pieces of at most `largest`, as even as possible: 128
// columns are six panels of 3, 3, 3, 3, 2 and 2 vectors, not five of 3 and one of 1.
struct EvenSplit {
  Index pieces;
  Index smaller;
  Index larger_count;

  EvenSplit(Index total, Index largest)
      : pieces((total + largest - 1) / largest),
        smaller(pieces > 0 ? total / pieces : 0),
        larger_count(pieces > 0 ? total % pieces : 0) {}
  Index size(Index piece) const { return smaller + (piece < larger_count ? 1 : 0); }
};

Index vector_count(Index cols) {
  const Index lanes = static_cast<Index>(hn::Lanes(Tag()));
  return (cols + lanes - 1) / lanes;
}

void multiply_rows(const std::array<TileFunction, static_cast<std::size_t>(tile_rows)>& functions,
                   const EvenSplit& row_split, Tile tile) {
  for (Index piece = 0; piece < row_split.pieces; ++piece) {
    const Index rows = row_split.size(piece);
    functions[static_cast<std::size_t>(rows - 1)](tile);
    tile.a += rows * tile.a_row_stride;
    tile.c += rows * tile.c_row_stride;
  }
}

void copy_panel(const double* b, Index row_stride, Index depth, Index width, double* panel,
                Index panel_width) {
  for (Index k = 0; k < depth; ++k) {
    std::copy_n(b + k * row_stride, width, panel + k * panel_width);
  }
}

// A panel of B that several tiles read, and whose rows lie far apart, is copied first: rows a
// multiple of the page size apart would all compete for the same few cache lines.
bool panel_needs_copy(const SlabProduct& p) {
  return p.rows > 2 * tile_rows && (p.depth > 32 || (p.depth > 8 && p.b_row_stride % 64 == 0));
}

void multiply_slabs_on_target(const SlabProduct& p) {
  const Index lanes = static_cast<Index>(hn::Lanes(Tag()));
  const EvenSplit columns(vector_count(p.cols), tile_vectors);
  const EvenSplit rows(p.rows, tile_rows);
  const bool copy = panel_needs_copy(p);
  double* panel = copy ? scratch(Scratch::packed_columns, p.depth * tile_vectors * lanes) : nullptr;
  for (Index s = 0; s < p.count; ++s) {
    Index first = 0;
    for (Index piece = 0; piece < columns.pieces; ++piece) {
      const Index vectors = columns.size(piece);
      const Index width = std::min(vectors * lanes, p.cols - first);
      const Index last_lanes = width - (vectors - 1) * lanes;
      Tile tile{p.a.data,          p.a.row_stride,
                p.a.column_stride, p.b + s * p.b_step + first,
                p.b_row_stride,    p.c + s * p.c_step + first,
                p.c_row_stride,    p.depth,
                last_lanes};
      if (copy) {
        copy_panel(tile.b, p.b_row_stride, p.depth, width, panel, vectors * lanes);
        tile.b = panel;
        tile.b_row_stride = vectors * lanes;
        multiply_rows(tiles<true>(vectors, last_lanes < lanes), rows, tile);
      } else {
        multiply_rows(tiles<false>(vectors, last_lanes < lanes), rows, tile);
      }
      first += width;
    }
  }
}

Index packed_size_on_target(Index depth, Index cols) {
  return depth * vector_count(cols) * static_cast<Index>(hn::Lanes(Tag()));
}

// Chunk by chunk of the depth, panel by panel of packed_vectors vectors: the rows of B, filled up
// with zeros.
void pack_columns_on_target(Index depth, Index cols, const StridedMatrix& b, double* packed) {
  const Index lanes = static_cast<Index>(hn::Lanes(Tag()));
  const EvenSplit columns(vector_count(cols), packed_vectors);
  for (Index begin = 0; begin < depth; begin += depth_chunk) {
    const Index end = std::min(depth, begin + depth_chunk);
    Index first = 0;
    for (Index piece = 0; piece < columns.pieces; ++piece) {
      const Index width = columns.size(piece) * lanes;
      const Index present = std::min(width, cols - first);
      for (Index k = begin; k < end; ++k) {
        const double* row = b.data + k * b.row_stride + first * b.column_stride;
        for (Index j = 0; j < present; ++j) packed[j] = row[j * b.column_stride];
        std::fill(packed + present, packed + width, 0.0);
        packed += width;
      }
      first += width;
    }
  }
}

// The rows [begin, end) of C from one panel of B; what follows those of A is fetched meanwhile.
void multiply_packed_panel(const SlabProduct& p, Index begin, Index end, Index vectors,
                           Index last_lanes, Tile tile) {
  const bool cut = last_lanes < static_cast<Index>(hn::Lanes(Tag()));
  const auto& functions = tiles<true>(vectors, cut);
  const EvenSplit rows(end - begin, vectors > tile_vectors ? widest_tile_rows : tile_rows);
  const bool fetch = tile.ahead != nullptr;
  Index row = begin;
  for (Index piece = 0; piece < rows.pieces; ++piece) {
    const Index count = rows.size(piece);
    tile.ahead = fetch && row + 2 * count <= p.rows ? tile.a + count * p.a.row_stride : nullptr;
    functions[static_cast<std::size_t>(count - 1)](tile);
    tile.a += count * p.a.row_stride;
    tile.c += count * p.c_row_stride;
    row += count;
  }
}

void multiply_packed_on_target(const SlabProduct& p) {
  const Index lanes = static_cast<Index>(hn::Lanes(Tag()));
  const EvenSplit columns(vector_count(p.cols), packed_vectors);
  // A block of fibres and of results stays in the second-level cache while all panels of B pass.
  const Index longest = std::max({std::min(p.depth, depth_chunk), p.cols, Index{1}});
  const Index block = std::max(tile_rows, Index{16384} / longest / tile_rows * tile_rows);
  const double* panels = p.b;
  for (Index k = 0; k < p.depth; k += depth_chunk) {
    const Index depth = std::min(depth_chunk, p.depth - k);
    for (Index row = 0; row < p.rows; row += block) {
      const double* b = panels;
      Index first = 0;
      for (Index piece = 0; piece < columns.pieces; ++piece) {
        const Index vectors = columns.size(piece);
        const Index width = vectors * lanes;
        const double* a = p.a.data + row * p.a.row_stride + k * p.a.column_stride;
        const Tile tile{a,
                        p.a.row_stride,
                        p.a.column_stride,
                        b,
                        width,
                        p.c + row * p.c_row_stride + first,
                        p.c_row_stride,
                        depth,
                        std::min(width, p.cols - first) - (vectors - 1) * lanes,
                        p.a.column_stride == 1 && piece == 0 ? a : nullptr,
                        k > 0};
        multiply_packed_panel(p, row, std::min(row + block, p.rows), vectors, tile.last_lanes,
                              tile);
        b += depth * width;
        first += width;
      }
    }
    panels += depth * vector_count(p.cols) * lanes;
  }
}

const char* target_name() {
  return hwy::TargetName(HWY_TARGET);
}

}  // namespace kronwerk::factors::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kronwerk::factors {

HWY_EXPORT(multiply_slabs_on_target);
HWY_EXPORT(packed_size_on_target);
HWY_EXPORT(pack_columns_on_target);
HWY_EXPORT(multiply_packed_on_target);
HWY_EXPORT(target_name);

void multiply_slabs(const SlabProduct& product) {
  HWY_DYNAMIC_DISPATCH(multiply_slabs_on_target)(product);
}

Index packed_size(Index depth, Index cols) {
  return HWY_DYNAMIC_DISPATCH(packed_size_on_target)(depth, cols);
}

void pack_columns(Index depth, Index cols, const StridedMatrix& b, double* packed) {
  HWY_DYNAMIC_DISPATCH(pack_columns_on_target)(depth, cols, b, packed);
}

void multiply_packed(const SlabProduct& product) {
  HWY_DYNAMIC_DISPATCH(multiply_packed_on_target)(product);
}

const char* dense_target() {
  return HWY_DYNAMIC_DISPATCH(target_name)();
}

std::int64_t dense_targets() {
  return hwy::SupportedTargets() & HWY_TARGETS;
}

}  // namespace kronwerk::factors
#endif
