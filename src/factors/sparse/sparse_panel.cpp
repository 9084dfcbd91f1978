#include "factors/sparse/sparse_panel.hpp"

#include "core/simd_targets.hpp"
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "factors/sparse/sparse_panel.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on
#include <hwy/cache_control.h>

#include <algorithm>

HWY_BEFORE_NAMESPACE();
namespace kronwerk::factors::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Doubles = hn::ScalableTag<double>;

// Rows ahead whose memory is asked for: the rows of a strip lie in different pages, which the
// hardware does not foresee.
constexpr Index rows_ahead = 8;

HWY_INLINE Index panel_row(const RowMap& map, Index row, Index begin) {
  return map.position.empty() ? row - begin
                              : static_cast<Index>(map.position[static_cast<std::size_t>(row)]);
}

HWY_INLINE double row_scale(const RowMap& map, Index row) {
  return map.scale.empty() ? 1.0 : map.scale[static_cast<std::size_t>(row)];
}

template <bool into_panel>
HWY_INLINE void move(double* HWY_RESTRICT fibre, double* HWY_RESTRICT panel, double scale) {
  if constexpr (into_panel) {
    *panel = *fibre * scale;
  } else {
    *fibre = *panel * scale;
  }
}

template <bool into_panel>
HWY_INLINE void move_contiguous(double* HWY_RESTRICT fibres, double* HWY_RESTRICT panel,
                                Index count, double scale) {
  const Doubles d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  const auto factor = hn::Set(d, scale);
  Index k = 0;
  for (; k + lanes <= count; k += lanes) {
    if constexpr (into_panel) {
      hn::StoreU(hn::Mul(factor, hn::LoadU(d, fibres + k)), d, panel + k);
    } else {
      hn::StoreU(hn::Mul(factor, hn::LoadU(d, panel + k)), d, fibres + k);
    }
  }
  for (; k < count; ++k) move<into_panel>(fibres + k, panel + k, scale);
}

HWY_INLINE void clear_padding(Panel panel, Index row, Index count) {
  double* values = panel.data + row * panel.width;
  std::fill(values + count, values + panel.width, 0.0);
}

// Rows of contiguous fibres: one run of `rights` values for each l.
template <bool into_panel>
void move_runs(const View& view, const FibreGroup& group, Index begin, Index end, const RowMap& map,
               Panel panel) {
  double* base = view.data + group.left * view.left_stride + group.right;
  const Index ahead = rows_ahead * view.row_stride;
  for (Index row = begin; row < end; ++row) {
    const Index target = panel_row(map, row, begin);
    double* values = panel.data + target * panel.width;
    const double scale = row_scale(map, row);
    for (Index l = 0; l < group.lefts; ++l) {
      double* run = base + l * view.left_stride + row * view.row_stride;
      if (row + rows_ahead < end) {
        for (Index k = 0; k < group.rights; k += 8) hwy::Prefetch(run + ahead + k);
      }
      move_contiguous<into_panel>(run, values + l * group.rights, group.rights, scale);
    }
    if constexpr (into_panel) clear_padding(panel, target, group.count());
  }
}

#if HWY_MAX_BYTES >= 32
// Lines ahead along contiguous fibres, of which a panel reads more at once than the hardware
// follows.
constexpr Index lines_ahead = 8;
using Four = hn::FixedTag<double, 4>;

template <typename Vector>
HWY_INLINE void transpose_four(Vector& a, Vector& b, Vector& c, Vector& e) {
  const Four d;
  const auto ab_even = hn::InterleaveLower(d, a, b);
  const auto ab_odd = hn::InterleaveUpper(d, a, b);
  const auto ce_even = hn::InterleaveLower(d, c, e);
  const auto ce_odd = hn::InterleaveUpper(d, c, e);
  a = hn::ConcatLowerLower(d, ce_even, ab_even);
  b = hn::ConcatLowerLower(d, ce_odd, ab_odd);
  c = hn::ConcatUpperUpper(d, ce_even, ab_even);
  e = hn::ConcatUpperUpper(d, ce_odd, ab_odd);
}

