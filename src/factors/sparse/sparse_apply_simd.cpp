// Declared in factors/sparse/sparse_apply.hpp.
#include "core/simd_targets.hpp"
#include "factors/sparse/sparse_apply.hpp"
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "factors/sparse/sparse_apply_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace kronwerk::factors::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Doubles = hn::ScalableTag<double>;

#define KRONWERK_UNROLLED _Pragma("GCC unroll 8")

// `vectors` vectors of every panel row, from the panels' column that x and out point at.
template <int vectors>
void multiply_chunk(const SparseView& matrix, Index begin, Index end, const double* x, double* out,
                    Index width) {
  const Doubles d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  const Index* offsets = matrix.offsets.data();
  const std::int32_t* indices = matrix.indices.data();
  const double* values = matrix.values.data();
  for (Index row = begin; row < end; ++row) {
    hn::Vec<Doubles> sum[vectors];
    KRONWERK_UNROLLED
    for (int v = 0; v < vectors; ++v) sum[v] = hn::Zero(d);
    for (Index k = offsets[row]; k < offsets[row + 1]; ++k) {
      const double* source = x + indices[k] * width;
      const auto factor = hn::Set(d, values[k]);
      KRONWERK_UNROLLED
      for (int v = 0; v < vectors; ++v) {
        sum[v] = hn::MulAdd(factor, hn::Load(d, source + v * lanes), sum[v]);
      }
    }
    double* target = out + (row - begin) * width;
    KRONWERK_UNROLLED
    for (int v = 0; v < vectors; ++v) hn::Store(sum[v], d, target + v * lanes);
  }
}

template <int vectors>
void multiply_transposed_chunk(const SparseView& matrix, Index begin, Index end, const double* x,
                               double* out, Index width) {
  const Doubles d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  const Index* offsets = matrix.offsets.data();
  const std::int32_t* indices = matrix.indices.data();
  const double* values = matrix.values.data();
  for (Index row = begin; row < end; ++row) {
    const double* source = x + (row - begin) * width;
    hn::Vec<Doubles> factor[vectors];
    KRONWERK_UNROLLED
    for (int v = 0; v < vectors; ++v) factor[v] = hn::Load(d, source + v * lanes);
    for (Index k = offsets[row]; k < offsets[row + 1]; ++k) {
      double* target = out + indices[k] * width;
      const auto value = hn::Set(d, values[k]);
      KRONWERK_UNROLLED
      for (int v = 0; v < vectors; ++v) {
        const auto sum = hn::MulAdd(value, factor[v], hn::Load(d, target + v * lanes));
        hn::Store(sum, d, target + v * lanes);
      }
    }
  }
}

#undef KRONWERK_UNROLLED

void multiply_here(const SparseView& matrix, Index begin, Index end, Panel x, Panel out) {
  const auto lanes = static_cast<Index>(hn::Lanes(Doubles()));
  Index column = 0;
  for (; column + 4 * lanes <= x.width; column += 4 * lanes) {
    multiply_chunk<4>(matrix, begin, end, x.data + column, out.data + column, x.width);
  }
  for (; column < x.width; column += lanes) {
    multiply_chunk<1>(matrix, begin, end, x.data + column, out.data + column, x.width);
  }
}

void multiply_transposed_here(const SparseView& matrix, Index begin, Index end, Panel x,
                              Panel out) {
  const auto lanes = static_cast<Index>(hn::Lanes(Doubles()));
  Index column = 0;
  for (; column + 4 * lanes <= x.width; column += 4 * lanes) {
    multiply_transposed_chunk<4>(matrix, begin, end, x.data + column, out.data + column, x.width);
  }
  for (; column < x.width; column += lanes) {
    multiply_transposed_chunk<1>(matrix, begin, end, x.data + column, out.data + column, x.width);
  }
}

}  // namespace kronwerk::factors::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kronwerk::factors {

HWY_EXPORT(multiply_here);
HWY_EXPORT(multiply_transposed_here);

void multiply_rows(const SparseView& matrix, Index begin, Index end, Panel x, Panel out) {
  HWY_DYNAMIC_DISPATCH(multiply_here)(matrix, begin, end, x, out);
}

void multiply_rows_transposed(const SparseView& matrix, Index begin, Index end, Panel x,
                              Panel out) {
  HWY_DYNAMIC_DISPATCH(multiply_transposed_here)(matrix, begin, end, x, out);
}

}  // namespace kronwerk::factors
#endif
