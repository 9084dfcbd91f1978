#include "basis_matrices.hpp"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "chains.hpp"
#include "kronwerk/communication/shared_matrix.hpp"
#include "kronwerk/distribution/partition.hpp"
#include "kronwerk/factors/dense_values.hpp"
#include "kronwerk/factors/make.hpp"

namespace kronwerk::models {

using communication::Communicator;
using factors::BasisPtr;
using factors::Chain;
using factors::ConstView;
using factors::View;

namespace {

constexpr Index panel_width = 128;

/// V and A of one mode, a few columns at a time.
class Panels {
 public:
  Panels(const factors::Basis& basis, const Chain& matrix)
      : n_(basis.extent), basis_(basis), matrix_({without_identities(matrix)}) {
    const Chain& from = basis.from_basis;
    if (from.size() == 1 && !from[0].inverse) values_ = factors::dense_values(*from[0].factor);
    stored_transposed_ = from[0].transposed;
    const auto size = static_cast<std::size_t>(n_ * panel_width);
    vectors_.resize(size);
    images_.resize(size);
  }

  const std::vector<double>& vectors() const { return vectors_; }
  const std::vector<double>& images() const { return images_; }

  /// Columns [first, first + count) of V and of AV, n x count.
  void load(Index first, Index count) {
    take_vectors(first, count);
    matrix_.apply(ConstView::contiguous(vectors_.data(), 1, n_, count),
                  View::contiguous(images_.data(), 1, n_, count));
  }

  /// Rows [row, n) of VᵀAV for the loaded columns, at `out` with leading dimension n.
  void project(Index row, Index count, double* out) const {
    if (values_.empty()) {
      project_by_chain(row, count, out);
      return;
    }
    const int n = core::narrow<int>(n_);
    const int rows = core::narrow<int>(n_ - row);
    const int columns = core::narrow<int>(count);
    if (stored_transposed_) {
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, columns, n, 1.0,
                  values_.data() + row * n_, n, images_.data(), columns, 0.0, out, n);
    } else {
      cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, rows, columns, n, 1.0,
                  values_.data() + row, n, images_.data(), columns, 0.0, out, n);
    }
  }

 private:
  void take_vectors(Index first, Index count) {
    if (values_.empty()) {
      factors::for_column_panels(basis_.from_basis, first, first + count,
                                 [&](Index column, Index width, std::span<const double> panel) {
                                   for (Index row = 0; row < n_; ++row) {
                                     std::copy_n(panel.data() + row * width, width,
                                                 vectors_.data() + row * count + column - first);
                                   }
                                 });
      return;
    }
    for (Index row = 0; row < n_ && !stored_transposed_; ++row) {
      std::copy_n(values_.data() + row * n_ + first, count, vectors_.data() + row * count);
    }
    for (Index column = 0; column < count && stored_transposed_; ++column) {
      const double* vector = values_.data() + (first + column) * n_;
      for (Index row = 0; row < n_; ++row) {
        vectors_[static_cast<std::size_t>(row * count + column)] = vector[row];
      }
    }
  }

  void project_by_chain(Index row, Index count, double* out) const {
    std::vector<double> all(static_cast<std::size_t>(n_ * count));
    const factors::LocalProduct to_basis({basis_.to_basis});
    to_basis.apply(ConstView::contiguous(images_.data(), 1, n_, count),
                   View::contiguous(all.data(), 1, n_, count));
    for (Index i = row; i < n_; ++i) {
      std::copy_n(all.data() + i * count, count, out + (i - row) * n_);
    }
  }

  Index n_;
  const factors::Basis& basis_;
  factors::LocalProduct matrix_;
  std::span<const double> values_;
  bool stored_transposed_ = false;
  std::vector<double> vectors_;
  std::vector<double> images_;
};

/// Panels are dealt out in turn, since in the lower triangle early ones are longer.
template <typename Work>
void for_panels(const Communicator& among, Index n, const Work& work) {
  Index number = 0;
  for (Index first = 0; first < n; first += panel_width, ++number) {
    if (number % among.size() == among.rank()) work(first, std::min(panel_width, n - first));
  }
}

std::vector<double> diagonal_of_projection(const Communicator& comm, const factors::Basis& basis,
                                           const Chain& matrix) {
  std::vector<double> result(static_cast<std::size_t>(basis.extent), 0.0);
  Panels panels(basis, matrix);
  for_panels(comm, basis.extent, [&](Index first, Index count) {
    panels.load(first, count);
    for (Index row = 0; row < basis.extent; ++row) {
      const double* v = panels.vectors().data() + row * count;
      const double* image = panels.images().data() + row * count;
      double* sums = result.data() + first;
      for (Index c = 0; c < count; ++c) sums[c] += v[c] * image[c];
    }
  });
  comm.sum(result);
  return result;
}

factors::FactorPtr full_projection(const Communicator& comm, const factors::Basis& basis,
                                   const Chain& matrix) {
  const Index n = basis.extent;
  communication::SharedDense dense;
  dense.rows = dense.cols = n;
  dense.values = communication::SharedArray<double>(comm, core::multiply(n, n));
  double* values = dense.values.mutable_span().data();
  Panels panels(basis, matrix);
  for_panels(comm.node(), n, [&](Index first, Index count) {
    panels.load(first, count);
    panels.project(first, count, values + first * n + first);
  });
  dense.values.publish();
  return factors::make_dense(name_of(matrix) + " in its basis", std::move(dense));
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
    if (entry->basis == basis && same(entry->matrix, matrix)) return entry.get();
  }
  return nullptr;
}

bool BasisMatrices::has(const BasisPtr& basis, const Chain& matrix, bool full) const {
  return std::ranges::any_of(entries_, [&](const auto& entry) {
    return entry->basis == basis && same(entry->matrix, matrix) && (!full || entry->full);
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
