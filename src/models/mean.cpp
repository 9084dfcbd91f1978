// Means of products of per-mode vectors, by generalised least squares.
#include "mean.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kronwerk/distribution/partition.hpp"
#include "lapack.hpp"

namespace kronwerk::models {

using factors::ConstView;
using factors::View;

namespace {

/// ⊗ of products of the lists of two columns.
GridTerm product_of(const std::vector<std::vector<double>>& a,
                    const std::vector<std::vector<double>>& b) {
  GridTerm term{1, a};
  for (std::size_t mode = 0; mode < a.size(); ++mode) {
    for (std::size_t i = 0; i < a[mode].size(); ++i) term.lists[mode][i] *= b[mode][i];
  }
  return term;
}

/// Σ numerator / e over the grid, this rank's part.
double local_ratio(const communication::Communicator& comm, const GridValues& numerator,
                   const GridValues& eigenvalues) {
  const distribution::BlockPartition part(eigenvalues.size(), comm.size());
  double top[GridValues::run_length];
  double sum = 0;
  eigenvalues.for_runs(part.begin(comm.rank()), part.count(comm.rank()),
                       [&](const double* e, Index offset, Index count) {
                         numerator.evaluate(part.begin(comm.rank()) + offset, count, top);
                         double partial = 0;
                         for (Index i = 0; i < count; ++i) partial += top[i] / e[i];
                         sum += partial;
                       });
  return sum;
}

/// Replaces a symmetric positive definite matrix by its inverse; false if it is singular.
bool invert(std::vector<double>& matrix, std::size_t size) {
  const int n = static_cast<int>(size);
  int info = 0;
  std::vector<double> diagonal;
  for (std::size_t i = 0; i < size; ++i) diagonal.push_back(matrix[i * (size + 1)]);
  dpotrf_("U", &n, matrix.data(), &n, &info, 1);
  if (info != 0) return false;
  for (std::size_t i = 0; i < size; ++i) {
    const double pivot = matrix[i * (size + 1)];
    const double rounding = 64 * static_cast<double>(size) * std::numeric_limits<double>::epsilon();
    if (pivot * pivot <= rounding * diagonal[i]) return false;
  }
  dpotri_("U", &n, matrix.data(), &n, &info, 1);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = i + 1; j < size; ++j) matrix[i * size + j] = matrix[j * size + i];
  }
  return info == 0;
}

/// x̃ᵀ diag(1/e) (ỹ − known mean) of every estimated column, this rank's part.
std::vector<double> right_sides(const Covariance& covariance, const GridValues& eigenvalues,
                                const std::vector<std::size_t>& estimated,
                                const ProjectedColumns& columns, const GridValues& known,
                                Index first, std::span<const double> projected) {
  std::vector<GridValues> values;
  for (const std::size_t c : estimated) {
    values.emplace_back(covariance.extents(), std::vector<GridTerm>{{1, columns[c]}});
  }
  std::vector<double> result(estimated.size(), 0.0);
  double weighted[GridValues::run_length];
  double column[GridValues::run_length];
  eigenvalues.for_runs(first, std::ssize(projected),
                       [&](const double* e, Index offset, Index count) {
                         const Index place = (first + offset) % covariance.size();
                         const double* y = projected.data() + offset;
                         known.evaluate(place, count, weighted);
                         for (Index i = 0; i < count; ++i)
                           weighted[i] = (y[i] - weighted[i]) / e[i];
                         for (std::size_t c = 0; c < estimated.size(); ++c) {
                           values[c].evaluate(place, count, column);
                           double sum = 0;
                           for (Index i = 0; i < count; ++i) sum += column[i] * weighted[i];
                           result[c] += sum;
                         }
                       });
  return result;
}

}  // namespace

void check_columns(const Extents& extents, const std::vector<MeanColumn>& columns) {
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const auto& vectors = columns[c].vectors;
    if (vectors.size() != extents.size()) {
      throw core::ShapeError(
          fmt::format("column {} of the mean has {} vectors; the grid {} takes one per mode", c + 1,
                      vectors.size(), core::to_text(extents)));
    }
    for (std::size_t mode = 0; mode < extents.size(); ++mode) {
      if (vectors[mode].empty() || std::ssize(vectors[mode]) == extents[mode]) continue;
      throw core::ShapeError(
          fmt::format("column {} of the mean has {} values in mode {}, whose extent is {}", c + 1,
                      vectors[mode].size(), mode + 1, extents[mode]));
    }
  }
}

