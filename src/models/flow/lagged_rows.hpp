#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "kronwerk/communication/row_exchange.hpp"
#include "kronwerk/factors/sparse/sparse_entries.hpp"
#include "kronwerk/models/flow/moments.hpp"

namespace kronwerk::models {

/// Rows of the lags (O_t ⊗ D_t) x of a distributed vector x, a panel at a time. Sparse matrices of
/// the origins combine the rows of their neighbours in the panel, of which those of other ranks
/// are brought here once; other matrices are applied to the whole vector beforehand.
class LaggedRows {
 public:
  /// Collective.
  /// @param block   this rank's rows, n_d values each; must outlive this, like `matrices`
  /// @param lagged  whether there are lags; x itself otherwise
  LaggedRows(const communication::Communicator& comm, const std::shared_ptr<Workspace>& workspace,
             const FlowFilter& filter, const FlowMatrices& matrices, std::span<const double> block,
             bool lagged);

  /// T, or 1.
  std::size_t lags() const noexcept { return lagged_ ? filter_->terms().size() : 1; }
  /// Lag t of the rows [first, first + rows) of this rank's, for every t; until the next call.
  /// Local.
  std::vector<const double*> rows(Index first, Index rows);
  /// After the last rows. Collective.
  void finish();

 private:
  /// One matrix of the origins.
  struct Origin {
    bool identity = false;
    std::optional<factors::StoredEntries> entries;  ///< of this rank's rows
    std::vector<const double*> sources;             ///< of each entry: the row of x
    std::vector<double> applied;                    ///< this rank's rows, or a panel of them
  };

  void exchange(const communication::Communicator& comm);
  const double* origin_rows(std::size_t matrix, Index first, Index rows);

  const FlowFilter* filter_;
  std::span<const double> block_;
  bool lagged_;
  Index width_;
  std::vector<Origin> origins_;
  std::vector<factors::LocalProduct> destinations_;
  std::vector<std::vector<double>> panels_;  ///< of each term
  std::unique_ptr<Workspace> blocks_;        ///< that holds rows for other ranks
  std::unique_ptr<communication::RowExchange> exchange_;
  std::unique_ptr<communication::RowExchange::Transfer> transfer_;
};

}  // namespace kronwerk::models
