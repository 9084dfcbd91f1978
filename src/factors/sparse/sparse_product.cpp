#include "factors/sparse/sparse_product.hpp"

#include <algorithm>

#include "factors/sparse/sparse_factor.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::factors {
namespace {

/// One row of a result in the making: a dense accumulator with the list of its used places.
class RowAccumulator {
 public:
  explicit RowAccumulator(Index cols)
      : values_(static_cast<std::size_t>(cols), 0.0),
        used_(static_cast<std::size_t>(cols), false) {}

  void add(const SparseView& matrix, Index row, double scale) {
    for (Index k = matrix.offsets[static_cast<std::size_t>(row)];
         k < matrix.offsets[static_cast<std::size_t>(row) + 1]; ++k) {
      const std::int32_t column = matrix.indices[static_cast<std::size_t>(k)];
      const auto place = static_cast<std::size_t>(column);
      if (!used_[place]) columns_.push_back(column);
      used_[place] = true;
      values_[place] += scale * matrix.values[static_cast<std::size_t>(k)];
    }
  }

  // Appends the row to `result` and empties the accumulator.
  void finish(SparseArrays& result) {
    std::sort(columns_.begin(), columns_.end());
    for (const std::int32_t column : columns_) {
      const auto place = static_cast<std::size_t>(column);
      result.indices.push_back(column);
      result.values.push_back(values_[place]);
      values_[place] = 0.0;
      used_[place] = false;
    }
    columns_.clear();
    result.offsets.push_back(static_cast<Index>(result.indices.size()));
  }

 private:
  std::vector<double> values_;
  std::vector<bool> used_;
  std::vector<std::int32_t> columns_;
};

}  // namespace

SparseArrays to_sparse(const Factor& factor) {
  SparseArrays result;
  result.rows = factor.rows();
  result.cols = factor.cols();
  if (const auto* sparse = dynamic_cast<const SparseFactor*>(&factor)) {
    const SparseView view = sparse->view();
    result.offsets.assign(view.offsets.begin(), view.offsets.end());
    result.indices.assign(view.indices.begin(), view.indices.end());
    result.values.assign(view.values.begin(), view.values.end());
    return result;
  }
  if (factor.kind() != Kind::identity && factor.kind() != Kind::diagonal) {
    throw core::InternalError("the factor '" + factor.name() + "' has no sparse form");
  }
  result.values = factor.diagonal();
  for (Index i = 0; i < factor.rows(); ++i) {
    result.indices.push_back(static_cast<std::int32_t>(i));
    result.offsets.push_back(i + 1);
  }
  return result;
}

SparseArrays add(std::span<const std::pair<double, SparseArrays>> terms) {
  SparseArrays result;
  result.rows = terms[0].second.rows;
  result.cols = terms[0].second.cols;
  RowAccumulator accumulator(result.cols);
  for (Index row = 0; row < result.rows; ++row) {
    for (const auto& [coefficient, matrix] : terms) {
      accumulator.add(matrix.view(), row, coefficient);
    }
    accumulator.finish(result);
  }
  return result;
}

SparseArrays multiply(const SparseView& a, const SparseView& b) {
  SparseArrays result;
  result.rows = a.rows;
  result.cols = b.cols;
  RowAccumulator accumulator(result.cols);
  for (Index row = 0; row < a.rows; ++row) {
    for (Index k = a.offsets[static_cast<std::size_t>(row)];
         k < a.offsets[static_cast<std::size_t>(row) + 1]; ++k) {
      accumulator.add(b, a.indices[static_cast<std::size_t>(k)],
                      a.values[static_cast<std::size_t>(k)]);
    }
    accumulator.finish(result);
  }
  return result;
}

void add_to_dense(const SparseView& matrix, std::span<double> out) {
  for (std::size_t row = 0; row < static_cast<std::size_t>(matrix.rows); ++row) {
    for (Index k = matrix.offsets[row]; k < matrix.offsets[row + 1]; ++k) {
      const auto entry = static_cast<std::size_t>(k);
      out[row * static_cast<std::size_t>(matrix.cols) +
          static_cast<std::size_t>(matrix.indices[entry])] += matrix.values[entry];
    }
  }
}

}  // namespace kronwerk::factors
