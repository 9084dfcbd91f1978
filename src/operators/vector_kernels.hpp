#pragma once

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

}  // namespace kronwerk::operators
