#pragma once

#include <type_traits>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::factors {

using core::Index;

/// A local block seen along one mode: entry (l, i, r) is data[l*left_stride + i*row_stride + r],
/// 0 <= l < left, 0 <= i < extent, 0 <= r < right. Entries that differ in r only are contiguous.
template <typename T>
struct ModeView {
  T* data = nullptr;
  Index left = 1;
  Index extent = 1;
  Index right = 1;
  Index left_stride = 1;
  Index row_stride = 1;

  static ModeView contiguous(T* data, Index left, Index extent, Index right) {
    return {data, left, extent, right, extent * right, right};
  }
  operator ModeView<const T>() const requires(!std::is_const_v<T>) {
    return {data, left, extent, right, left_stride, row_stride};
  }
};

using ConstView = ModeView<const double>;
using View = ModeView<double>;

}  // namespace kronwerk::factors
