#include "kernels/reductions/decay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace kronwerk::kernels {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
/// Distances are taken in this many pieces, each with its own bound: the bounds of products of
/// growing and decaying parts (Matérn) are then hardly larger than their values.
constexpr int distance_pieces = 64;

std::vector<Interval> component_ranges(const communication::Communicator& comm,
                                       const Cloud& cloud) {
  std::vector<Interval> ranges;
  for (int c = 0; c < cloud.dimension; ++c) {
    double low = infinity;
    double high = -infinity;
    bool nan = false;
    for (Index p = 0; p < cloud.count; ++p) {
      const double value = cloud.values[static_cast<std::size_t>(c * cloud.count + p)];
      nan = nan || std::isnan(value);
      low = std::min(low, value);
      high = std::max(high, value);
    }
    const Interval range{comm.min(low), comm.max(high)};
    ranges.push_back(comm.any(nan) ? Interval{-infinity, infinity} : range);
  }
  return ranges;
}

/// Which of |F| and exp F must be small for the reduction not to notice that pairs are left out.
bool is_exponential(ReductionKind kind) {
  switch (kind) {
    case ReductionKind::sum:
    case ReductionKind::mean:
    case ReductionKind::norm:
      return false;
    case ReductionKind::logsumexp:
    case ReductionKind::softmax:
      return true;
    default:
      throw core::ConfigurationError(
          fmt::format("'{}' does not depend on its terms by their size: leave out pairs beyond a "
                      "range, not below a tolerance",
                      to_text(kind)));
  }
}

}  // namespace

Decay::Decay(const communication::Communicator& comm, const ReductionSetup& setup,
             const DistributedSide& rows, const DistributedSide& columns,
             const BlockSparsity& sparsity, const Box& box)
    : setup_(setup) {
  ranges_.rows = rows.partition.size();
  ranges_.columns = columns.partition.size();
  ranges_.first_point = sparsity.row_points;
  ranges_.second_point = sparsity.column_points;
  const auto add = [&](const DistributedSide& side, Axes axis) {
    for (const std::string& name : variables_of(setup, axis)) {
      ranges_.variables[name] = component_ranges(comm, side.local.variables.at(name));
    }
  };
  add(rows, axis_i);
  add(columns, axis_j);
  double squares = 0;
  for (std::size_t c = 0; c < box.low.size(); ++c) {
    squares += (box.high[c] - box.low[c]) * (box.high[c] - box.low[c]);
  }
  greatest_ = std::sqrt(squares) * (1 + 1e-12);
}

double Decay::beyond(double distance, bool exponential) const {
  if (ranges_.rows == 0 || ranges_.columns == 0 || !(distance <= greatest_)) return 0;
  double largest = 0;
  PairRanges ranges = ranges_;
  const double step = (greatest_ - distance) / distance_pieces;
  for (int piece = 0; piece < distance_pieces; ++piece) {
    ranges.distance = {distance + piece * step, distance + (piece + 1) * step};
    for (const Interval value : bound(setup_.formula, setup_.constants, ranges)) {
      largest =
          std::max(largest, exponential ? std::exp(value.high)
                                        : std::max(std::abs(value.low), std::abs(value.high)));
    }
  }
  return largest;
}

double Decay::range(double tolerance) const {
  bool needs_value = false;
  bool needs_exponential = false;
  for (const ReductionRequest& request : setup_.requests) {
    (is_exponential(request.kind) ? needs_exponential : needs_value) = true;
  }
  const auto small = [&](double distance) {
    return (!needs_value || beyond(distance, false) <= tolerance) &&
           (!needs_exponential || beyond(distance, true) <= tolerance);
  };
  if (!small(greatest_)) return infinity;
  double low = 0;
  double high = greatest_;
  for (int step = 0; step < 40; ++step) {
    const double middle = (low + high) / 2;
    (small(middle) ? high : low) = middle;
  }
  return high;
}

}  // namespace kronwerk::kernels
