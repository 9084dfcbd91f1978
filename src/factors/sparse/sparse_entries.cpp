#include "kronwerk/factors/sparse/sparse_entries.hpp"

#include "factors/sparse/sparse_factor.hpp"

namespace kronwerk::factors {
namespace {

StoredEntries on_diagonal(std::vector<double> values, Index rows) {
  StoredEntries result;
  for (Index i = 0; i < rows; ++i) {
    if (i < static_cast<Index>(values.size())) result.columns.push_back(i);
    result.offsets.push_back(static_cast<Index>(result.columns.size()));
  }
  result.values = std::move(values);
  return result;
}

StoredEntries entries_of(const SparseView& matrix) {
  return {{matrix.offsets.begin(), matrix.offsets.end()},
          {matrix.indices.begin(), matrix.indices.end()},
          {matrix.values.begin(), matrix.values.end()}};
}

}  // namespace

std::optional<StoredEntries> stored_entries(const Chain& chain) {
  if (chain.size() != 1 || chain.front().inverse) return std::nullopt;
  const Link& link = chain.front();
  const Factor& factor = *link.factor;
  switch (factor.kind()) {
    case Kind::identity:
      return on_diagonal(std::vector<double>(static_cast<std::size_t>(factor.rows()), 1.0),
                         factor.rows());
    case Kind::diagonal:
      return on_diagonal(factor.diagonal(), link.rows());
    case Kind::sparse: {
      const auto* sparse = dynamic_cast<const SparseFactor*>(&factor);
      if (sparse == nullptr) return std::nullopt;
      if (!link.transposed) return entries_of(sparse->view());
      const SparseArrays transposed = transpose(sparse->view());
      return entries_of(transposed.view());
    }
    case Kind::dense:
    case Kind::kernel:
    case Kind::rank_one:
      break;
  }
  return std::nullopt;
}

}  // namespace kronwerk::factors
