#include "factors/sparse/sparse_arrays.hpp"

#include <algorithm>
#include <cmath>

namespace kronwerk::factors {

SparseArrays transpose(const SparseView& matrix) {
  SparseArrays result;
  result.rows = matrix.cols;
  result.cols = matrix.rows;
  result.offsets.assign(static_cast<std::size_t>(matrix.cols) + 1, 0);
  result.indices.resize(matrix.indices.size());
  result.values.resize(matrix.values.size());
  for (const std::int32_t column : matrix.indices) {
    ++result.offsets[static_cast<std::size_t>(column) + 1];
  }
  for (std::size_t j = 1; j < result.offsets.size(); ++j)
    result.offsets[j] += result.offsets[j - 1];
  std::vector<Index> next(result.offsets.begin(), result.offsets.end() - 1);
  for (Index row = 0; row < matrix.rows; ++row) {
    const auto begin = static_cast<std::size_t>(matrix.offsets[static_cast<std::size_t>(row)]);
    const auto end = static_cast<std::size_t>(matrix.offsets[static_cast<std::size_t>(row) + 1]);
    for (std::size_t entry = begin; entry < end; ++entry) {
      const auto target =
          static_cast<std::size_t>(next[static_cast<std::size_t>(matrix.indices[entry])]++);
      result.indices[target] = static_cast<std::int32_t>(row);
      result.values[target] = matrix.values[entry];
    }
  }
  return result;
}

double one_norm(const SparseView& matrix) {
  std::vector<double> sums(static_cast<std::size_t>(matrix.cols), 0.0);
  for (std::size_t entry = 0; entry < matrix.indices.size(); ++entry) {
    sums[static_cast<std::size_t>(matrix.indices[entry])] += std::abs(matrix.values[entry]);
  }
  return sums.empty() ? 0.0 : *std::max_element(sums.begin(), sums.end());
}

}  // namespace kronwerk::factors
