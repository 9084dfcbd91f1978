// Bounds of real spectra and what analyse_symmetry() makes of them.
#include "factors/spectra/symmetry.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "factors/base/lapack.hpp"
#include "factors/dense/dense_factor.hpp"
#include "factors/simple/kernel_factor.hpp"
#include "factors/sparse/sparse_decomposition.hpp"
#include "factors/sparse/sparse_factor.hpp"
#include "factors/sparse/sparse_product.hpp"
#include "factors/spectra/eigen_local.hpp"
#include "kronwerk/distribution/node_map.hpp"
#include "kronwerk/factors/spectra/bases.hpp"

namespace kronwerk::factors {
namespace {

// Up to the first extent eigenvalues cost less than a millisecond per 100; up to the others a
// Cholesky factorisation decides about definiteness where Gershgorin's discs do not.
constexpr Index exact_extent = 300;
constexpr Index dense_definite_extent = 4096;
constexpr Index sparse_definite_extent = 20000;

template <typename Visit>
void every_entry(const DenseView& matrix, const Visit& visit) {
  for (Index i = 0; i < matrix.rows; ++i) {
    for (Index j = 0; j < matrix.cols; ++j) visit(i, j, matrix.data[i * matrix.row_stride + j]);
  }
}

template <typename Visit>
void every_entry(const SparseView& matrix, const Visit& visit) {
  for (Index i = 0; i < matrix.rows; ++i) {
    for (Index k = matrix.offsets[static_cast<std::size_t>(i)];
         k < matrix.offsets[static_cast<std::size_t>(i) + 1]; ++k) {
      visit(i, Index{matrix.indices[static_cast<std::size_t>(k)]},
            matrix.values[static_cast<std::size_t>(k)]);
    }
  }
}

template <typename Matrix>
Interval discs(const Matrix& matrix, std::span<const double> scale) {
  const auto n = static_cast<std::size_t>(matrix.rows);
  std::vector<double> root(n);
  for (std::size_t i = 0; i < n; ++i) root[i] = std::sqrt(scale[i]);
  std::vector<double> centre(n), by_row(n), by_column(n), scaled(n);
  every_entry(matrix, [&](Index row, Index column, double value) {
    const auto i = static_cast<std::size_t>(row);
    const auto j = static_cast<std::size_t>(column);
    if (i == j) {
      centre[i] = value;
      return;
    }
    by_row[i] += std::abs(value);
    by_column[j] += std::abs(value);
    scaled[i] += std::abs(value) * (root[i] / root[j]);
  });
  Interval result{-std::numeric_limits<double>::infinity(),
                  std::numeric_limits<double>::infinity()};
  for (const std::vector<double>* radius : {&by_row, &by_column, &scaled}) {
    Interval discs{std::numeric_limits<double>::infinity(),
                   -std::numeric_limits<double>::infinity()};
    for (std::size_t i = 0; i < n; ++i) {
      discs.least = std::min(discs.least, centre[i] - (*radius)[i]);
      discs.greatest = std::max(discs.greatest, centre[i] + (*radius)[i]);
    }
    result.least = std::max(result.least, discs.least);
    result.greatest = std::min(result.greatest, discs.greatest);
  }
  return n == 0 ? Interval{} : result;
}

// The least of the 1- and infinity-norms: no eigenvalue is larger.
template <typename Matrix>
double norm_bound(const Matrix& matrix) {
  std::vector<double> rows(static_cast<std::size_t>(matrix.rows));
  std::vector<double> columns(static_cast<std::size_t>(matrix.cols));
  every_entry(matrix, [&](Index i, Index j, double value) {
    rows[static_cast<std::size_t>(i)] += std::abs(value);
    columns[static_cast<std::size_t>(j)] += std::abs(value);
  });
  if (rows.empty() || columns.empty()) return 0;
  return std::min(*std::max_element(rows.begin(), rows.end()),
                  *std::max_element(columns.begin(), columns.end()));
}

template <typename Matrix>
std::vector<double> symmetrised(const Matrix& matrix, std::span<const double> scale) {
  std::vector<double> result(static_cast<std::size_t>(core::multiply(matrix.rows, matrix.rows)));
  every_entry(matrix, [&](Index i, Index j, double value) {
    result[static_cast<std::size_t>(i * matrix.rows + j)] = value;
  });
  symmetrise(matrix.rows, scale, result.data());
  return result;
}

// Narrows the interval by all eigenvalues, or decides whether it lies right of zero.
template <typename Matrix>
void refine(const Matrix& matrix, std::span<const double> scale, Index definite_extent,
            Interval& interval) {
  const Index n = matrix.rows;
  if (n == 0) return;
  const double norm = std::max(std::abs(interval.least), std::abs(interval.greatest));
  const double rounding =
      4 * static_cast<double>(n) * std::numeric_limits<double>::epsilon() * norm;
  if (n <= exact_extent) {
    std::vector<double> dense = symmetrised(matrix, scale);
    std::vector<double> eigenvalues(static_cast<std::size_t>(n));
    symmetric_eigenvalues(n, dense.data(), eigenvalues.data());
    interval.least = std::max(interval.least, eigenvalues.front() - rounding);
    interval.greatest = std::min(interval.greatest, eigenvalues.back() + rounding);
    return;
  }
  const bool undecided = interval.least <= 0 && interval.greatest > 0;
  if (undecided && n <= definite_extent && is_definite(matrix, scale, 2 * rounding)) {
    interval.least = rounding;
  }
}

template <typename Matrix>
Symmetry analyse(const Matrix& matrix, SymmetryDetail detail, Index definite_extent) {
  Symmetry result;
  if (matrix.rows == matrix.cols) {
    result.symmetric = is_symmetric(matrix);
    if (result.symmetric) {
      result.scale.assign(static_cast<std::size_t>(matrix.rows), 1.0);
    } else if (auto scale = symmetrising_scale(matrix)) {
      result.scale = std::move(*scale);
    }
  }
  if (detail == SymmetryDetail::scale) return result;
  result.bounded = true;
  if (result.scale.empty()) {
    result.greatest = norm_bound(matrix);
    result.least = -result.greatest;
    return result;
  }
  Interval interval = gershgorin(matrix, result.scale);
  refine(matrix, result.scale, definite_extent, interval);
  result.least = interval.least;
  result.greatest = interval.greatest;
  return result;
}

Symmetry analyse(const Factor& factor, SymmetryDetail detail) {
  if (factor.kind() == Kind::sparse) {
    return analyse(static_cast<const SparseFactor&>(factor).view(), detail, sparse_definite_extent);
  }
  if (factor.kind() == Kind::dense) {
    return analyse(static_cast<const DenseFactor&>(factor).view(), detail, dense_definite_extent);
  }
  const std::vector<double> copy = dense_copy(factor);
  return analyse(DenseView::row_major(copy.data(), factor.rows(), factor.cols()), detail,
                 dense_definite_extent);
}

Symmetry of_diagonal(const std::vector<double>& values) {
  Symmetry result;
  result.symmetric = true;
  result.bounded = true;
  result.scale.assign(values.size(), 1.0);
  if (values.empty()) return result;
  const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
  result.least = *least;
  result.greatest = *greatest;
  return result;
}

// Gives every rank what the owners have found; the others' entries are empty. Collective.
void share(const communication::Communicator& comm, std::vector<Symmetry>& found) {
  std::vector<double> summaries;
  for (const Symmetry& symmetry : found) {
    summaries.insert(summaries.end(),
                     {symmetry.symmetric ? 1.0 : 0.0, static_cast<double>(symmetry.scale.size()),
                      symmetry.least, symmetry.greatest, symmetry.bounded ? 1.0 : 0.0});
  }
  comm.sum(std::span(summaries));
  std::vector<double> scales;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double* summary = summaries.data() + 5 * i;
    found[i].symmetric = summary[0] != 0;
    found[i].least = summary[2];
    found[i].greatest = summary[3];
    found[i].bounded = summary[4] != 0;
    found[i].scale.resize(static_cast<std::size_t>(summary[1]));
    scales.insert(scales.end(), found[i].scale.begin(), found[i].scale.end());
  }
  comm.sum(std::span(scales));
  auto next = scales.begin();
  for (Symmetry& symmetry : found) {
    const auto end = next + std::ssize(symmetry.scale);
    symmetry.scale.assign(next, end);
    next = end;
  }
}

}  // namespace

