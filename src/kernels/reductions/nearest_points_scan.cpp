#include "kernels/reductions/nearest_points_scan.hpp"

#include "core/simd_targets.hpp"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/reductions/nearest_points_scan.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace kronwerk::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using core::Index;

Index next_group_here(const float* values, Index begin, Index count, float threshold) {
  const hn::ScalableTag<float> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  const auto limit = hn::Set(d, threshold);
  Index group = begin;
  for (; group + scan_group <= count; group += scan_group) {
    auto least = hn::LoadU(d, values + group);
    for (Index j = lanes; j < scan_group; j += lanes) {
      least = hn::Min(least, hn::LoadU(d, values + group + j));
    }
    if (!hn::AllFalse(d, hn::Le(least, limit))) return group;
  }
  for (Index j = group; j < count; ++j) {
    if (values[j] <= threshold) return group;
  }
  return count;
}

}  // namespace kronwerk::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kronwerk::kernels {

HWY_EXPORT(next_group_here);

core::Index next_group(const float* values, core::Index begin, core::Index count, float threshold) {
  return HWY_DYNAMIC_DISPATCH(next_group_here)(values, begin, count, threshold);
}

}  // namespace kronwerk::kernels
#endif
