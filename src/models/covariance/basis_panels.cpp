#include "models/covariance/basis_panels.hpp"

#include <cblas.h>

#include "kronwerk/factors/dense/dense_values.hpp"
#include "models/covariance/chains.hpp"

namespace kronwerk::models {

using factors::Chain;
using factors::ConstView;
using factors::View;

BasisPanels::BasisPanels(const factors::Basis& basis, const Chain& matrix)
    : n_(basis.extent),
      rows_(factors::rows(matrix)),
      basis_(basis),
      matrix_({without_identities(matrix)}) {
  const Chain links = without_identities(matrix);
  if (links.size() == 1 && !links[0].inverse) entries_ = factors::dense_values(*links[0].factor);
  const Chain& from = basis.from_basis;
  if (from.size() == 1 && !from[0].inverse) values_ = factors::dense_values(*from[0].factor);
  stored_transposed_ = from[0].transposed;
  vectors_.resize(static_cast<std::size_t>(n_ * width));
  images_.resize(static_cast<std::size_t>(rows_ * width));
}

void BasisPanels::load(Index first, Index count) {
  take_vectors(first, count);
  matrix_.apply(ConstView::contiguous(vectors_.data(), 1, n_, count),
                View::contiguous(images_.data(), 1, rows_, count));
}

void BasisPanels::add_squares(Index first, Index count, double* squares) {
  if (entries_.empty()) {
    load(first, count);
  } else {
    take_vectors(first, count);
    take_lower_images(count);
  }
  for (Index row = 0; row < n_; ++row) {
    const double* vectors = vectors_.data() + row * count;
    const double* images = images_.data() + row * count;
    for (Index c = 0; c < count; ++c) squares[c] += vectors[c] * images[c];
  }
}

/// (2 L + D) V for the blocks L below the diagonal of A and those on it, D: vᵀ(2 L + D)v = vᵀAv.
void BasisPanels::take_lower_images(Index count) {
  constexpr Index block = 256;
  const int n = core::narrow<int>(n_);
  const int columns = core::narrow<int>(count);
  const auto multiply = [&](Index row, int rows, Index from, int inner, double scale, double keep) {
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, columns, inner, scale,
                entries_.data() + row * n_ + from, n, vectors_.data() + from * count, columns, keep,
                images_.data() + row * count, columns);
  };
  for (Index begin = 0; begin < n_; begin += block) {
    const int rows = core::narrow<int>(std::min(block, n_ - begin));
    multiply(begin, rows, begin, rows, 1, 0);
    if (begin > 0) multiply(begin, rows, 0, core::narrow<int>(begin), 2, 1);
  }
}

void BasisPanels::project(Index row, Index count, double* out) const {
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

void BasisPanels::take_vectors(Index first, Index count) {
  if (values_.empty()) {
    factors::for_column_panels(basis_.from_basis, first, first + count,
                               [&](Index column, Index some, std::span<const double> panel) {
                                 for (Index row = 0; row < n_; ++row) {
                                   std::copy_n(panel.data() + row * some, some,
                                               vectors_.data() + row * count + column - first);
                                 }
                               });
    return;
  }
  for (Index row = 0; row < n_ && !stored_transposed_; ++row) {
    std::copy_n(values_.data() + row * n_ + first, count, vectors_.data() + row * count);
  }
  // In blocks of rows that stay in the cache while all columns are written.
  constexpr Index block = 32;
  for (Index begin = 0; begin < n_ && stored_transposed_; begin += block) {
    const Index end = std::min(begin + block, n_);
    for (Index column = 0; column < count; ++column) {
      const double* vector = values_.data() + (first + column) * n_;
      double* target = vectors_.data() + column;
      for (Index row = begin; row < end; ++row) target[row * count] = vector[row];
    }
  }
}

void BasisPanels::project_by_chain(Index row, Index count, double* out) const {
  std::vector<double> all(static_cast<std::size_t>(n_ * count));
  const factors::LocalProduct to_basis({basis_.to_basis});
  to_basis.apply(ConstView::contiguous(images_.data(), 1, n_, count),
                 View::contiguous(all.data(), 1, n_, count));
  for (Index i = row; i < n_; ++i) {
    std::copy_n(all.data() + i * count, count, out + (i - row) * n_);
  }
}

}  // namespace kronwerk::models
