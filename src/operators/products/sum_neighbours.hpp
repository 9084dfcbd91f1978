#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "kronwerk/communication/row_exchange.hpp"
#include "kronwerk/operators/products/product_sum.hpp"
#include "operators/products/sum_terms.hpp"
#include "operators/products/weighted_rows.hpp"

namespace kronwerk::operators {

/// A sum whose leading parts are stored entry by entry, applied in the home layout:
/// y = Σ_r R_r (Σ_l c_lr L_l) x, one row after another. Rows of x that this rank's rows of the L_l
/// name but other ranks own are exchanged while the rows that need none of them are computed.
class SumNeighbours {
 public:
  /// Nothing if a leading part is not stored entry by entry, or the entries are too many to keep.
  /// Collective.
  static std::optional<SumNeighbours> make(const communication::Communicator& comm,
                                           std::shared_ptr<Workspace> workspace,
                                           const SumTerms& terms, int leading_modes);

  const distribution::Layout& input() const noexcept { return input_; }
  const distribution::Layout& output() const noexcept { return output_; }
  /// Of the busiest rank: the same everywhere.
  const distribution::NeighbourNeeds& needs() const noexcept { return needs_; }

  /// Collective.
  void apply(std::span<const double> x, std::span<double> y, bool accumulate) const;

 private:
  /// Σ_l c_lr L_l in this rank's rows, and R_r.
  struct Part {
    std::vector<Index> offsets{0};
    std::vector<Index> sources;  ///< own rows of x, then the exchanged ones
    std::vector<double> weights;
    factors::LocalProduct trailing;
  };

  SumNeighbours() = default;
  void exchange_foreign_rows();
  void apply_rows(std::span<const double> x, std::span<const double* const> foreign, Index first,
                  Index count, std::span<double> y, bool accumulate) const;
  /// Σ_l c_lr L_l x of every part for some rows, each to its target.
  void gather(std::span<const double> x, std::span<const double* const> foreign, Index first,
              Index count, std::span<double* const> targets, bool accumulate) const;
  Index chunk_rows() const;

  const communication::Communicator* comm_ = nullptr;
  std::shared_ptr<Workspace> workspace_;
  distribution::Layout input_;
  distribution::Layout output_;
  std::vector<Part> parts_;
  std::vector<bool> needs_foreign_;  ///< of each own row of y
  std::shared_ptr<const communication::RowExchange> exchange_;
  distribution::NeighbourNeeds needs_;
};

}  // namespace kronwerk::operators
