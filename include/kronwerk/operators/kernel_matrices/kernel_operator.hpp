#pragma once

#include <array>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/kernels/engine/program.hpp"
#include "kronwerk/kernels/reductions/ring.hpp"
#include "kronwerk/operators/base/linear_operator.hpp"

namespace kronwerk::operators {

/// The matrix K of a scalar kernel formula, K_ij = F(i, j), over points that are spread over the
/// ranks; never stored.
struct DistributedKernel {
  kernels::Expression formula;
  kernels::Constants constants;
  kernels::DistributedSide rows;
  kernels::DistributedSide columns;
  kernels::Precision precision = kernels::Precision::float64;
};

/// scale * K + shift * I as an operator from the grid (N, width) to the grid (M, width), the width
/// last and left out if it is 1: `width` vectors side by side, for which one evaluation of F serves
/// all. Rows are distributed; the points of the columns travel round the ring of ranks together
/// with their part of the vectors, so that a rank holds no more than two blocks.
class KernelOperator final : public LinearOperator {
 public:
  /// Collective. @throws ShapeError if F is no scalar, if a side's blocks are not the home blocks
  /// of its points, or if there is a shift and K is not square
  KernelOperator(const communication::Communicator& comm, DistributedKernel matrix, Index width = 1,
                 double scale = 1, double shift = 0);

  const DistributedKernel& matrix() const noexcept { return matrix_; }
  Index rows() const noexcept { return matrix_.rows.partition.size(); }
  Index columns() const noexcept { return matrix_.columns.partition.size(); }
  Index width() const noexcept { return width_; }
  double scale() const noexcept { return scale_; }
  double shift() const noexcept { return shift_; }

  /// apply() for any number of vectors side by side: out (this rank's rows x width) from v (this
  /// rank's columns x width), row-major. Collective.
  /// @throws ShapeError, at the first application on every rank or on none
  void multiply(std::span<const double> v, std::span<double> out, Index width,
                bool transposed = false, bool accumulate = false) const;

  bool has_diagonal() const noexcept override { return rows() == columns(); }
  /// The diagonal at this rank's points, shift included: one number each, whatever the width.
  /// Local.
  /// @throws ShapeError if K is not square
  std::vector<double> point_diagonal() const;

  /// Seconds that multiply() takes by the formula's estimated cost, for choices of method.
  double estimated_seconds(Index width) const;

 private:
  void do_apply(std::span<const double> x, std::span<double> y, bool transposed,
                bool accumulate) const override;
  void do_diagonal(std::span<double> values) const override;

  DistributedKernel matrix_;
  Index width_;
  double scale_;
  double shift_;
  kernels::Program program_;
  kernels::Program transposed_program_;
  std::set<std::string> row_names_;     ///< variables of F that vary with i
  std::set<std::string> column_names_;  ///< … and with j
  std::array<SizeAgreement, 2> sizes_;  ///< forward and transposed
};

}  // namespace kronwerk::operators
