#pragma once

#include <span>
#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/distribution/layout.hpp"

namespace kronwerk::operators {

using core::Index;

/// Which entries of this rank's block belong to which of several vectors (columns), and their
/// Euclidean norms, for entries of any size: squares that would under- or overflow are scaled.
class ColumnNorms {
 public:
  /// Vectors one after the other: home blocks of a layout whose first mode is the batch if > 1.
  /// @param comm  must outlive this
  /// @throws ShapeError if it is not
  static ColumnNorms one_after_another(const communication::Communicator& comm,
                                       const distribution::Layout& layout, Index batch);
  /// Vectors side by side: rows x width, row-major. @param comm  must outlive this
  static ColumnNorms side_by_side(const communication::Communicator& comm, Index width);

  std::size_t columns() const noexcept { return columns_; }
  const communication::Communicator& comm() const noexcept { return *comm_; }

  /// ‖x_c‖ for every column, the same on every rank; NaN for a column that holds one. One reduction
  /// unless a square under- or overflows. Collective.
  std::vector<double> norms(std::span<const double> x) const;
  /// ‖x‖ of all columns together. Collective.
  double norm(std::span<const double> x) const;
  /// y_c += x_c for the columns with wanted[c] != 0. Local.
  void add(const std::vector<char>& wanted, std::span<const double> x, std::span<double> y) const;
  /// x_c *= factors[c]. Local.
  void scale(std::span<const double> factors, std::span<double> x) const;

 private:
  struct Piece {
    std::size_t column;
    std::size_t first;
    std::size_t count;
  };
  ColumnNorms(const communication::Communicator& comm, std::size_t columns)
      : comm_(&comm), columns_(columns) {}
  /// Calls work(column, first, count) for runs of entries of one column.
  template <typename Work>
  void for_each(std::size_t size, const Work& work) const;
  std::vector<double> scaled_norms(const std::vector<char>& wanted,
                                   std::span<const double> x) const;

  const communication::Communicator* comm_;
  std::size_t columns_;
  bool side_by_side_ = false;
  std::vector<Piece> pieces_;
};

}  // namespace kronwerk::operators
