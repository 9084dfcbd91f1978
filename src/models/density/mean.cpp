// Means of products of per-mode vectors, by generalised least squares.
#include "models/density/mean.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "factors/base/lapack.hpp"
#include "kronwerk/distribution/partition.hpp"
#include "models/covariance/chains.hpp"

namespace kronwerk::models {

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

/// Inverse of a symmetric positive definite matrix; none if it is singular beyond the accuracy of
/// its entries.
std::optional<std::vector<double>> inverse_of(const std::vector<double>& matrix, std::size_t n,
                                              double accuracy) {
  std::vector<double> scale(n);
  for (std::size_t i = 0; i < n; ++i) scale[i] = 1 / std::sqrt(matrix[i * n + i]);
  std::vector<double> result(n * n);
  for (std::size_t i = 0; i < n * n; ++i) result[i] = matrix[i] * scale[i / n] * scale[i % n];
  const int order = core::narrow<int>(n);
  int info = 0;
  dpotrf_("U", &order, result.data(), &order, &info, 1);
  if (info != 0) return std::nullopt;
  for (std::size_t i = 0; i < n; ++i) {
    const double pivot = result[i * n + i];
    if (!(pivot * pivot > static_cast<double>(n) * accuracy)) return std::nullopt;
  }
  dpotri_("U", &order, result.data(), &order, &info, 1);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      const double value = result[i * n + j] * scale[i] * scale[j];
      result[i * n + j] = result[j * n + i] = value;
    }
  }
  return result;
}

/// Appends the solution of one system to an estimate.
void solve(const NormalEquations& system, const std::vector<MeanColumn>& columns,
           const std::string& whose, MeanEstimate& result) {
  const auto estimated = estimated_columns(columns);
  const std::size_t p = estimated.size();
  auto coefficients = given_coefficients(columns);
  const auto covariance = inverse_of(system.gram, p, system.accuracy);
  if (!covariance) {
    throw core::DataError(
        fmt::format("the {} columns of the mean are linearly dependent on the observed cells{}; "
                    "leave one out",
                    p, whose));
  }
  for (std::size_t a = 0; a < p; ++a) {
    for (std::size_t b = 0; b < p; ++b) {
      coefficients[estimated[a]] += (*covariance)[a * p + b] * system.right[b];
    }
  }
  result.coefficients.insert(result.coefficients.end(), coefficients.begin(), coefficients.end());
  result.covariance.insert(result.covariance.end(), covariance->begin(), covariance->end());
}

/// x̃ᵀ diag(1/e) (ỹ − given mean) of every estimated column and observation, this rank's part.
std::vector<double> right_sides(const GridValues& eigenvalues,
                                const std::vector<GridValues>& columns, const MeanValues& given,
                                Index observations, Index first,
                                std::span<const double> projected) {
  const std::size_t p = columns.size();
  std::vector<double> result(static_cast<std::size_t>(observations) * p, 0.0);
  double weighted[GridValues::run_length];
  double column[GridValues::run_length];
  eigenvalues.for_runs(
      first, std::ssize(projected), [&](const double* e, Index offset, Index count) {
        const Index place = (first + offset) % eigenvalues.size();
        const auto observation = static_cast<std::size_t>((first + offset) / eigenvalues.size());
        const double* y = projected.data() + offset;
        given.evaluate(first + offset, count, weighted);
        for (Index i = 0; i < count; ++i) weighted[i] = (y[i] - weighted[i]) / e[i];
        for (std::size_t c = 0; c < p; ++c) {
          columns[c].evaluate(place, count, column);
          double sum = 0;
          for (Index i = 0; i < count; ++i) sum += column[i] * weighted[i];
          result[observation * p + c] += sum;
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
      lists.push_back(image_of(covariance.spectrum().bases[mode]->to_basis, x));
    }
  }
  return result;
}

std::vector<std::size_t> estimated_columns(const std::vector<MeanColumn>& columns) {
  std::vector<std::size_t> result;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if (!columns[c].coefficient) result.push_back(c);
  }
  return result;
}

