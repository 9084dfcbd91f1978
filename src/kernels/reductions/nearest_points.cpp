// See src/MATHEMATICS.md, "Reductions".
#include "kronwerk/kernels/reductions/nearest_points.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "kernels/reductions/nearest_points_search.hpp"

namespace kronwerk::kernels {
namespace {

using communication::Communicator;

/// From this dimension on, products are faster than direct evaluation; measured on Zen 4.
constexpr int least_dimension = 24;
/// Fewer columns than this do not repay the second evaluation of the nearest ones.
constexpr Index least_columns = 2000;
/// Longer lists make the candidates many.
constexpr Index longest_list = 64;
/// Squares of larger numbers, and their sums, might overflow.
constexpr double largest_coordinate = 1e140;
/// Squares of smaller ones are rounded more than relative to their size.
constexpr double smallest_coordinate = 1e-140;

bool is_smallest(ReductionKind kind) {
  switch (kind) {
    case ReductionKind::min:
    case ReductionKind::argmin:
    case ReductionKind::min_argmin:
    case ReductionKind::kmin:
    case ReductionKind::argkmin:
    case ReductionKind::kmin_argkmin:
      return true;
    default:
      return false;
  }
}

const Node* point_variable(const Node& formula, Axes axis) {
  for (const NodePtr& argument : formula.arguments) {
    if (argument->operation == Operation::variable && argument->axes == axis) {
      return argument.get();
    }
  }
  return nullptr;
}

bool all_usable(const Cloud& points) {
  return std::all_of(points.values.begin(), points.values.end(), [](double value) {
    return std::isfinite(value) && std::abs(value) <= largest_coordinate;
  });
}

/// The mean of all ranks' points; needs to be near them, not exact.
std::vector<double> mean_of(const Communicator& comm, const Cloud& points, Index total) {
  std::vector<double> mean(static_cast<std::size_t>(points.dimension), 0.0);
  for (std::size_t c = 0; c < mean.size(); ++c) {
    const double* values = points.values.data() + static_cast<Index>(c) * points.count;
    for (Index p = 0; p < points.count; ++p) mean[c] += values[p] / static_cast<double>(total);
  }
  comm.sum(std::span(mean));
  return mean;
}

/// The largest coordinate about the centre, of all ranks.
double largest_of(const Communicator& comm, std::span<const double> centre, const Cloud& a,
                  const Cloud& b) {
  double largest = 0;
  for (const Cloud* cloud : {&a, &b}) {
    for (std::size_t v = 0; v < cloud->values.size(); ++v) {
      const std::size_t c = v / static_cast<std::size_t>(cloud->count);
      largest = std::max(largest, std::abs(cloud->values[v] - centre[c]));
    }
  }
  return comm.max(largest);
}

/// A power of two that brings all coordinates into [-1, 1].
double scale_for(double largest) {
  int exponent = 0;
  std::frexp(largest, &exponent);
  return std::ldexp(1.0, -exponent);
}

ReductionResult as_requested(const ReductionResult& nearest, const ReductionRequest& request) {
  ReductionResult result{nearest.rows, request.k, 1, {}, {}};
  for (Index r = 0; r < nearest.rows; ++r) {
    for (Index q = 0; q < request.k; ++q) {
      const auto place = static_cast<std::size_t>(r * nearest.k + q);
      if (gives_values(request.kind)) result.values.push_back(nearest.values[place]);
      if (gives_indices(request.kind)) result.indices.push_back(nearest.indices[place]);
    }
  }
  return result;
}

}  // namespace

bool is_nearest_search(const ReductionSetup& setup) {
  const Node& root = *setup.formula.root();
  return root.operation == Operation::sqdist && setup.precision == Precision::float64 &&
         point_variable(root, axis_i) != nullptr && point_variable(root, axis_j) != nullptr &&
         !setup.requests.empty() &&
         std::all_of(setup.requests.begin(), setup.requests.end(),
                     [](const ReductionRequest& request) { return is_smallest(request.kind); });
}

bool prefers_products(const ReductionSetup& setup, Index kept, Index reduced) {
  if (!is_nearest_search(setup) || kept == 0 || reduced < least_columns) return false;
  for (const ReductionRequest& request : setup.requests) {
    if (request.k > longest_list) return false;
  }
  return setup.formula.root()->arguments[0]->dimension >= least_dimension;
}

ReduceOutcome reduce_nearest(const Communicator& comm, const ReductionSetup& setup,
                             const DistributedSide& rows, const DistributedSide& columns) {
  if (setup.over == axis_i) return reduce_nearest(comm, transposed(setup), columns, rows);
  const Node& root = *setup.formula.root();
  const std::string row_variable = point_variable(root, axis_i)->name;
  const std::string column_variable = point_variable(root, axis_j)->name;
  check_side(comm, rows, {row_variable});
  check_side(comm, columns, {column_variable});
  const Cloud& points = columns.local.variables.at(column_variable);
  const bool usable = all_usable(rows.local.variables.at(row_variable)) && all_usable(points);
  if (columns.partition.size() == 0 || comm.any(!usable)) {
    return reduce(comm, setup, rows, columns, Spread::kept_axis);
  }
  Index k = 1;
  for (const ReductionRequest& request : setup.requests) k = std::max(k, request.k);
  const std::vector<double> centre = mean_of(comm, points, columns.partition.size());
  const double largest = largest_of(comm, centre, rows.local.variables.at(row_variable), points);
  if (largest > 0 && largest < smallest_coordinate) {
    return reduce(comm, setup, rows, columns, Spread::kept_axis);
  }
  std::optional<NearestSearch> search;
  communication::collectively(comm, [&] {
    search.emplace(setup.formula, row_variable, column_variable, centre, scale_for(largest), k,
                   rows.local);
  });
  visit_ring(comm, columns, {column_variable},
             [&](const Side& block, const std::function<void()>& progress) {
               if (block.count > 0) search->add(block, progress);
             });
  ReduceOutcome outcome;
  outcome.by_products = true;
  for (const ReductionRequest& request : setup.requests) {
    outcome.results.push_back(as_requested(search->result(), request));
  }
  return outcome;
}

}  // namespace kronwerk::kernels
