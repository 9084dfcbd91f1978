#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kronwerk/distribution/layout.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"

namespace kronwerk::models {

using core::Index;

/// What changes of single flows are multiplied by before they are summed: a number Λ_ij for every
/// cell of a square grid, such as the means of counts, which make changes of the linear predictor
/// changes of the counts; or 1. Every rank has the rows and the columns of its own regions.
class CellWeights {
 public:
  /// All 1.
  CellWeights() = default;
  /// Collective.
  /// @param comm       must outlive this
  /// @param workspace  through which the columns come
  /// @param rows       this rank's rows of origins
  CellWeights(const communication::Communicator& comm, operators::Workspace& workspace,
              const core::Extents& extents, std::vector<double> rows);

  /// Whether all are 1; then there is nothing below.
  bool none() const noexcept { return comm_ == nullptr; }
  /// This rank's rows, n numbers each.
  const std::vector<double>& rows() const noexcept { return rows_; }
  /// Λ_r· and Λ_·r of one of this rank's regions.
  std::span<const double> row(Index region) const { return part(rows_, region); }
  std::span<const double> column(Index region) const { return part(columns_, region); }
  /// Λ v, or Λᵀ v if `transposed`, on every rank. Collective.
  std::vector<double> multiply(std::span<const double> v, bool transposed) const;

 private:
  std::span<const double> part(const std::vector<double>& values, Index region) const;

  const communication::Communicator* comm_ = nullptr;
  distribution::Layout layout_;
  std::vector<double> rows_;
  std::vector<double> columns_;  ///< one after the other
};

}  // namespace kronwerk::models