std::vector<double> given_coefficients(const std::vector<MeanColumn>& columns) {
  std::vector<double> result;
  for (const MeanColumn& column : columns) result.push_back(column.coefficient.value_or(0));
  return result;
}

MeanValues::MeanValues(const Extents& extents, const ProjectedColumns& columns,
                       std::span<const double> coefficients)
    : size_(core::product(extents)), coefficients_(coefficients.begin(), coefficients.end()) {
  for (const auto& lists : columns) {
    columns_.emplace_back(extents, std::vector<GridTerm>{{1, lists}});
  }
}

void MeanValues::evaluate(Index first, Index count, double* out) const {
  std::fill_n(out, count, 0.0);
  const std::size_t p = columns_.size();
  const bool shared = coefficients_.size() == p;
  const double* row =
      coefficients_.data() + (shared ? 0 : static_cast<std::size_t>(first / size_) * p);
  double column[GridValues::run_length];
  for (std::size_t c = 0; c < p; ++c) {
    if (row[c] == 0) continue;
    columns_[c].evaluate(first % size_, count, column);
    for (Index i = 0; i < count; ++i) out[i] += row[c] * column[i];
  }
}

void MeanValues::add_to(double factor, Index first, std::span<double> values) const {
  double run[GridValues::run_length];
  for (Index done = 0, count = 0; done < std::ssize(values); done += count) {
    const Index place = first + done;
    const Index left_in_grid = size_ - place % size_;
    count = std::min({GridValues::run_length, left_in_grid, std::ssize(values) - done});
    evaluate(place, count, run);
    double* out = values.data() + done;
    for (Index i = 0; i < count; ++i) out[i] += factor * run[i];
  }
}

namespace {

/// The numbers of the normal equations, those of the observations first, by one solve for each
/// column.
std::vector<double> sums_through_core(const Covariance& covariance,
                                      const std::vector<GridValues>& columns,
                                      const MeanValues& given, Index observations,
                                      std::span<const double> projected) {
  const auto& comm = covariance.comm();
  const Layout one = covariance.layout();
  const std::size_t p = columns.size();
  std::vector<std::vector<double>> values;
  for (const GridValues& column : columns) {
    values.emplace_back(static_cast<std::size_t>(one.home_size(comm.rank())));
    column.evaluate(one.home_begin(comm.rank()), std::ssize(values.back()), values.back().data());
  }
  std::vector<double> rest(projected.begin(), projected.end());
  const Index first = covariance.layout(observations).home_begin(comm.rank());
  given.add_to(-1, first, rest);
  covariance.divide(observations, rest);
  std::vector<double> sums(static_cast<std::size_t>(observations) * p, 0.0);
  for (std::size_t c = 0; c < p; ++c) {
    columns[c].for_runs(first, std::ssize(rest), [&](const double* x, Index offset, Index count) {
      const auto observation = static_cast<std::size_t>((first + offset) / covariance.size());
      for (Index i = 0; i < count; ++i) {
        sums[observation * p + c] += x[i] * rest[static_cast<std::size_t>(offset + i)];
      }
    });
  }
  for (std::size_t a = 0; a < p; ++a) {
    std::vector<double> solved = values[a];
    covariance.divide(1, solved);
    for (std::size_t b = 0; b <= a; ++b) {
      double& sum = sums.emplace_back(0.0);
      for (std::size_t i = 0; i < solved.size(); ++i) sum += solved[i] * values[b][i];
    }
  }
  return sums;
}

}  // namespace

