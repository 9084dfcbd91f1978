#pragma once

#include <memory>
#include <vector>

#include "kronwerk/factors/base/factor.hpp"
#include "kronwerk/kernels/engine/program.hpp"

namespace kronwerk::factors {

/// scale * K + shift * I, or its transpose, for the matrix K of a kernel formula that is evaluated
/// where it is applied, a panel at a time, and never stored. Every rank holds the points.
class KernelFactor final : public Factor {
 public:
  struct Matrix {
    kernels::Program program;
    kernels::Side rows;
    kernels::Side columns;
  };

  /// @throws ShapeError if the formula is no scalar, or if there is a shift and K is not square
  KernelFactor(std::string name, std::shared_ptr<const Matrix> matrix, double scale, double shift,
               bool flipped);

  FactorPtr scaled(std::string name, double scale, double shift) const;
  FactorPtr flipped(std::string name) const;

  /// The matrix as a dense factor, once per node. Collective.
  FactorPtr materialised(const communication::Communicator& comm) const;

  double flops_per_fibre() const override;
  Index bytes() const override;
  std::vector<double> diagonal() const override;
  void add_to_dense(double scale, std::span<double> out) const override;
  /// out (rows() x count, row-major) = the columns [first, first + count).
  void columns(Index first, Index count, std::span<double> out) const;

 private:
  void do_apply(ConstView x, View y, bool transposed) const override;
  std::unique_ptr<LocalFactorisation> begin_factorisation() const override;
  std::shared_ptr<const Factorisation> attach_factorisation(
      communication::SharedArray<std::byte> memory) const override;
  /// A block of scale * K + shift * I, row-major.
  void block(Index row, Index rows, Index column, Index columns, std::span<double> out) const;

  std::shared_ptr<const Matrix> matrix_;
  double scale_;
  double shift_;
  bool flipped_;
};

/// The factor as a kernel factor, or null.
const KernelFactor* as_kernel(const Factor& factor);

/// The factor's matrix, row-major, for what must see its entries. Local.
std::vector<double> dense_copy(const Factor& factor);

}  // namespace kronwerk::factors
