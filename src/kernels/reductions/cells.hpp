#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "kronwerk/kernels/reductions/block_sparse.hpp"

namespace kronwerk::kernels {

/// The corners of a box.
struct Box {
  std::vector<double> low;
  std::vector<double> high;
};

/// The box of all ranks' points of both clouds. Collective.
Box box_of(const communication::Communicator& comm, const Cloud& a, const Cloud& b);

/// A grid of cubes over the box. @param points  of the larger cloud
CellGrid make_grid(const Box& box, Index points, const BlockSparsity& sparsity);

/// Points sorted by cube, the cubes in Morton order; those of one cube keep their order.
class SortedCells {
 public:
  struct Cell {
    CellGrid::Place place;
    Index begin;  ///< in order()
    Index end;
  };

  SortedCells(const CellGrid& grid, const Cloud& points);

  const std::vector<Index>& order() const noexcept { return order_; }
  const std::vector<Cell>& cells() const noexcept { return cells_; }
  /// Positions of the points whose cubes are no farther than `range` from `place`; ascending if
  /// asked for.
  void gather(const CellGrid::Place& place, double range, bool ascending,
              std::vector<Index>& positions) const;

 private:
  void take(const Cell& cell, std::vector<Index>& positions) const;

  const CellGrid& grid_;
  std::vector<Index> order_;
  std::vector<Cell> cells_;
  std::unordered_map<std::uint64_t, std::size_t> cell_of_key_;
};

}  // namespace kronwerk::kernels
