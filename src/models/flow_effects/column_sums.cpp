#include "models/flow_effects/column_sums.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kronwerk/core/interruption.hpp"
#include "kronwerk/distribution/partition.hpp"
#include "models/fit/small_dense.hpp"

namespace kronwerk::models {
namespace {

/// Relative to the right-hand sides, in the largest entry.
constexpr double largest_residual = 1e-11;

double largest_of(std::span<const double> values) {
  double largest = 0;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

/// Solves for the columns of one panel in place. Local. @return the residual
double solve_panel(const factors::Factor& a, Index count, std::vector<double>& x) {
  std::vector<double> image(x.size()), right(x);
  const auto view = factors::View::contiguous(x.data(), 1, a.rows(), count);
  a.factorisation()->solve(view, view, false);
  a.apply(view, factors::View::contiguous(image.data(), 1, a.rows(), count), false);
  for (std::size_t i = 0; i < image.size(); ++i) image[i] -= right[i];
  const double size = largest_of(right);
  return size > 0 ? largest_of(image) / size : 0.0;
}

}  // namespace

ColumnSums sum_columns(const communication::Communicator& comm, const factors::Factor* a,
                       const factors::Chain& matrix, const CellWeights& weights, bool rows,
                       std::span<const double> all) {
  const std::size_t n = all.size();
  ColumnSums result;
  for (auto* list : {&result.diagonal, &result.weighted, &result.all}) list->assign(n, 0.0);
  const distribution::BlockPartition columns(std::ssize(all), comm.size());
  double worst = 0;
  communication::collectively(comm, [&] {
    std::vector<double> x, column(n);
    factors::for_column_panels(
        matrix, columns.begin(comm.rank()), columns.end(comm.rank()),
        [&](Index first, Index count, std::span<const double> panel) {
          x.assign(panel.begin(), panel.end());
          if (a != nullptr) worst = std::max(worst, solve_panel(*a, count, x));
          for (Index c = 0; c < count; ++c) {
            for (std::size_t i = 0; i < n; ++i) {
              column[i] = x[i * static_cast<std::size_t>(count) + static_cast<std::size_t>(c)];
            }
            const auto r = static_cast<std::size_t>(first + c);
            result.diagonal[r] = column[r];
            result.all[r] = inner(all, column);
            result.weighted[r] =
                weights.none()
                    ? std::accumulate(column.begin(), column.end(), 0.0)
                    : inner(rows ? weights.row(first + c) : weights.column(first + c), column);
          }
          core::check_interruption();
        });
  });
  worst = comm.max(worst);
  if (!(worst <= largest_residual)) {
    throw core::ConvergenceError(fmt::format(
        "a solve with the filter for the effects has a residual of {:.3g}; the parameters are next "
        "to the border of the feasible region",
        worst));
  }
  for (auto* list : {&result.diagonal, &result.weighted, &result.all}) {
    comm.sum(std::span<double>(*list));
  }
  return result;
}

}  // namespace kronwerk::models