ProjectedColumns project(const Covariance& covariance, const std::vector<MeanColumn>& columns) {
  ProjectedColumns result;
  for (const MeanColumn& column : columns) {
    auto& lists = result.emplace_back();
    for (std::size_t mode = 0; mode < column.vectors.size(); ++mode) {
      const Index n = covariance.extents()[mode];
      std::vector<double> x = column.vectors[mode];
      if (x.empty()) x.assign(static_cast<std::size_t>(n), 1.0);
      std::vector<double> y(x.size());
      const factors::LocalProduct to_basis({covariance.spectrum().bases[mode]->to_basis});
      to_basis.apply(ConstView::contiguous(x.data(), 1, n, 1), View::contiguous(y.data(), 1, n, 1));
      lists.push_back(std::move(y));
    }
  }
  return result;
}

MeanEstimate estimate_mean(const Covariance& covariance, const GridValues& eigenvalues,
                           const std::vector<MeanColumn>& columns,
                           const ProjectedColumns& projected_columns, Index observations,
                           std::span<const double> projected) {
  const auto& comm = covariance.comm();
  MeanEstimate result;
  std::vector<std::size_t> estimated;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    result.coefficients.push_back(columns[c].coefficient.value_or(0));
    if (!columns[c].coefficient) estimated.push_back(c);
  }
  if (estimated.empty()) return result;

  const std::size_t size = estimated.size();
  const GridValues known(covariance.extents(), mean_terms(projected_columns, result.coefficients));
  const Index first = covariance.layout(observations).home_begin(comm.rank());
  std::vector<double> sums =
      right_sides(covariance, eigenvalues, estimated, projected_columns, known, first, projected);
  for (std::size_t a = 0; a < size; ++a) {
    for (std::size_t b = 0; b <= a; ++b) {
      const GridValues numerator(
          covariance.extents(),
          {product_of(projected_columns[estimated[a]], projected_columns[estimated[b]])});
      sums.push_back(static_cast<double>(observations) * local_ratio(comm, numerator, eigenvalues));
    }
  }
  comm.sum(sums);
  result.covariance.resize(size * size);
  for (std::size_t a = 0, next = size; a < size; ++a) {
    for (std::size_t b = 0; b <= a; ++b, ++next) {
      result.covariance[a * size + b] = result.covariance[b * size + a] = sums[next];
    }
  }
  bool regular = false;
  communication::collectively(comm, [&] { regular = invert(result.covariance, size); });
  if (!regular) {
    throw core::DataError(fmt::format(
        "the {} columns of the mean are linearly dependent over the grid {}; leave one out", size,
        core::to_text(covariance.extents())));
  }
  for (std::size_t a = 0; a < size; ++a) {
    for (std::size_t b = 0; b < size; ++b) {
      result.coefficients[estimated[a]] += result.covariance[a * size + b] * sums[b];
    }
  }
  return result;
}

std::vector<GridTerm> mean_terms(const ProjectedColumns& columns,
                                 const std::vector<double>& coefficients) {
  std::vector<GridTerm> terms;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if (coefficients[c] != 0) terms.push_back({coefficients[c], columns[c]});
  }
  return terms;
}

void add_mean(const Extents& extents, const std::vector<MeanColumn>& columns,
              std::span<const double> coefficients, Index first, std::span<double> values) {
  check_columns(extents, columns);
  ProjectedColumns lists;
  for (const MeanColumn& column : columns) lists.push_back(column.vectors);
  const GridValues mean(extents, mean_terms(lists, {coefficients.begin(), coefficients.end()}));
  mean.for_runs(first, std::ssize(values), [&](const double* m, Index offset, Index count) {
    for (Index i = 0; i < count; ++i) values[static_cast<std::size_t>(offset + i)] += m[i];
  });
}

}  // namespace kronwerk::models
