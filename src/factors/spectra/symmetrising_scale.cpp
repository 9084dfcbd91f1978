// Declared in factors/spectra/symmetry.hpp.
// Which positive diagonal D makes D^½ A D^-½ symmetric: d_j / d_i = a_ij / a_ji along a spanning
// forest of the graph determines it, and all other entries must agree (Kolmogorov's criterion).
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "factors/spectra/symmetry.hpp"

namespace kronwerk::factors {
namespace {

// Dense matrices are compared with their transposes tile by tile, two of which fit in cache.
constexpr Index tile = 64;
// Smaller entries of a dense matrix, relative to the largest, are no edges of its graph.
constexpr double edge_threshold = 1e-9;

bool is_moderate(const std::vector<double>& scale) {
  const auto [least, greatest] = std::minmax_element(scale.begin(), scale.end());
  return scale.empty() || *greatest <= widest_scaling * *least;
}

double largest_entry(const DenseView& matrix) {
  double largest = 0;
  for (Index i = 0; i < matrix.rows; ++i) {
    for (Index j = 0; j < matrix.cols; ++j) {
      largest = std::max(largest, std::abs(matrix.data[i * matrix.row_stride + j]));
    }
  }
  return largest;
}

// Calls visit(i, j, a_ij, a_ji) for i > j until it returns false; tells whether it never did.
template <typename Visit>
bool every_pair(const DenseView& matrix, const Visit& visit) {
  const double* a = matrix.data;
  const Index stride = matrix.row_stride;
  for (Index row = 0; row < matrix.rows; row += tile) {
    const Index row_end = std::min(matrix.rows, row + tile);
    for (Index col = 0; col <= row; col += tile) {
      for (Index i = row; i < row_end; ++i) {
        const Index col_end = std::min(i, col + tile);
        for (Index j = col; j < col_end; ++j) {
          if (!visit(i, j, a[i * stride + j], a[j * stride + i])) return false;
        }
      }
    }
  }
  return true;
}

// Sets d along a spanning forest; false if an edge has no counterpart of the same sign.
bool walk(const DenseView& matrix, double negligible, std::vector<double>& scale) {
  const auto n = static_cast<std::size_t>(matrix.rows);
  const auto stride = static_cast<std::size_t>(matrix.row_stride);
  scale.assign(n, 0.0);
  std::size_t unset = n;
  std::vector<std::size_t> queue;
  for (std::size_t start = 0; start < n && unset > 0; ++start) {
    if (scale[start] != 0.0) continue;
    scale[start] = 1.0;
    --unset;
    queue.assign(1, start);
    for (std::size_t next = 0; next < queue.size() && unset > 0; ++next) {
      const std::size_t row = queue[next];
      for (std::size_t column = 0; column < n; ++column) {
        if (scale[column] != 0.0) continue;
        const double forth = matrix.data[row * stride + column];
        if (std::abs(forth) <= negligible) continue;
        const double back = matrix.data[column * stride + row];
        if (!(forth * back > 0.0)) return false;
        scale[column] = scale[row] * (forth / back);
        queue.push_back(column);
        --unset;
      }
    }
  }
  return true;
}

}  // namespace

double entry_at(const SparseView& matrix, Index row, std::int32_t column) {
  const auto begin = matrix.indices.begin() + matrix.offsets[static_cast<std::size_t>(row)];
  const auto end = matrix.indices.begin() + matrix.offsets[static_cast<std::size_t>(row) + 1];
  const auto found = std::lower_bound(begin, end, column);
  if (found == end || *found != column) return 0.0;
  return matrix.values[static_cast<std::size_t>(found - matrix.indices.begin())];
}

std::optional<std::vector<double>> symmetrising_scale(const SparseView& matrix) {
  const auto n = static_cast<std::size_t>(matrix.rows);
  std::vector<double> scale(n, 0.0);
  std::vector<std::size_t> queue;
  for (std::size_t start = 0; start < n; ++start) {
    if (scale[start] != 0.0) continue;
    scale[start] = 1.0;
    queue.assign(1, start);
    while (!queue.empty()) {
      const std::size_t row = queue.back();
      queue.pop_back();
      for (Index k = matrix.offsets[row]; k < matrix.offsets[row + 1]; ++k) {
        const auto column = static_cast<std::size_t>(matrix.indices[static_cast<std::size_t>(k)]);
        const double forth = matrix.values[static_cast<std::size_t>(k)];
        if (column == row || forth == 0.0) continue;
        const double back =
            entry_at(matrix, static_cast<Index>(column), static_cast<std::int32_t>(row));
        if (!(forth * back > 0.0)) return std::nullopt;
        const double expected = scale[row] * (forth / back);
        if (scale[column] == 0.0) {
          scale[column] = expected;
          queue.push_back(column);
        } else if (std::abs(scale[column] - expected) > symmetry_tolerance * expected) {
          return std::nullopt;
        }
      }
    }
  }
  if (!is_moderate(scale)) return std::nullopt;
  return scale;
}

std::optional<std::vector<double>> symmetrising_scale(const DenseView& matrix) {
  std::vector<double> scale;
  if (!walk(matrix, edge_threshold * largest_entry(matrix), scale)) return std::nullopt;
  if (!is_moderate(scale)) return std::nullopt;
  std::vector<double> root(scale.size());
  std::transform(scale.begin(), scale.end(), root.begin(), [](double d) { return std::sqrt(d); });
  double largest = 0;
  double difference = 0;
  const bool plausible = every_pair(matrix, [&](Index i, Index j, double below, double above) {
    const double ratio = root[static_cast<std::size_t>(i)] / root[static_cast<std::size_t>(j)];
    below *= ratio;
    above /= ratio;
    largest = std::max(largest, std::abs(below));
    difference = std::max(difference, std::abs(below - above));
    // An entry that differs by its own size is no rounding; most matrices are refused here.
    return std::abs(below - above) <= 0.5 * std::abs(below) || std::abs(below) <= 0.5 * largest;
  });
  for (Index i = 0; i < matrix.rows; ++i) {
    largest = std::max(largest, std::abs(matrix.data[i * (matrix.row_stride + 1)]));
  }
  if (!plausible || !(difference <= symmetry_tolerance * largest)) return std::nullopt;
  return scale;
}

bool is_symmetric(const SparseView& matrix) {
  double largest = 0;
  for (const double value : matrix.values) largest = std::max(largest, std::abs(value));
  for (Index row = 0; row < matrix.rows; ++row) {
    for (Index k = matrix.offsets[static_cast<std::size_t>(row)];
         k < matrix.offsets[static_cast<std::size_t>(row) + 1]; ++k) {
      const auto at = static_cast<std::size_t>(k);
      const double back = entry_at(matrix, matrix.indices[at], static_cast<std::int32_t>(row));
      if (!(std::abs(matrix.values[at] - back) <= symmetry_tolerance * largest)) return false;
    }
  }
  return true;
}

bool is_symmetric(const DenseView& matrix) {
  const double bound = symmetry_tolerance * largest_entry(matrix);
  return every_pair(matrix, [&](Index, Index, double below, double above) {
    return std::abs(below - above) <= bound;
  });
}

void symmetrise(Index extent, std::span<const double> scale, double* matrix) {
  std::vector<double> root(scale.size());
  std::transform(scale.begin(), scale.end(), root.begin(), [](double d) { return std::sqrt(d); });
  const auto view = DenseView::row_major(matrix, extent, extent);
  every_pair(view, [&](Index i, Index j, double below, double above) {
    const double ratio = root[static_cast<std::size_t>(i)] / root[static_cast<std::size_t>(j)];
    const double mean = 0.5 * (below * ratio + above / ratio);
    matrix[i * extent + j] = mean;
    matrix[j * extent + i] = mean;
    return true;
  });
}

}  // namespace kronwerk::factors
