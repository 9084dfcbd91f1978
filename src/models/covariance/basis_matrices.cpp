#include "models/covariance/basis_matrices.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "kronwerk/factors/dense/shared_dense.hpp"
#include "models/covariance/basis_panels.hpp"
#include "models/covariance/chains.hpp"

namespace kronwerk::models {

using communication::Communicator;
using factors::BasisPtr;
using factors::Chain;

namespace {

std::vector<double> diagonal_of_projection(const Communicator& comm, const factors::Basis& basis,
                                           const Chain& matrix) {
  std::vector<double> result(static_cast<std::size_t>(basis.extent), 0.0);
  communication::collectively(comm, [&] {
    BasisPanels panels(basis, matrix);
    for_basis_panels(comm, basis.extent, [&](Index first, Index count) {
      panels.add_squares(first, count, result.data() + first);
    });
  });
  comm.sum(result);
  return result;
}

factors::FactorPtr full_projection(const Communicator& comm, const factors::Basis& basis,
                                   const Chain& matrix) {
  const Index n = basis.extent;
  return factors::make_shared_dense(
      comm, name_of(matrix) + " in its basis", n, n, [&](std::span<double> values) {
        BasisPanels panels(basis, matrix);
        for_basis_panels(comm.node(), n, [&](Index first, Index count) {
          panels.load(first, count);
          panels.project(first, count, values.data() + first * n + first);
        });
      });
}

void check_fits(const factors::Basis& basis, const Chain& matrix) {
  if (factors::rows(matrix) == basis.extent && factors::cols(matrix) == basis.extent) return;
  throw core::ShapeError(fmt::format("a derivative's factor '{}' is {} x {} in a mode of {}",
                                     name_of(matrix), factors::rows(matrix), factors::cols(matrix),
                                     basis.extent));
}

}  // namespace

BasisMatrices::Entry* BasisMatrices::find(const BasisPtr& basis, const Chain& matrix) {
  for (const auto& entry : entries_) {
    if (entry->basis == basis && entry->matrix == matrix) return entry.get();
  }
  return nullptr;
}

bool BasisMatrices::has(const BasisPtr& basis, const Chain& matrix, bool full) const {
  return std::ranges::any_of(entries_, [&](const auto& entry) {
    return entry->basis == basis && entry->matrix == matrix && (!full || entry->full);
  });
}

const BasisMatrices::Entry& BasisMatrices::full(const Communicator& comm, const BasisPtr& basis,
                                                const Chain& matrix) {
  Entry* entry = find(basis, matrix);
  if (entry == nullptr) {
    entry = entries_.emplace_back(std::make_unique<Entry>(Entry{basis, matrix, {}, {}})).get();
  }
  entry->used = true;
  if (entry->full) return *entry;
  check_fits(*basis, matrix);
  factors::factorise(comm, factors::to_factorise(matrix));
  entry->full = full_projection(comm, *basis, matrix);
  entry->diagonal = entry->full->diagonal();
  return *entry;
}

const BasisMatrices::Entry& BasisMatrices::diagonal(const Communicator& comm, const BasisPtr& basis,
                                                    const Chain& matrix) {
  if (Entry* known = find(basis, matrix)) {
    known->used = true;
    return *known;
  }
  check_fits(*basis, matrix);
  factors::factorise(comm, factors::to_factorise(matrix));
  auto diagonal = diagonal_of_projection(comm, *basis, matrix);
  return *entries_.emplace_back(
      std::make_unique<Entry>(Entry{basis, matrix, std::move(diagonal), {}}));
}

void BasisMatrices::forget_unused() {
  std::erase_if(entries_, [](const auto& entry) { return !entry->used; });
  for (const auto& entry : entries_) entry->used = false;
}

}  // namespace kronwerk::models
