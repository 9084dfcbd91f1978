// Declared in factors/triangular/triangular.hpp.
// The hot loop: both substitutions with one unit lower triangular factor on a panel of right-hand
// sides. Forth, the solution rows of a block stay in registers while each row of its pattern is
// loaded once, updated by every column of the block and stored once; back, each row of the pattern
// is loaded once and updates every row of the block. A block of 4 columns and 4 vectors makes 16
// multiply-adds of 4 loads (and 4 stores forth), which is bound by the multiply-adds.

#include "core/simd_targets.hpp"
#include "factors/triangular/triangular.hpp"
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "factors/triangular/triangular_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace kronwerk::factors::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Doubles = hn::ScalableTag<double>;
using Vector = hn::Vec<Doubles>;

// Vectors of a panel row that are worked on together: with 32 registers 4, with 16 registers 2.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_NEON
constexpr int most_vectors = 4;
#else
constexpr int most_vectors = 2;
#endif

#define KRONWERK_UNROLLED _Pragma("GCC unroll 8")

// `rows` points at the panel's first row, from the chunk's first column on.
template <int width, int vectors>
HWY_INLINE void forth(const TriangularBlock& block, const TriangularView& lower, Index pattern_rows,
                      double* HWY_RESTRICT rows, Index stride) {
  const Doubles d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  const double* HWY_RESTRICT value = lower.values.data() + block.values;
  const std::int32_t* HWY_RESTRICT pattern = lower.rows.data() + block.rows;
  Vector x[width][vectors];
  KRONWERK_UNROLLED
  for (int k = 0; k < width; ++k) {
    double* row = rows + (block.first + k) * stride;
    KRONWERK_UNROLLED
    for (int v = 0; v < vectors; ++v) x[k][v] = hn::Load(d, row + v * lanes);
    KRONWERK_UNROLLED
    for (int c = 0; c < k; ++c) {
      const Vector factor = hn::Set(d, *value++);
      KRONWERK_UNROLLED
      for (int v = 0; v < vectors; ++v) x[k][v] = hn::NegMulAdd(factor, x[c][v], x[k][v]);
    }
    if (k == 0) continue;
    KRONWERK_UNROLLED
    for (int v = 0; v < vectors; ++v) hn::Store(x[k][v], d, row + v * lanes);
  }
  for (Index r = 0; r < pattern_rows; ++r, value += width) {
    double* row = rows + pattern[r] * stride;
    Vector target[vectors];
    KRONWERK_UNROLLED
    for (int v = 0; v < vectors; ++v) target[v] = hn::Load(d, row + v * lanes);
    KRONWERK_UNROLLED
    for (int k = 0; k < width; ++k) {
      const Vector factor = hn::Set(d, value[k]);
      KRONWERK_UNROLLED
      for (int v = 0; v < vectors; ++v) target[v] = hn::NegMulAdd(factor, x[k][v], target[v]);
    }
    KRONWERK_UNROLLED
    for (int v = 0; v < vectors; ++v) hn::Store(target[v], d, row + v * lanes);
  }
}

template <int width, int vectors>
HWY_INLINE void back(const TriangularBlock& block, const TriangularView& lower, Index pattern_rows,
                     const double* HWY_RESTRICT scale, double* HWY_RESTRICT rows, Index stride) {
  const Doubles d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  const double* HWY_RESTRICT triangle = lower.values.data() + block.values;
  const double* HWY_RESTRICT value = triangle + width * (width - 1) / 2;
  const std::int32_t* HWY_RESTRICT pattern = lower.rows.data() + block.rows;
  Vector x[width][vectors];
  KRONWERK_UNROLLED
  for (int k = 0; k < width; ++k) {
    const double* row = rows + (block.first + k) * stride;
    const Vector factor = hn::Set(d, scale[block.first + k]);
    KRONWERK_UNROLLED
    for (int v = 0; v < vectors; ++v) x[k][v] = hn::Mul(factor, hn::Load(d, row + v * lanes));
  }
  for (Index r = 0; r < pattern_rows; ++r, value += width) {
    const double* row = rows + pattern[r] * stride;
    Vector source[vectors];
    KRONWERK_UNROLLED
    for (int v = 0; v < vectors; ++v) source[v] = hn::Load(d, row + v * lanes);
    KRONWERK_UNROLLED
    for (int k = 0; k < width; ++k) {
      const Vector factor = hn::Set(d, value[k]);
      KRONWERK_UNROLLED
      for (int v = 0; v < vectors; ++v) x[k][v] = hn::NegMulAdd(factor, source[v], x[k][v]);
    }
  }
  KRONWERK_UNROLLED
  for (int k = width - 1; k >= 0; --k) {
    KRONWERK_UNROLLED
    for (int c = k + 1; c < width; ++c) {
      const Vector factor = hn::Set(d, triangle[c * (c - 1) / 2 + k]);
      KRONWERK_UNROLLED
      for (int v = 0; v < vectors; ++v) x[k][v] = hn::NegMulAdd(factor, x[c][v], x[k][v]);
    }
    double* row = rows + (block.first + k) * stride;
    KRONWERK_UNROLLED
    for (int v = 0; v < vectors; ++v) hn::Store(x[k][v], d, row + v * lanes);
  }
}

