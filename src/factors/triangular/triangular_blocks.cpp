// Declared in factors/triangular/triangular.hpp.
// See src/MATHEMATICS.md, "Sparse factors".
#include <algorithm>
#include <array>
#include <limits>

#include "factors/triangular/triangular.hpp"

namespace kronwerk::factors {
namespace {

// Cycles of one block for a panel of four vectors, counted from the kernel: each row of the pattern
// takes 4*width multiply-adds forth and as many back, forth never less than its 4 stores take (two
// cycles each); a block costs its loop set-up and its mispredicted exits.
double block_cost(int width, std::size_t pattern_rows) {
  constexpr double set_up = 50, forth_floor = 8, row_overhead = 2;
  const double multiply_adds = 4.0 * width;
  const double per_row = std::max(multiply_adds, forth_floor) + multiply_adds + 2 * row_overhead;
  return set_up + per_row * static_cast<double>(pattern_rows) +
         4.0 * width * static_cast<double>(width - 1);
}

std::span<const std::int32_t> column_rows(const SparseView& columns, Index j) {
  const auto begin = static_cast<std::size_t>(columns.offsets[static_cast<std::size_t>(j)]);
  const auto end = static_cast<std::size_t>(columns.offsets[static_cast<std::size_t>(j) + 1]);
  return columns.indices.subspan(begin, end - begin);
}

// The rows below the block [first, first + width) in which any of its columns has an entry.
void merge_pattern(const SparseView& columns, Index first, int width,
                   std::vector<std::int32_t>& pattern) {
  std::vector<std::int32_t> merged;
  pattern.clear();
  for (Index j = first; j < first + width; ++j) {
    const auto rows = column_rows(columns, j);
    const auto below =
        std::lower_bound(rows.begin(), rows.end(), static_cast<std::int32_t>(first + width));
    merged.clear();
    std::set_union(pattern.begin(), pattern.end(), below, rows.end(), std::back_inserter(merged));
    pattern.swap(merged);
  }
}

// The width of the block that begins at each column, on the cheapest way from that column to the
// end.
std::vector<int> choose_widths(const SparseView& columns) {
  const Index n = columns.rows;
  std::vector<double> cost(static_cast<std::size_t>(n) + 1, 0.0);
  std::vector<int> width(static_cast<std::size_t>(n), 1);
  std::vector<std::int32_t> pattern;
  for (Index first = n - 1; first >= 0; --first) {
    double& best = cost[static_cast<std::size_t>(first)];
    best = std::numeric_limits<double>::infinity();
    for (int w = 1; w <= widest_block && first + w <= n; ++w) {
      merge_pattern(columns, first, w, pattern);
      const double total =
          block_cost(w, pattern.size()) + cost[static_cast<std::size_t>(first + w)];
      if (total < best) {
        best = total;
        width[static_cast<std::size_t>(first)] = w;
      }
    }
  }
  return width;
}

void append_block(const SparseView& columns, Index first, int width,
                  const std::vector<std::int32_t>& pattern, TriangularBlocks& result) {
  const auto triangle = static_cast<std::size_t>(width * (width - 1) / 2);
  const std::size_t base = result.values.size();
  result.blocks.push_back({static_cast<std::int32_t>(first), width,
                           static_cast<Index>(result.rows.size()), static_cast<Index>(base)});
  result.rows.insert(result.rows.end(), pattern.begin(), pattern.end());
  result.values.resize(base + triangle + pattern.size() * static_cast<std::size_t>(width), 0.0);
  for (int k = 0; k < width; ++k) {
    const auto rows = column_rows(columns, first + k);
    const auto offset =
        static_cast<std::size_t>(columns.offsets[static_cast<std::size_t>(first + k)]);
    auto place = pattern.begin();
    for (std::size_t entry = 0; entry < rows.size(); ++entry) {
      const double value = columns.values[offset + entry];
      const Index inside = rows[entry] - first;
      if (inside < width) {
        result.values[base + static_cast<std::size_t>(inside * (inside - 1) / 2 + k)] = value;
        continue;
      }
      place = std::lower_bound(place, pattern.end(), rows[entry]);
      const auto row = static_cast<std::size_t>(place - pattern.begin());
      result.values[base + triangle + row * static_cast<std::size_t>(width) +
                    static_cast<std::size_t>(k)] = value;
    }
  }
}

}  // namespace

TriangularBlocks make_triangular_blocks(const SparseView& columns) {
  TriangularBlocks result;
  result.extent = columns.rows;
  const std::vector<int> width = choose_widths(columns);
  std::vector<std::int32_t> pattern;
  for (Index first = 0; first < columns.rows; first += width[static_cast<std::size_t>(first)]) {
    const int block_width = width[static_cast<std::size_t>(first)];
    merge_pattern(columns, first, block_width, pattern);
    append_block(columns, first, block_width, pattern, result);
  }
  return result;
}

}  // namespace kronwerk::factors
