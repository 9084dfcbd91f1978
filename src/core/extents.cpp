#include "kronwerk/core/extents.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kronwerk::core {

Index multiply(Index a, Index b) {
  Index result = 0;
  if (__builtin_mul_overflow(a, b, &result)) {
    throw ShapeError(fmt::format("{} x {} points exceed a 64-bit index", a, b));
  }
  return result;
}

Index product(std::span<const Index> extents) {
  Index result = 1;
  for (const Index extent : extents) {
    if (extent < 0) throw ShapeError(fmt::format("the extent {} is negative", extent));
    result = multiply(result, extent);
  }
  return result;
}

std::string to_text(std::span<const Index> extents) {
  return extents.empty() ? "scalar" : fmt::format("{}", fmt::join(extents, " x "));
}

}  // namespace kronwerk::core