#undef KRONWERK_UNROLLED

HWY_INLINE Index pattern_size(const TriangularView& lower, std::size_t b) {
  const Index end = b + 1 < lower.blocks.size() ? lower.blocks[b + 1].rows
                                                : static_cast<Index>(lower.rows.size());
  return end - lower.blocks[b].rows;
}

template <int vectors>
void forth_chunk(const TriangularView& lower, double* rows, Index stride, Prefetcher& upcoming) {
  for (std::size_t b = 0; b < lower.blocks.size(); ++b) {
    const TriangularBlock& block = lower.blocks[b];
    const Index size = pattern_size(lower, b);
    upcoming.step();
    switch (block.width) {
      case 1:
        forth<1, vectors>(block, lower, size, rows, stride);
        break;
      case 2:
        forth<2, vectors>(block, lower, size, rows, stride);
        break;
      case 3:
        forth<3, vectors>(block, lower, size, rows, stride);
        break;
      default:
        forth<4, vectors>(block, lower, size, rows, stride);
        break;
    }
  }
}

template <int vectors>
void back_chunk(const TriangularView& lower, const double* scale, double* rows, Index stride,
                Prefetcher& upcoming) {
  for (std::size_t b = lower.blocks.size(); b-- > 0;) {
    const TriangularBlock& block = lower.blocks[b];
    const Index size = pattern_size(lower, b);
    upcoming.step();
    switch (block.width) {
      case 1:
        back<1, vectors>(block, lower, size, scale, rows, stride);
        break;
      case 2:
        back<2, vectors>(block, lower, size, scale, rows, stride);
        break;
      case 3:
        back<3, vectors>(block, lower, size, scale, rows, stride);
        break;
      default:
        back<4, vectors>(block, lower, size, scale, rows, stride);
        break;
    }
  }
}

Index lanes_here() {
  return static_cast<Index>(hn::Lanes(Doubles()));
}

// Chunk by chunk over the whole factor: what one chunk touches of the panel is what the caches
// hold.
void lower_here(const TriangularView& lower, Panel panel, Prefetcher& upcoming) {
  const Index lanes = lanes_here();
  for (Index column = 0; column < panel.width;) {
    const Index left = (panel.width - column) / lanes;
    double* rows = panel.data + column;
    if (left >= 4 && most_vectors == 4) {
      forth_chunk<most_vectors>(lower, rows, panel.width, upcoming);
      column += 4 * lanes;
    } else if (left >= 3 && most_vectors == 4) {
      forth_chunk<most_vectors == 4 ? 3 : 1>(lower, rows, panel.width, upcoming);
      column += 3 * lanes;
    } else if (left >= 2) {
      forth_chunk<2>(lower, rows, panel.width, upcoming);
      column += 2 * lanes;
    } else {
      forth_chunk<1>(lower, rows, panel.width, upcoming);
      column += lanes;
    }
  }
}

void lower_transposed_here(const TriangularView& lower, const double* scale, Panel panel,
                           Prefetcher& upcoming) {
  const Index lanes = lanes_here();
  for (Index column = 0; column < panel.width;) {
    const Index left = (panel.width - column) / lanes;
    double* rows = panel.data + column;
    if (left >= 4 && most_vectors == 4) {
      back_chunk<most_vectors>(lower, scale, rows, panel.width, upcoming);
      column += 4 * lanes;
    } else if (left >= 3 && most_vectors == 4) {
      back_chunk<most_vectors == 4 ? 3 : 1>(lower, scale, rows, panel.width, upcoming);
      column += 3 * lanes;
    } else if (left >= 2) {
      back_chunk<2>(lower, scale, rows, panel.width, upcoming);
      column += 2 * lanes;
    } else {
      back_chunk<1>(lower, scale, rows, panel.width, upcoming);
      column += lanes;
    }
  }
}

}  // namespace kronwerk::factors::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kronwerk::factors {

HWY_EXPORT(lanes_here);
HWY_EXPORT(lower_here);
HWY_EXPORT(lower_transposed_here);

Index panel_lanes() {
  return HWY_DYNAMIC_DISPATCH(lanes_here)();
}

void solve_lower(const TriangularView& lower, Panel panel, Prefetcher& upcoming) {
  HWY_DYNAMIC_DISPATCH(lower_here)(lower, panel, upcoming);
}

void solve_lower_transposed(const TriangularView& lower, std::span<const double> scale, Panel panel,
                            Prefetcher& upcoming) {
  HWY_DYNAMIC_DISPATCH(lower_transposed_here)(lower, scale.data(), panel, upcoming);
}

}  // namespace kronwerk::factors
#endif