NormalEquations normal_equations(const Covariance& covariance, const GridValues& eigenvalues,
                                 const std::vector<MeanColumn>& columns,
                                 const ProjectedColumns& projected_columns, Index observations,
                                 std::span<const double> projected) {
  const auto& comm = covariance.comm();
  const auto estimated = estimated_columns(columns);
  const std::size_t p = estimated.size();
  NormalEquations result{observations, {}, {}, direct_accuracy};
  if (p == 0) return result;
  std::vector<GridValues> values;
  for (const std::size_t c : estimated) {
    values.emplace_back(covariance.extents(), std::vector<GridTerm>{{1, projected_columns[c]}});
  }
  const MeanValues given(covariance.extents(), projected_columns, given_coefficients(columns));
  const Index first = covariance.layout(observations).home_begin(comm.rank());
  const std::size_t rights = static_cast<std::size_t>(observations) * p;
  const bool through_core = !covariance.diagonal();
  std::vector<double> sums =
      through_core ? sums_through_core(covariance, values, given, observations, projected)
                   : right_sides(eigenvalues, values, given, observations, first, projected);
  for (std::size_t a = 0; a < p && !through_core; ++a) {
    for (std::size_t b = 0; b <= a; ++b) {
      const GridValues numerator(
          covariance.extents(),
          {product_of(projected_columns[estimated[a]], projected_columns[estimated[b]])});
      sums.push_back(local_ratio(comm, numerator, eigenvalues));
    }
  }
  comm.sum(sums);
  result.gram.resize(p * p);
  for (std::size_t a = 0, next = rights; a < p; ++a) {
    for (std::size_t b = 0; b <= a; ++b, ++next) {
      result.gram[a * p + b] = result.gram[b * p + a] = sums[next];
    }
  }
  sums.resize(rights);
  result.right = std::move(sums);
  return result;
}

std::span<const double> MeanEstimate::row(Index observation) const {
  const auto at = pooling == MeanPooling::pooled ? 0 : static_cast<std::size_t>(observation);
  return std::span(coefficients).subspan(at * columns, columns);
}

std::span<const double> MeanEstimate::covariance_of(Index observation) const {
  const auto at = pooling == MeanPooling::pooled ? 0 : static_cast<std::size_t>(observation);
  return std::span(covariance).subspan(at * estimated * estimated, estimated * estimated);
}

MeanEstimate MeanEstimate::part(Index first, Index count) const {
  if (pooling == MeanPooling::pooled) return *this;
  MeanEstimate result{{}, {}, columns, estimated, pooling};
  for (Index i = first; i < first + count; ++i) {
    const auto beta = row(i), its_covariance = covariance_of(i);
    result.coefficients.insert(result.coefficients.end(), beta.begin(), beta.end());
    result.covariance.insert(result.covariance.end(), its_covariance.begin(), its_covariance.end());
  }
  return result;
}

MeanEstimate estimate_mean(const std::vector<MeanColumn>& columns,
                           std::span<const NormalEquations> equations, MeanPooling pooling) {
  const std::size_t p = estimated_columns(columns).size();
  MeanEstimate result{{}, {}, columns.size(), p, p == 0 ? MeanPooling::pooled : pooling};
  if (p == 0) {
    result.coefficients = given_coefficients(columns);
    return result;
  }
  NormalEquations sum{0, std::vector<double>(p * p), std::vector<double>(p), 0};
  Index number = 0;
  for (const NormalEquations& block : equations) {
    for (Index i = 0; i < block.observations; ++i, ++number) {
      const double* right = block.right.data() + static_cast<std::size_t>(i) * p;
      if (pooling == MeanPooling::per_observation) {
        solve({1, block.gram, {right, right + p}, block.accuracy}, columns,
              fmt::format(" of observation {}", number), result);
        continue;
      }
      for (std::size_t c = 0; c < p; ++c) sum.right[c] += right[c];
    }
    for (std::size_t c = 0; c < p * p; ++c) {
      sum.gram[c] += static_cast<double>(block.observations) * block.gram[c];
    }
    sum.accuracy = std::max(sum.accuracy, block.accuracy);
  }
  if (pooling == MeanPooling::pooled) solve(sum, columns, "", result);
  return result;
}

void add_mean(const Extents& extents, const std::vector<MeanColumn>& columns,
              std::span<const double> coefficients, Index first, std::span<double> values) {
  check_columns(extents, columns);
  ProjectedColumns lists;
  for (const MeanColumn& column : columns) lists.push_back(column.vectors);
  MeanValues(extents, lists, coefficients).add_to(1, first, values);
}

}  // namespace kronwerk::models
