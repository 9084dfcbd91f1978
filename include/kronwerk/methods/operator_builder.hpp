#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "kronwerk/methods/operator_data.hpp"
#include "kronwerk/operators/products/judged_product.hpp"

namespace kronwerk::methods {

using core::Extents;
using core::Index;
using operators::OperatorPtr;

/// Makes N-sized operators of lowered terms.
class OperatorBuilder {
 public:
  /// @param comm, data  must outlive this
  OperatorBuilder(const communication::Communicator& comm,
                  std::shared_ptr<operators::Workspace> workspace, OperatorData& data)
      : comm_(&comm), workspace_(std::move(workspace)), data_(&data) {}

  const communication::Communicator& comm() const noexcept { return *comm_; }
  const std::shared_ptr<operators::Workspace>& workspace() const noexcept { return workspace_; }
  OperatorData& data() const noexcept { return *data_; }

  /// Σ of the terms for `batch` vectors at once (a further leading mode if batch > 1).
  /// Collective.
  /// @param terms          not empty
  /// @param leading_modes  the split; that of the products if absent
  /// @param judging        of the solves inside, if they are judged
  OperatorPtr build(std::span<const expressions::LoweredProduct> terms, Index batch,
                    std::optional<int> leading_modes = std::nullopt,
                    const operators::Judging* judging = nullptr) const;
  /// The inverse of one term, with the split that suits solving. Factorises; collective.
  OperatorPtr build_inverse(const expressions::LoweredProduct& term, Index batch,
                            std::optional<int> leading_modes = std::nullopt) const;

 private:
  OperatorPtr build_with_steps(const expressions::LoweredProduct& term, Index batch,
                               std::optional<int> leading_modes,
                               const operators::Judging* judging) const;

  const communication::Communicator* comm_;
  std::shared_ptr<operators::Workspace> workspace_;
  OperatorData* data_;
};

/// Whether applying the terms solves with a factor.
bool solve_inside(std::span<const expressions::LoweredProduct> terms);

/// The chains with a leading identity for `batch` vectors, if there are several.
std::vector<factors::Chain> batched(std::vector<factors::Chain> chains, Index batch);

}  // namespace kronwerk::methods
