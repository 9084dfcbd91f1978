#pragma once

#include <vector>

#include "kronwerk/models/flow/moments.hpp"

namespace kronwerk::models {

/// Rows of the lags (O_t ⊗ D_t) x of a distributed vector x, a panel at a time.
class LaggedRows {
 public:
  /// Applies the matrices of the origins: a block of memory for each that is no identity.
  /// Collective.
  /// @param block     this rank's rows, n_d values each; must outlive this, like `matrices`
  /// @param lagged    whether there are lags; x itself otherwise
  LaggedRows(const communication::Communicator& comm, const std::shared_ptr<Workspace>& workspace,
             const FlowFilter& filter, const FlowMatrices& matrices, std::span<const double> block,
             bool lagged);

  /// T, or 1.
  std::size_t lags() const noexcept { return lagged_ ? filter_->terms().size() : 1; }
  /// Lag t of the rows [first, first + rows) of this rank's, for every t; until the next call.
  /// Local.
  std::vector<const double*> rows(Index first, Index rows);

 private:
  const FlowFilter* filter_;
  std::span<const double> block_;
  bool lagged_;
  Index width_;
  std::vector<std::vector<double>> by_origin_;  ///< empty for an identity
  std::vector<factors::LocalProduct> destinations_;
  std::vector<std::vector<double>> panels_;  ///< of each term
};

}  // namespace kronwerk::models
