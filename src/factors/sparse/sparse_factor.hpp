#pragma once

#include <string>
#include <vector>

#include "factors/sparse/sparse_arrays.hpp"
#include "kronwerk/communication/shared_matrix.hpp"
#include "kronwerk/factors/base/factor.hpp"

namespace kronwerk::factors {

/// A sparse matrix (CSR, once per node) as a factor.
class SparseFactor final : public Factor {
 public:
  /// Local. @throws DataError if the arrays do not make a matrix of that size
  SparseFactor(std::string name, communication::SharedSparse matrix);

  SparseView view() const noexcept;

  double flops_per_fibre() const override;
  Index bytes() const override;
  std::vector<double> diagonal() const override;
  void add_to_dense(double scale, std::span<double> out) const override;

 private:
  void do_apply(ConstView x, View y, bool transposed) const override;
  std::unique_ptr<LocalFactorisation> begin_factorisation() const override;
  std::shared_ptr<const Factorisation> attach_factorisation(
      communication::SharedArray<std::byte> memory) const override;
  void apply_panels(const ConstView& x, const View& y) const;
  void apply_panels_transposed(const ConstView& x, const View& y) const;

  communication::SharedSparse matrix_;
};

}  // namespace kronwerk::factors
