#include "operators/products/weighted_views.hpp"

#include <algorithm>
#include <vector>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::operators {
namespace {

using core::Index;
using factors::View;

/// As many sources as one sweep reads.
constexpr std::size_t most = 4;

// y may be a source, but only entry by entry, which is what this promises.
#if defined(__clang__)
#define KRONWERK_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define KRONWERK_INDEPENDENT _Pragma("GCC ivdep")
#endif

template <std::size_t count>
void sweep(const double* const* x, const double* weights, double* y, Index length,
           bool accumulate) {
  const auto sum = [&](Index i) {
    double value = weights[0] * x[0][i];
    for (std::size_t s = 1; s < count; ++s) value += weights[s] * x[s][i];
    return value;
  };
  if (accumulate) {
    KRONWERK_INDEPENDENT
    for (Index i = 0; i < length; ++i) y[i] += sum(i);
  } else {
    KRONWERK_INDEPENDENT
    for (Index i = 0; i < length; ++i) y[i] = sum(i);
  }
}
#undef KRONWERK_INDEPENDENT

void sweep(std::size_t count, const double* const* x, const double* weights, double* y,
           Index length, bool accumulate) {
  switch (count) {
    case 1:
      return sweep<1>(x, weights, y, length, accumulate);
    case 2:
      return sweep<2>(x, weights, y, length, accumulate);
    case 3:
      return sweep<3>(x, weights, y, length, accumulate);
    default:
      return sweep<most>(x, weights, y, length, accumulate);
  }
}

/// A view as `runs` runs of `length` entries: all at once, fibre group by group, or row by row.
struct Runs {
  Index lefts = 1;
  Index rows = 1;
  Index length = 0;
};

template <typename T>
Index contiguous_levels(const factors::ModeView<T>& view) {
  if (view.extent > 1 && view.row_stride != view.right) return 0;
  if (view.left > 1 && view.left_stride != view.extent * view.right) return 1;
  return 2;
}

Runs runs_of(std::span<const WeightedView> sources, const View& y) {
  Index levels = contiguous_levels(y);
  for (const auto& source : sources) levels = std::min(levels, contiguous_levels(source.view));
  if (levels == 2) return {1, 1, y.left * y.extent * y.right};
  if (levels == 1) return {y.left, 1, y.extent * y.right};
  return {y.left, y.extent, y.right};
}

void zero(const View& y, const Runs& runs) {
  for (Index l = 0; l < runs.lefts; ++l) {
    for (Index row = 0; row < runs.rows; ++row) {
      std::fill_n(y.data + l * y.left_stride + row * y.row_stride, runs.length, 0.0);
    }
  }
}

}  // namespace

void combine(std::span<const WeightedView> given, View y, bool accumulate) {
  // What y lies over is read in the first sweep, before it is overwritten.
  std::vector<WeightedView> sources(given.begin(), given.end());
  std::stable_partition(sources.begin(), sources.end(),
                        [&](const WeightedView& source) { return source.view.data == y.data; });
  const Runs runs = runs_of(sources, y);
  if (sources.empty() && !accumulate) zero(y, runs);
  for (Index l = 0; l < runs.lefts; ++l) {
    for (Index row = 0; row < runs.rows; ++row) {
      bool add = accumulate;
      double* to = y.data + l * y.left_stride + row * y.row_stride;
      const double* x[most];
      double weights[most];
      for (std::size_t first = 0; first < sources.size(); first += most) {
        const std::size_t count = std::min(most, sources.size() - first);
        for (std::size_t s = 0; s < count; ++s) {
          const auto& [weight, view] = sources[first + s];
          x[s] = view.data + l * view.left_stride + row * view.row_stride;
          weights[s] = weight;
        }
        sweep(count, x, weights, to, runs.length, add);
        add = true;
      }
    }
  }
}

}  // namespace kronwerk::operators
