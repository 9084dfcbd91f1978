#pragma once

#include <array>
#include <span>
#include <utility>
#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/distribution/layout.hpp"

namespace kronwerk::operators {

using core::Index;

/// One value per column, the same on every rank.
using PerColumn = std::vector<double>;

/// Which entries of this rank's home block belong to which column of a batch. A block is a
/// contiguous piece of the rows (batch, n_1, …), so that a rank has parts of neighbouring columns.
class ColumnMap {
 public:
  /// @param batch  the number of columns: the first extent if > 1
  /// @throws ShapeError if it is not
  ColumnMap(const communication::Communicator& comm, const distribution::Layout& layout,
            Index batch);

  std::size_t columns() const noexcept { return columns_; }
  const communication::Communicator& comm() const noexcept { return *comm_; }

  /// Calls work(column, first, count) for the local entries of each column with wanted[column].
  template <typename Work>
  void for_each(const std::vector<char>& wanted, const Work& work) const {
    for (const Piece& piece : pieces_) {
      if (wanted[piece.column] != 0) work(piece.column, piece.first, piece.count);
    }
  }

  /// <x_c, y_c> of the wanted columns for several pairs (x, y), by one reduction; 0 for the
  /// others. Collective.
  template <std::size_t count>
  std::array<PerColumn, count> dots(
      const std::vector<char>& wanted,
      const std::array<std::pair<const double*, const double*>, count>& pairs) const {
    std::array<PerColumn, count> result;
    std::array<PerColumn*, count> parts;
    for (std::size_t k = 0; k < count; ++k) {
      result[k] = local_dots(wanted, pairs[k].first, pairs[k].second);
      parts[k] = &result[k];
    }
    reduce(parts);
    return result;
  }

  /// This rank's part of <x_c, y_c>. Local.
  PerColumn local_dots(const std::vector<char>& wanted, const double* x, const double* y) const;
  /// Adds the parts of all ranks, by one reduction. Collective.
  void reduce(std::span<PerColumn* const> parts) const;

 private:
  struct Piece {
    std::size_t column;
    std::size_t first;
    std::size_t count;
  };

  const communication::Communicator* comm_;
  std::size_t columns_;
  std::vector<Piece> pieces_;
};

/// Moves a vector between two distributions into consecutive pieces: rank q has the positions
/// [bounds[q], bounds[q + 1]). Collective.
/// @param from, to  this rank's pieces before and after; must not overlap
void move_pieces(const communication::Communicator& comm, std::span<const Index> from_bounds,
                 std::span<const double> from, std::span<const Index> to_bounds,
                 std::span<double> to);

}  // namespace kronwerk::operators
