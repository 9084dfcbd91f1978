#include "kernels/reductions/cells.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace kronwerk::kernels {
namespace {

/// Places along a coordinate have at most this many bits, so that three make a key.
constexpr int place_bits = 21;
constexpr double most_cells = double{1 << (place_bits - 1)};
/// Points per cube, on average: few for ranges that need narrow cubes, else so many that their
/// columns are gathered at a small part of the price of their evaluation.
constexpr double few_points = 16;
constexpr double many_points = 128;

/// The lowest 21 bits, two zeros after each.
std::uint64_t spread_bits(std::int32_t place) {
  std::uint64_t bits = static_cast<std::uint64_t>(place) & 0x1FFFFFULL;
  bits = (bits | bits << 32) & 0x1F00000000FFFFULL;
  bits = (bits | bits << 16) & 0x1F0000FF0000FFULL;
  bits = (bits | bits << 8) & 0x100F00F00F00F00FULL;
  bits = (bits | bits << 4) & 0x10C30C30C30C30C3ULL;
  return (bits | bits << 2) & 0x1249249249249249ULL;
}

/// The bits of the three places by turns (Morton 1966): cubes near in this order are near in space.
std::uint64_t morton_key(const CellGrid::Place& place) {
  return spread_bits(place[0]) | spread_bits(place[1]) << 1 | spread_bits(place[2]) << 2;
}

/// The width at which that many cubes cover the box.
double width_for(const std::vector<double>& extents, double cells) {
  double low = extents[0] / most_cells;
  double high = extents[0];
  for (int step = 0; step < 60; ++step) {
    const double width = std::sqrt(low * high);
    double count = 1;
    for (const double extent : extents) count *= std::max(1.0, extent / width);
    (count > cells ? low : high) = width;
  }
  return high;
}

}  // namespace

CellGrid::Place CellGrid::place(const Cloud& points, Index p) const {
  Place result{0, 0, 0};
  for (std::size_t c = 0; c < coordinates.size(); ++c) {
    const double value = points.values[static_cast<std::size_t>(coordinates[c] * points.count + p)];
    result[c] = static_cast<std::int32_t>(std::floor((value - origin[c]) / width));
  }
  return result;
}

double CellGrid::distance(const Place& a, const Place& b) const {
  double squares = 0;
  for (std::size_t c = 0; c < a.size(); ++c) {
    const double between = std::max(0, std::abs(a[c] - b[c]) - 1) * width;
    squares += between * between;
  }
  // Less by what the places may be wrong through rounding.
  return std::sqrt(squares) * (1 - 1e-12);
}

Box box_of(const communication::Communicator& comm, const Cloud& a, const Cloud& b) {
  Box box;
  bool finite = true;
  for (int c = 0; c < a.dimension; ++c) {
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    for (const Cloud* cloud : {&a, &b}) {
      for (Index p = 0; p < cloud->count; ++p) {
        const double value = cloud->values[static_cast<std::size_t>(c * cloud->count + p)];
        finite = finite && std::isfinite(value);
        low = std::min(low, value);
        high = std::max(high, value);
      }
    }
    box.low.push_back(comm.min(low));
    box.high.push_back(comm.max(high));
  }
  if (comm.any(!finite)) {
    throw core::DataError(
        "points that are NaN or infinite cannot be sorted by place; block-sparse evaluation needs "
        "finite ones");
  }
  return box;
}

CellGrid make_grid(const Box& box, Index points, const BlockSparsity& sparsity) {
  CellGrid grid;
  std::vector<std::pair<double, int>> by_extent;
  for (std::size_t c = 0; c < box.low.size(); ++c) {
    // Negative without any point.
    const double extent = box.high[c] - box.low[c];
    if (extent > 0) by_extent.emplace_back(-extent, static_cast<int>(c));
  }
  std::sort(by_extent.begin(), by_extent.end());
  by_extent.resize(std::min(by_extent.size(), CellGrid::Place{}.size()));
  std::vector<double> extents;
  for (const auto& [extent, coordinate] : by_extent) {
    extents.push_back(-extent);
    grid.coordinates.push_back(coordinate);
    grid.origin.push_back(box.low[static_cast<std::size_t>(coordinate)]);
  }
  if (extents.empty()) return grid;
  if (sparsity.width) {
    const double least = extents[0] / most_cells;
    if (!(*sparsity.width >= least)) {
      throw core::ConfigurationError(
          fmt::format("cubes of width {} are too narrow for points that extend over {}; at least "
                      "{:.3g} is needed",
                      *sparsity.width, extents[0], least));
    }
    grid.width = *sparsity.width;
    return grid;
  }
  const double wide = width_for(extents, static_cast<double>(points) / many_points);
  const double narrow = width_for(extents, static_cast<double>(points) / few_points);
  grid.width = std::max(narrow, std::min(wide, sparsity.range.value_or(wide) / 2));
  return grid;
}

SortedCells::SortedCells(const CellGrid& grid, const Cloud& points)
    : grid_(grid), order_(static_cast<std::size_t>(points.count)) {
  std::vector<std::uint64_t> keys;
  for (Index p = 0; p < points.count; ++p) keys.push_back(morton_key(grid.place(points, p)));
  std::iota(order_.begin(), order_.end(), Index{0});
  std::sort(order_.begin(), order_.end(), [&](Index a, Index b) {
    return std::pair(keys[static_cast<std::size_t>(a)], a) <
           std::pair(keys[static_cast<std::size_t>(b)], b);
  });
  for (std::size_t position = 0; position < order_.size(); ++position) {
    const Index point = order_[position];
    const std::uint64_t key = keys[static_cast<std::size_t>(point)];
    const auto place = static_cast<Index>(position);
    if (cell_of_key_.try_emplace(key, cells_.size()).second) {
      cells_.push_back({grid.place(points, point), place, place});
    }
    cells_.back().end = place + 1;
  }
}

void SortedCells::take(const Cell& cell, std::vector<Index>& positions) const {
  positions.insert(positions.end(), order_.begin() + cell.begin, order_.begin() + cell.end);
}

void SortedCells::gather(const CellGrid::Place& place, double range, bool ascending,
                         std::vector<Index>& positions) const {
  positions.clear();
  // Either looks at all cubes, or looks up those that the range can reach.
  const double reach = std::floor(range / grid_.width) + 2;
  const double reachable = std::pow(2 * reach + 1, static_cast<double>(grid_.coordinates.size()));
  if (!(reachable < static_cast<double>(cells_.size()))) {
    for (const Cell& cell : cells_) {
      if (grid_.distance(place, cell.place) <= range) take(cell, positions);
    }
  } else {
    const auto span = static_cast<std::int32_t>(reach);
    CellGrid::Place low = place;
    CellGrid::Place high = place;
    for (std::size_t c = 0; c < grid_.coordinates.size(); ++c) {
      low[c] = std::max(0, place[c] - span);
      high[c] = std::min((1 << place_bits) - 1, place[c] + span);
    }
    CellGrid::Place near{};
    for (near[0] = low[0]; near[0] <= high[0]; ++near[0]) {
      for (near[1] = low[1]; near[1] <= high[1]; ++near[1]) {
        for (near[2] = low[2]; near[2] <= high[2]; ++near[2]) {
          if (grid_.distance(place, near) > range) continue;
          const auto found = cell_of_key_.find(morton_key(near));
          if (found != cell_of_key_.end()) take(cells_[found->second], positions);
        }
      }
    }
  }
  if (ascending) std::sort(positions.begin(), positions.end());
}

}  // namespace kronwerk::kernels
