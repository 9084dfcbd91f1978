#pragma once

#include <cstddef>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::operators {

/// y = scale * x, or y += scale * x if `accumulate`. Local.
inline void store_scaled(double scale, const double* x, double* y, core::Index count,
                         bool accumulate) {
  if (accumulate) {
    for (core::Index i = 0; i < count; ++i) y[i] += scale * x[i];
  } else {
    for (core::Index i = 0; i < count; ++i) y[i] = scale * x[i];
  }
}

/// <x, y> of this rank's values. Blocks bound the rounding error and keep the order of additions
/// fixed. Local.
double local_dot(const double* x, const double* y, std::size_t count);

}  // namespace kronwerk::operators