/// The one friend of Factor beside factorise()'s.
class SymmetryAccess {
 public:
  static void attach(const Factor& factor, Symmetry symmetry) {
    factor.symmetry_ = std::make_shared<const Symmetry>(std::move(symmetry));
  }
};

void analyse_symmetry(const communication::Communicator& comm, std::span<const FactorPtr> factors,
                      SymmetryDetail detail) {
  std::vector<const Factor*> pending;
  for (const FactorPtr& factor : factors) {
    const Symmetry* known = factor->symmetry();
    if (known != nullptr && (known->bounded || detail == SymmetryDetail::scale)) continue;
    if (factor->kind() == Kind::identity || factor->kind() == Kind::diagonal) {
      SymmetryAccess::attach(*factor, of_diagonal(factor->diagonal()));
    } else if (std::ranges::find(pending, factor.get()) == pending.end()) {
      pending.push_back(factor.get());
    }
  }
  if (pending.empty()) return;
  // One rank decides, so that no rounding of a different processor can make ranks disagree.
  const auto owners = comm.nodes().by_turns();
  std::vector<Symmetry> found(pending.size());
  communication::collectively(comm, [&] {
    for (std::size_t i = 0; i < pending.size(); ++i) {
      if (owners[i % owners.size()] == comm.rank()) found[i] = analyse(*pending[i], detail);
    }
  });
  share(comm, found);
  for (std::size_t i = 0; i < pending.size(); ++i) {
    SymmetryAccess::attach(*pending[i], std::move(found[i]));
  }
}