// Four rows of four fibres; `rows` are the panel's rows at the four fibres' first column.
template <bool into_panel>
HWY_INLINE void move_square(double* fibres, Index stride, double* const* rows,
                            const double* scale) {
  const Four d;
  const auto factor = hn::LoadU(d, scale);
  double* f[4] = {fibres, fibres + stride, fibres + 2 * stride, fibres + 3 * stride};
  if constexpr (into_panel) {
    auto a = hn::Mul(factor, hn::LoadU(d, f[0]));
    auto b = hn::Mul(factor, hn::LoadU(d, f[1]));
    auto c = hn::Mul(factor, hn::LoadU(d, f[2]));
    auto e = hn::Mul(factor, hn::LoadU(d, f[3]));
    transpose_four(a, b, c, e);
    hn::StoreU(a, d, rows[0]);
    hn::StoreU(b, d, rows[1]);
    hn::StoreU(c, d, rows[2]);
    hn::StoreU(e, d, rows[3]);
  } else {
    auto a = hn::LoadU(d, rows[0]);
    auto b = hn::LoadU(d, rows[1]);
    auto c = hn::LoadU(d, rows[2]);
    auto e = hn::LoadU(d, rows[3]);
    transpose_four(a, b, c, e);
    hn::StoreU(hn::Mul(factor, a), d, f[0]);
    hn::StoreU(hn::Mul(factor, b), d, f[1]);
    hn::StoreU(hn::Mul(factor, c), d, f[2]);
    hn::StoreU(hn::Mul(factor, e), d, f[3]);
  }
}
#endif

// Fibres that are contiguous along the mode: eight rows, one cache line of each fibre, at a time.
template <bool into_panel>
void move_fibres(const View& view, const FibreGroup& group, Index begin, Index end,
                 const RowMap& map, Panel panel) {
  double* base = view.data + group.left * view.left_stride;
  const Index count = group.lefts;
  Index row = begin;
#if HWY_MAX_BYTES >= 32
  for (; row + 8 <= end; row += 8) {
    double* rows[8];
    double scale[8];
    for (Index k = 0; k < 8; ++k) {
      rows[k] = panel.data + panel_row(map, row + k, begin) * panel.width;
      scale[k] = row_scale(map, row + k);
    }
    Index f = 0;
    for (; f + 4 <= count; f += 4) {
      double* fibres = base + f * view.left_stride + row;
      for (Index k = 0; k < 4; ++k) {
        hwy::Prefetch(fibres + k * view.left_stride + 8 * lines_ahead);
      }
      move_square<into_panel>(fibres, view.left_stride, rows, scale);
      move_square<into_panel>(fibres + 4, view.left_stride, rows + 4, scale + 4);
      for (double*& pointer : rows) pointer += 4;
    }
    for (; f < count; ++f) {
      for (Index k = 0; k < 8; ++k) {
        move<into_panel>(base + f * view.left_stride + row + k, rows[k]++, scale[k]);
      }
    }
    if constexpr (into_panel) {
      for (double* pointer : rows) std::fill(pointer, pointer + (panel.width - count), 0.0);
    }
  }
#endif
  for (; row < end; ++row) {
    const Index target = panel_row(map, row, begin);
    double* values = panel.data + target * panel.width;
    const double scale = row_scale(map, row);
    for (Index f = 0; f < count; ++f) {
      move<into_panel>(base + f * view.left_stride + row, values + f, scale);
    }
    if constexpr (into_panel) clear_padding(panel, target, count);
  }
}

template <bool into_panel>
void move_rows(const View& view, const FibreGroup& group, Index begin, Index end, const RowMap& map,
               Panel panel) {
  if (group.rights == 1 && view.right == 1 && view.row_stride == 1) {
    move_fibres<into_panel>(view, group, begin, end, map, panel);
  } else {
    move_runs<into_panel>(view, group, begin, end, map, panel);
  }
}

void gather_here(const View& view, const FibreGroup& group, Index begin, Index end,
                 const RowMap& map, Panel panel) {
  move_rows<true>(view, group, begin, end, map, panel);
}

void scatter_here(const View& view, const FibreGroup& group, Index begin, Index end,
                  const RowMap& map, Panel panel) {
  move_rows<false>(view, group, begin, end, map, panel);
}

}  // namespace kronwerk::factors::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kronwerk::factors {

HWY_EXPORT(gather_here);
HWY_EXPORT(scatter_here);

void gather_rows(const ConstView& view, const FibreGroup& group, Index begin, Index end,
                 const RowMap& map, Panel panel) {
  // One template moves both ways; this direction only reads the view.
  const View writable{const_cast<double*>(view.data),
                      view.left,
                      view.extent,
                      view.right,
                      view.left_stride,
                      view.row_stride};
  HWY_DYNAMIC_DISPATCH(gather_here)(writable, group, begin, end, map, panel);
}

void scatter_rows(const View& view, const FibreGroup& group, Index begin, Index end,
                  const RowMap& map, Panel panel) {
  HWY_DYNAMIC_DISPATCH(scatter_here)(view, group, begin, end, map, panel);
}

}  // namespace kronwerk::factors
#endif
