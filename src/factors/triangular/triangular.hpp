#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "factors/sparse/sparse_arrays.hpp"

namespace kronwerk::factors {

/// The most columns that one block of a triangular factor may have: with four vectors of right-hand
/// sides each, they fill half of 32 registers.
inline constexpr int widest_block = 4;

/// `width` consecutive columns with a common row pattern below the block.
///
/// At `values`: the strictly lower triangle of the diagonal block by rows, width*(width-1)/2
/// values, then for each row of the pattern its `width` values side by side. Zeros that the pattern
/// does not have are stored where a common pattern costs less than separate columns.
struct TriangularBlock {
  std::int32_t first = 0;
  std::int32_t width = 1;
  Index rows = 0;    ///< where its pattern begins in TriangularView::rows
  Index values = 0;  ///< where its values begin in TriangularView::values
};

/// A unit lower triangular matrix in blocks of columns, held by somebody else. The pattern of the
/// last block ends at rows.size().
struct TriangularView {
  Index extent = 0;
  std::span<const TriangularBlock> blocks;
  std::span<const std::int32_t> rows;
  std::span<const double> values;
};

/// The same in private memory.
struct TriangularBlocks {
  Index extent = 0;
  std::vector<TriangularBlock> blocks;
  std::vector<std::int32_t> rows;
  std::vector<double> values;

  TriangularView view() const { return {extent, blocks, rows, values}; }
};

/// Cuts the columns into the blocks that cost the least in both substitutions (by dynamic
/// programming over a model of the kernel).
/// @param columns  row j holds column j of the matrix strictly below its diagonal, ascending
TriangularBlocks make_triangular_blocks(const SparseView& columns);

/// A panel of right-hand sides: row i at data + i * width, `width` a multiple of panel_lanes().
struct Panel {
  double* data = nullptr;
  Index width = 0;
};

/// Doubles per vector on this machine, and the widest panel that pays.
Index panel_lanes();
inline constexpr Index widest_panel = 32;

/// Memory that will be needed after the substitutions, asked for while they compute: they are bound
/// by multiply-adds and leave the way to memory idle.
class Prefetcher {
 public:
  /// Nothing to ask for.
  Prefetcher() = default;
  /// The `segments` runs of `values` doubles that begin one, two, … `stride`s behind `last`.
  /// @param steps  how often step() is called
  Prefetcher(const double* last, Index stride, Index segments, Index values, Index steps)
      : address_(reinterpret_cast<std::uintptr_t>(last) +
                 static_cast<std::uintptr_t>(stride) * sizeof(double)),
        stride_(static_cast<std::uintptr_t>(stride) * sizeof(double)),
        segments_(segments),
        lines_((values + 7) / 8 + 1),
        lines_per_step_((segments * lines_ + steps - 1) / std::max(steps, Index{1})) {}

  /// Asks for the next few lines. Addresses only: nothing is read, and none need be valid.
  void step() noexcept {
    for (Index k = 0; k < lines_per_step_ && segments_ > 0; ++k) {
      // Into the second-level cache; the first is full of the panel.
      __builtin_prefetch(
          reinterpret_cast<const void*>(address_ + 64 * static_cast<std::uintptr_t>(line_)), 0, 2);
      if (++line_ < lines_) continue;
      line_ = 0;
      --segments_;
      address_ += stride_;
    }
  }

 private:
  std::uintptr_t address_ = 0;
  std::uintptr_t stride_ = 0;
  Index segments_ = 0;
  Index lines_ = 1;
  Index line_ = 0;
  Index lines_per_step_ = 0;
};

/// panel = L⁻¹ panel; upcoming.step() is called once per block.
void solve_lower(const TriangularView& lower, Panel panel, Prefetcher& upcoming);

/// panel = L⁻ᵀ diag(scale) panel; upcoming.step() is called once per block.
void solve_lower_transposed(const TriangularView& lower, std::span<const double> scale, Panel panel,
                            Prefetcher& upcoming);

}  // namespace kronwerk::factors
