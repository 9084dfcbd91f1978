#include "models/covariance/positive_definite.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "factors/base/lapack.hpp"
#include "kronwerk/factors/base/make.hpp"

namespace kronwerk::models {
namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();

/// Eigenvalues, ascending.
std::vector<double> eigenvalues(Index extent, std::vector<double> matrix) {
  const int n = core::narrow<int>(extent);
  std::vector<double> values(static_cast<std::size_t>(extent));
  int info = 0;
  int query = -1;
  double work_size = 0;
  int int_size = 0;
  dsyevd_("N", "U", &n, matrix.data(), &n, values.data(), &work_size, &query, &int_size, &query,
          &info, 1, 1);
  const int work_count = static_cast<int>(work_size);
  std::vector<double> work(static_cast<std::size_t>(work_count));
  std::vector<int> int_work(static_cast<std::size_t>(int_size));
  dsyevd_("N", "U", &n, matrix.data(), &n, values.data(), work.data(), &work_count, int_work.data(),
          &int_size, &info, 1, 1);
  return values;
}

double largest_magnitude(const std::vector<double>& values) {
  double largest = 0;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

}  // namespace

double rounding_of_eigenvalues(Index n, double largest) {
  return 16 * static_cast<double>(n) * epsilon * largest;
}

void require_symmetric(const std::string& name, Index n, const std::vector<double>& matrix) {
  constexpr Index block = 64;
  double worst = 0;
  Index row = 0, column = 0;
  for (const double value : matrix) {
    if (std::isfinite(value)) continue;
    throw core::DataError(fmt::format(
        "the factor '{}' ({} x {}) holds a value that is not a number or infinite; check its data "
        "and the parameters in it",
        name, n, n));
  }
  for (Index first = 0; first < n; first += block) {
    for (Index second = 0; second <= first; second += block) {
      for (Index i = first; i < std::min(n, first + block); ++i) {
        for (Index j = second; j < std::min(i, second + block); ++j) {
          const double difference = std::abs(matrix[static_cast<std::size_t>(i * n + j)] -
                                             matrix[static_cast<std::size_t>(j * n + i)]);
          if (difference <= worst) continue;
          worst = difference;
          row = i;
          column = j;
        }
      }
    }
  }
  constexpr double symmetry_tolerance = 5e-14;
  if (worst <= symmetry_tolerance * largest_magnitude(matrix)) return;
  throw core::DataError(fmt::format(
      "the factor '{}' ({} x {}) is no covariance matrix: it is not symmetric, entry ({}, {}) is "
      "{:.6g} and entry ({}, {}) is {:.6g}",
      name, n, n, row, column, matrix[static_cast<std::size_t>(row * n + column)], column, row,
      matrix[static_cast<std::size_t>(column * n + row)]));
}

void require_semidefinite(const std::string& name, Index n, double smallest, double largest) {
  if (smallest >= -rounding_of_eigenvalues(n, std::max(largest, -smallest))) return;
  throw core::DataError(fmt::format(
      "the factor '{}' ({} x {}) is no covariance matrix: it is not positive semi-definite, its "
      "smallest eigenvalue is {:.6g} (the largest is {:.6g})",
      name, n, n, smallest, largest));
}

void throw_not_definite(const std::string& name, Index n, std::vector<double> matrix) {
  const std::vector<double> values = eigenvalues(n, std::move(matrix));
  require_semidefinite(name, n, values.front(), values.back());
  throw core::DataError(fmt::format(
      "the covariance is singular: the smallest eigenvalue of the factor '{}' ({} x {}) is {:.2g}, "
      "the largest {:.3g}, and there is no noise; add noise, a jitter to this factor, or remove "
      "points that are given twice",
      name, n, n, values.front(), values.back()));
}

bool cholesky_in_place(Index extent, std::vector<double>& matrix) {
  const int n = core::narrow<int>(extent);
  int info = 0;
  dpotrf_("U", &n, matrix.data(), &n, &info, 1);
  if (info != 0) return false;
  double least = std::numeric_limits<double>::infinity();
  double greatest = 0;
  for (Index i = 0; i < extent; ++i) {
    double* row = matrix.data() + i * extent;
    least = std::min(least, row[i] * row[i]);
    greatest = std::max(greatest, row[i] * row[i]);
    std::fill(row + i + 1, row + extent, 0.0);
  }
  return least > static_cast<double>(extent) * epsilon * greatest;
}

PivotedCholesky pivoted_cholesky(const std::string& name, Index extent,
                                 const std::vector<double>& matrix) {
  const auto size = static_cast<std::size_t>(extent);
  std::vector<double> work_matrix = matrix;
  double greatest = 0;
  for (std::size_t i = 0; i < size; ++i) greatest = std::max(greatest, matrix[i * (size + 1)]);
  const double tolerance = rounding_of_eigenvalues(extent, greatest);
  const int n = core::narrow<int>(extent);
  int rank = 0;
  int info = 0;
  std::vector<int> pivots(size);
  std::vector<double> work(2 * size);
  dpstrf_("U", &n, work_matrix.data(), &n, pivots.data(), &rank, &tolerance, work.data(), &info, 1);
  if (greatest <= 0) rank = 0;

  PivotedCholesky result{rank, {}};
  const auto columns = static_cast<std::size_t>(rank);
  result.factor.assign(size * columns, 0.0);
  double remainder = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const auto place = static_cast<std::size_t>(pivots[i] - 1);
    double rest = matrix[place * (size + 1)];
    for (std::size_t j = 0; j < std::min(i + 1, columns); ++j) {
      const double value = work_matrix[i * size + j];
      result.factor[place * columns + j] = value;
      rest -= value * value;
    }
    remainder = std::max(remainder, std::abs(rest));
  }
  // What is left of a semi-definite matrix has no diagonal. Of an indefinite one it has, or it has
  // entries beside a diagonal of zeros; then the smallest eigenvalue tells.
  const bool definite = rank == n;
  if (!definite) {
    const std::vector<double> values = eigenvalues(extent, matrix);
    require_semidefinite(name, extent, values.front(), values.back());
  }
  if (remainder > 64 * tolerance) {
    throw core::InternalError(fmt::format("the Cholesky factor of '{}' leaves {:.2g} of {:.3g}",
                                          name, remainder, greatest));
  }
  return result;
}

std::vector<factors::FactorPtr> compute_once_per_node(const communication::Communicator& comm,
                                                      const std::vector<DenseTask>& tasks) {
  const communication::Communicator& node = comm.node();
  std::vector<std::vector<double>> mine(tasks.size());
  std::vector<double> columns(tasks.size(), 0.0);
  communication::collectively(comm, [&] {
    for (std::size_t t = 0; t < tasks.size(); ++t) {
      if (static_cast<int>(t) % node.size() != node.rank()) continue;
      auto [count, values] = tasks[t].compute();
      columns[t] = static_cast<double>(count);
      mine[t] = std::move(values);
    }
  });
  node.sum(columns);
  std::vector<factors::FactorPtr> result;
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    communication::SharedDense dense;
    dense.rows = tasks[t].rows;
    dense.cols = static_cast<Index>(columns[t]);
    dense.values = communication::SharedArray<double>(comm, core::multiply(dense.rows, dense.cols));
    if (static_cast<int>(t) % node.size() == node.rank()) {
      std::ranges::copy(mine[t], dense.values.mutable_span().begin());
      mine[t] = {};
    }
    dense.values.publish();
    result.push_back(factors::make_dense(tasks[t].name, std::move(dense)));
  }
  return result;
}

}  // namespace kronwerk::models
