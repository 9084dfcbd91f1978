#include "models/ones/core_eigenvectors.hpp"

#include <algorithm>

#include "kronwerk/distribution/partition.hpp"
#include "kronwerk/factors/dense/dense_values.hpp"
#include "kronwerk/factors/dense/shared_dense.hpp"
#include "kronwerk/factors/spectra/bases.hpp"

namespace kronwerk::models {

using core::Index;

namespace {

/// Row-major V of a basis, once per node.
factors::FactorPtr stored_by_rows(const communication::Communicator& comm,
                                  const factors::Basis& basis) {
  const factors::Link& link = basis.from_basis.front();
  const Index n = basis.extent;
  const auto stored = factors::dense_values(*link.factor);
  if (basis.from_basis.size() == 1 && !link.transposed && !stored.empty()) return link.factor;
  return factors::make_shared_dense_by_rows(
      comm, "eigenvectors of the core", n, n, [&](Index first, Index rows, double* out) {
        factors::for_column_panels(basis.to_basis, first, first + rows,
                                   [&](Index, Index count, std::span<const double> panel) {
                                     // Columns of Vᵀ are rows of V, panel after panel.
                                     for (Index j = 0; j < count; ++j) {
                                       for (Index i = 0; i < n; ++i) {
                                         *out++ = panel[static_cast<std::size_t>(i * count + j)];
                                       }
                                     }
                                   });
      });
}

}  // namespace

CoreEigenvectors core_eigenvectors(const communication::Communicator& comm,
                                   const factors::FactorPtr& matrix) {
  const std::vector<factors::BasisRequest> requests{{factors::Chain{factors::Link{matrix}}}};
  const auto found = factors::find_bases(comm, requests);
  CoreEigenvectors result;
  communication::collectively(comm, [&] {
    if (!found.bases[0] || found.bases[0]->kind != factors::BasisKind::symmetric) {
      throw core::DataError("the covariance's terms with ones have no eigenvectors: " +
                            found.why_not[0]);
    }
    for (const auto& each : found.bases[0]->eigenvalues) {
      result.values.push_back(std::max(0.0, each.real()));
    }
  });
  result.vectors = stored_by_rows(comm, *found.bases[0]);
  return result;
}

}  // namespace kronwerk::models
