#include "operators/products/weighted_rows.hpp"

#include "core/simd_targets.hpp"
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "operators/products/weighted_rows.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace kronwerk::operators::rows::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using core::Index;
using Doubles = hn::ScalableTag<double>;

// Four vectors at a time hide the latency of the additions.
void combine_here(std::span<const WeightedRow> rows, double* y, Index length, bool accumulate) {
  const Doubles d;
  const auto lanes = static_cast<Index>(hn::Lanes(d));
  Index i = 0;
  for (; i + 4 * lanes <= length; i += 4 * lanes) {
    double* to = y + i;
    auto a = accumulate ? hn::LoadU(d, to) : hn::Zero(d);
    auto b = accumulate ? hn::LoadU(d, to + lanes) : hn::Zero(d);
    auto c = accumulate ? hn::LoadU(d, to + 2 * lanes) : hn::Zero(d);
    auto e = accumulate ? hn::LoadU(d, to + 3 * lanes) : hn::Zero(d);
    for (const auto& [weight, row] : rows) {
      const auto factor = hn::Set(d, weight);
      a = hn::MulAdd(factor, hn::LoadU(d, row + i), a);
      b = hn::MulAdd(factor, hn::LoadU(d, row + i + lanes), b);
      c = hn::MulAdd(factor, hn::LoadU(d, row + i + 2 * lanes), c);
      e = hn::MulAdd(factor, hn::LoadU(d, row + i + 3 * lanes), e);
    }
    hn::StoreU(a, d, to);
    hn::StoreU(b, d, to + lanes);
    hn::StoreU(c, d, to + 2 * lanes);
    hn::StoreU(e, d, to + 3 * lanes);
  }
  for (; i < length; ++i) {
    double sum = accumulate ? y[i] : 0.0;
    for (const auto& [weight, row] : rows) sum += weight * row[i];
    y[i] = sum;
  }
}

}  // namespace kronwerk::operators::rows::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kronwerk::operators {
namespace rows {
HWY_EXPORT(combine_here);
}  // namespace rows

void combine_rows(std::span<const WeightedRow> given, double* y, core::Index length,
                  bool accumulate) {
  using namespace rows;
  HWY_DYNAMIC_DISPATCH(combine_here)(given, y, length, accumulate);
}

}  // namespace kronwerk::operators
#endif
