#pragma once

#include <array>
#include <span>
#include <vector>

#include "operators/schur/schur_matrices.hpp"
#include "operators/schur/small_systems.hpp"

namespace kronwerk::operators {

/// The part of Σ c_lr L_l Y R_rᵀ = B that one rank solves: the columns [columns.begin, columns.end)
/// of a slab that holds B and becomes Y, row-major.
struct SchurSlab {
  double* data = nullptr;
  Index stride = 0;  ///< columns stored, more than are solved where a pair was cut
  Index first = 0;   ///< which column is stored first
  double* at(Index row, Index column) const { return data + row * stride + column - first; }
};

/// Blocked back-substitution within a panel of rows and a range of columns; recursive, so that all
/// but small blocks is done by dgemm (Jonsson and Kågström 2002). Local.
///
/// Row i of  Σ_l Σ_i'≥i L_l[i,i'] Σ_r c_lr Z_r[i',:] = B[i,:]  with Z_r = Y R_rᵀ is solved from the
/// bottom; within it, column j of Z_r needs Y at j and the columns right of it, so that Z_r grows
/// from the right together with Y. What is left in the end are systems of one, two or four
/// unknowns, for a row or a pair of rows by a column or a pair of columns; they are solved with
/// pivoting, as LAPACK's dtrsyl and dlasy2 do, for the entries of a pair may differ by any factor.
class SchurKernel {
 public:
  /// @param system      must outlive the kernel
  /// @param panel_rows  the most rows of one panel
  /// @param columns     the most columns a slab stores
  SchurKernel(const SchurSystem& system, Index panel_rows, Index columns);

  /// Sets Z_r = 0 for the panel of rows that comes next.
  void begin_panel(const SchurSlab& slab, Index row_begin, Index row_end);
  /// Z_r[:, begin..end) += Y[:, first..last) R_r[begin..end), first..last)ᵀ, the columns of Y
  /// being those of another rank. @param y  rows of the panel, `stride` apart
  void add_columns(const double* y, Index stride, Index first, Index last, Index begin, Index end);
  /// Y in place of B in the panel's rows.
  void solve_panel(Index begin, Index end) { solve(row_begin_, row_end_, begin, end); }
  /// B[0..row_begin, :] -= Σ_l L_l[0..row_begin, panel] Σ_r c_lr Z_r
  void subtract_above_panel(Index begin, Index end) {
    subtract_above(0, row_begin_, row_begin_, row_end_, begin, end);
  }
  /// Whether a rank needs the columns of others at all.
  bool columns_are_coupled() const { return coupled_; }

 private:
  /// Blocks up to this size are substituted directly; measured on Zen 4.
  static constexpr Index small = 16;
  static constexpr Index lanes = SmallSystems<1>::lanes;
  /// A pair may follow the last column that `small` allows.
  static constexpr Index most_singles = (small + lanes) / lanes * lanes;
  static constexpr Index most_pairs = (small / 2 + lanes - 1) / lanes * lanes;

  /// [a b; c d], or a number a.
  struct Block {
    double a = 0, b = 0, c = 0, d = 0;
  };
  /// The diagonal blocks of R_r at the columns of one small block: numbers and pairs apart.
  struct ColumnBlocks {
    Index singles = 0;
    Index pairs = 0;
    struct OfMatrix {
      std::array<double, most_singles> single;
      std::array<std::array<double, most_pairs>, 4> pair;
    };
    std::vector<OfMatrix> matrices;
  };
  /// The factorised systems of `size` rows with all columns of a small block.
  template <int size>
  struct RowSystems {
    std::array<SmallSystems<size>, most_singles / lanes> single;
    std::array<SmallSystems<2 * size>, most_pairs / lanes> pair;
  };

  void solve(Index row_begin, Index row_end, Index begin, Index end);
  void solve_small(Index row_begin, Index row_end, Index begin, Index end);
  void gather_columns(Index begin, Index end);
  template <int size>
  RowSystems<size> make_systems(Index row) const;
  template <int size>
  void substitute(Index row, Index begin, Index end);
  template <int size, int width>
  void solve_unit(const SmallSystems<size * width>& systems, int lane, Index row, Index column,
                  Index begin);
  void subtract_row(Index row, Index top, Index begin, Index end);
  void subtract_above(Index top, Index bottom, Index row_begin, Index row_end, Index begin,
                      Index end);
  /// Σ_r c_lr Z_r as one block and the number to multiply it with.
  struct Combination {
    const double* values = nullptr;
    Index stride = 0;
    double scale = 0;
  };
  Combination combine(std::size_t l, Index row_begin, Index row_end, Index begin, Index end);
  double* z(std::size_t r, Index row, Index column);

  const SchurSystem* system_;
  bool coupled_ = false;
  SchurSlab slab_;
  Index row_begin_ = 0;
  Index row_end_ = 0;
  std::vector<Block> row_blocks_;  ///< of Σ_l c_lr L_l, at [row * count of r + r]
  ColumnBlocks columns_;
  std::vector<std::vector<double>> products_;  ///< Z_r of the panel; none for the identity
  std::vector<double> combined_;
};

}  // namespace kronwerk::operators