const Symmetry& find_symmetry(const communication::Communicator& comm, const FactorPtr& factor) {
  analyse_symmetry(comm, std::span(&factor, 1), SymmetryDetail::bounds);
  return *factor->symmetry();
}

Interval gershgorin(const SparseView& matrix, std::span<const double> scale) {
  return discs(matrix, scale);
}

Interval gershgorin(const DenseView& matrix, std::span<const double> scale) {
  return discs(matrix, scale);
}

bool is_definite(const SparseView& matrix, std::span<const double>, double shift) {
  SparseArrays shifted;
  shifted.rows = shifted.cols = matrix.rows;
  shifted.offsets.assign(matrix.offsets.begin(), matrix.offsets.end());
  shifted.indices.assign(matrix.indices.begin(), matrix.indices.end());
  shifted.values.assign(matrix.values.begin(), matrix.values.end());
  Index on_diagonal = 0;
  std::size_t at = 0;
  every_entry(matrix, [&](Index i, Index j, double) {
    if (i == j) {
      shifted.values[at] -= shift;
      ++on_diagonal;
    }
    ++at;
  });
  return on_diagonal == matrix.rows && sparse_cholesky(shifted.view()).has_value();
}

bool is_definite(const DenseView& matrix, std::span<const double> scale, double shift) {
  for (Index i = 0; i < matrix.rows; ++i) {
    if (!(matrix.data[i * (matrix.row_stride + 1)] > shift)) return false;
  }
  std::vector<double> dense = symmetrised(matrix, scale);
  for (Index i = 0; i < matrix.rows; ++i) {
    dense[static_cast<std::size_t>(i * (matrix.rows + 1))] -= shift;
  }
  const int n = core::narrow<int>(matrix.rows);
  int info = 0;
  dpotrf_("U", &n, dense.data(), &n, &info, 1);
  return info == 0;
}

}  // namespace kronwerk::factors
