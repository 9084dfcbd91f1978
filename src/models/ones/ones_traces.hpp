#pragma once

#include <span>
#include <vector>

#include "models/ones/ones_update.hpp"

namespace kronwerk::models {

/// tr(diag(1/e) U Φ Uᵀ diag(1/e) VᵀAV) with Φ = T A⁻¹ Tᵀ of an update: what its columns take from
/// tr(D⁻¹A) to make it tr(K⁻¹A), for products A without ones. This rank's parts, over pieces of the
/// grid.
class OnesTraces {
 public:
  /// Collective. @param update  must outlive this
  explicit OnesTraces(const OnesUpdate& update, const communication::Communicator& comm);

  /// Of a product that is diagonal in the coordinates: O(N / P), once for all O(N sets² / P).
  /// Local.
  double of(const GridTerm& product);
  /// Of one that is not in one mode: O(N n / P) flops. Local.
  /// @param full  the lower triangle of VᵀAV in this mode, n x n, row-major
  double of(const GridTerm& product, std::size_t mode, std::span<const double> full) const;

 private:
  struct Chunk;
  void find_diagonal();
  /// Neighbouring fibres along a mode that have the same rows of Φ.
  Chunk chunk(const GridTerm& product, std::size_t mode, Index begin, Index end) const;
  void fill_crossing(const Chunk& chunk, std::size_t mode, Index fibre,
                     std::span<const Index> place, double* out) const;

  const communication::Communicator& comm_;
  const OnesColumns& columns_;
  std::span<const double> posterior_;
  /// Of diag(1/e) U Φ Uᵀ diag(1/e), of this rank's cells.
  std::vector<double> diagonal_;
};

}  // namespace kronwerk::models
