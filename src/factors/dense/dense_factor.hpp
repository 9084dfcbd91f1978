#pragma once

#include <memory>
#include <vector>

#include "factors/dense/dense_apply.hpp"
#include "kronwerk/communication/shared_matrix.hpp"
#include "kronwerk/factors/base/factor.hpp"

namespace kronwerk::factors {

/// A dense matrix, once per node.
class DenseFactor final : public Factor {
 public:
  /// @throws ShapeError if the number of values is not rows * cols
  DenseFactor(std::string name, communication::SharedDense matrix);

  DenseView view() const {
    return DenseView::row_major(matrix_.values.data(), matrix_.rows, matrix_.cols);
  }
  double flops_per_fibre() const override;
  Index bytes() const override;
  std::vector<double> diagonal() const override;
  void add_to_dense(double scale, std::span<double> out) const override;

 private:
  void do_apply(ConstView x, View y, bool transposed) const override;
  std::unique_ptr<LocalFactorisation> begin_factorisation() const override;
  std::shared_ptr<const Factorisation> attach_factorisation(
      communication::SharedArray<std::byte> memory) const override;

  communication::SharedDense matrix_;
};

}  // namespace kronwerk::factors
