#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "kronwerk/expressions/lowering.hpp"
#include "kronwerk/operators/kronecker_product.hpp"

namespace kronwerk::application {

using core::Extents;
using core::Index;
using operators::KroneckerProduct;

/// One product for `batch` vectors at once: a leading identity mode if batch > 1. Collective.
KroneckerProduct make_product(const communication::Communicator& comm,
                              const std::shared_ptr<operators::Workspace>& workspace,
                              const expressions::LoweredProduct& product, Index batch,
                              std::optional<int> leading_modes = std::nullopt);

/// The inverse of make_product(), with the split that suits solving. Factorises; collective.
KroneckerProduct make_inverse(const communication::Communicator& comm,
                              const std::shared_ptr<operators::Workspace>& workspace,
                              const expressions::LoweredProduct& product, Index batch);

/// The same factors with another scale and the same split.
KroneckerProduct rescaled(const KroneckerProduct& product,
                          const std::shared_ptr<operators::Workspace>& workspace, double scale);

/// Σ of Kronecker products that are applied one after the other, all with the same layouts.
class OperatorSum {
 public:
  /// @param products       not empty
  /// @param leading_modes  the split; that of the first product if absent. Collective.
  OperatorSum(const communication::Communicator& comm,
              const std::shared_ptr<operators::Workspace>& workspace,
              std::span<const expressions::LoweredProduct> products, Index batch,
              std::optional<int> leading_modes = std::nullopt);

  const std::vector<KroneckerProduct>& terms() const noexcept { return terms_; }
  const distribution::Layout& input_layout() const { return terms_.front().input_layout(); }
  const distribution::Layout& output_layout() const { return terms_.front().output_layout(); }
  /// y = Σ Op_t x. Collective.
  void apply(std::span<const double> x, std::span<double> y) const;
  /// Collective.
  OperatorSum transposed() const;

 private:
  OperatorSum() = default;
  std::vector<KroneckerProduct> terms_;
};

}  // namespace kronwerk::application
