#pragma once

#include "kernels/engine/aligned_array.hpp"
#include "kernels/engine/compile.hpp"
#include "kronwerk/kernels/formula/cloud.hpp"

namespace kronwerk::kernels {

/// Computes what varies along one side only, in double whatever the pairs are computed in.
class SideEvaluator {
 public:
  explicit SideEvaluator(const SidePlan& plan);

  Index values() const noexcept { return static_cast<Index>(plan_.values.size()); }

  /// out[value * stride + p] of the points begin + p, p < count, and the last one's again up to the
  /// next multiple of most_lanes.
  template <typename T>
  void columns(const Side& side, Index begin, Index count, Index stride, T* out);

  /// out[(p / 4 * values() + value) * 4 + p % 4] of all points, and the last one's again up to the
  /// next multiple of 4.
  template <typename T>
  void rows(const Side& side, T* out);

 private:
  static constexpr Index chunk = 512;
  void compute(const Side& side, Index begin, Index count);
  const double* source(std::size_t value) const;

  SidePlan plan_;
  BoundCode<double> code_;
  TileCode<double> tiles_;
  AlignedArray<double> buffer_;  // inputs, then outputs, `chunk` values each
  AlignedArray<double> slots_;
  AlignedArray<double> unused_sums_;
};

}  // namespace kronwerk::kernels
