#include "kronwerk/factors/sparse/sparse_cholesky_factor.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "factors/base/node_leaders.hpp"
#include "factors/sparse/sparse_decomposition.hpp"
#include "factors/sparse/sparse_factor.hpp"
#include "factors/spectra/symmetry.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/factors/base/make.hpp"

namespace kronwerk::factors {

using communication::Communicator;
using communication::SharedArray;

namespace {

/// Row i is row position[i] of L D^½.
SparseArrays rows_in_order(const SparseDecomposition& decomposition) {
  const SparseArrays& columns = decomposition.lower;  // column by column
  const auto n = static_cast<std::size_t>(columns.rows);
  SparseArrays whole;
  whole.rows = whole.cols = columns.rows;
  for (std::size_t j = 0; j < n; ++j) {
    const double root = std::sqrt(decomposition.pivots[j]);
    whole.indices.push_back(static_cast<std::int32_t>(j));
    whole.values.push_back(root);
    for (Index k = columns.offsets[j]; k < columns.offsets[j + 1]; ++k) {
      whole.indices.push_back(columns.indices[static_cast<std::size_t>(k)]);
      whole.values.push_back(root * columns.values[static_cast<std::size_t>(k)]);
    }
    whole.offsets.push_back(static_cast<Index>(whole.indices.size()));
  }
  const SparseArrays lower = transpose(whole.view());
  SparseArrays result;
  result.rows = result.cols = columns.rows;
  for (std::size_t i = 0; i < n; ++i) {
    const auto row = static_cast<std::size_t>(decomposition.row_position[i]);
    const auto begin = lower.offsets[row], end = lower.offsets[row + 1];
    result.indices.insert(result.indices.end(), lower.indices.begin() + begin,
                          lower.indices.begin() + end);
    result.values.insert(result.values.end(), lower.values.begin() + begin,
                         lower.values.begin() + end);
    result.offsets.push_back(static_cast<Index>(result.indices.size()));
  }
  return result;
}

/// What the first rank has, once per node.
template <typename T>
SharedArray<T> share(const Communicator& comm, const NodeLeaders& leaders,
                     const std::vector<T>& values, Index count) {
  SharedArray<T> shared(comm, count);
  if (comm.is_root()) std::copy(values.begin(), values.end(), shared.mutable_span().begin());
  shared.publish();
  if (leaders.several_nodes() && count > 0) {
    leaders.broadcast(std::as_writable_bytes(shared.mutable_span()), 0);
    shared.publish();
  }
  return shared;
}

}  // namespace

SparseCholesky sparse_cholesky(const Communicator& comm, const FactorPtr& matrix) {
  if (matrix->rows() != matrix->cols() || matrix->kind() != Kind::sparse) {
    throw core::InternalError("a sparse Cholesky factor of what is not square and sparse");
  }
  SparseArrays arrays;
  std::array<double, 6> facts{};  // symmetric, definite, log|A|, pivots, entries
  communication::on_root(comm, [&] {
    const SparseView view = static_cast<const SparseFactor&>(*matrix).view();
    facts[0] = is_symmetric(view) ? 1 : 0;
    const auto decomposition = facts[0] != 0 ? sparse_cholesky(view) : std::nullopt;
    if (!decomposition) return;
    arrays = rows_in_order(*decomposition);
    const auto& pivots = decomposition->pivots;
    facts = {1,
             1,
             decomposition->log_abs_determinant,
             *std::ranges::min_element(pivots),
             *std::ranges::max_element(pivots),
             static_cast<double>(arrays.values.size())};
  });
  comm.broadcast(std::span<double>(facts));
  SparseCholesky result{nullptr, facts[0] != 0, facts[2], facts[3], facts[4]};
  if (facts[1] == 0) return result;
  const NodeLeaders leaders(comm);
  const auto entries = static_cast<Index>(facts[5]);
  communication::SharedSparse shared;
  shared.rows = shared.cols = matrix->rows();
  shared.row_offsets = share(comm, leaders, arrays.offsets, matrix->rows() + 1);
  shared.column_indices = share(comm, leaders, arrays.indices, entries);
  shared.values = share(comm, leaders, arrays.values, entries);
  result.factor = make_sparse("Cholesky factor of " + matrix->name(), std::move(shared));
  return result;
}

}  // namespace kronwerk::factors
