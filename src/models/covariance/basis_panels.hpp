#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/factors/spectra/bases.hpp"

namespace kronwerk::models {

using core::Index;

/// V of a basis and AV for a matrix A, a few columns at a time. Local.
class BasisPanels {
 public:
  static constexpr Index width = 128;

  /// @param matrix  its inverses must have been factorised
  BasisPanels(const factors::Basis& basis, const factors::Chain& matrix);

  /// Of the loaded columns: n x count.
  const std::vector<double>& vectors() const noexcept { return vectors_; }
  /// Rows of A x count.
  const std::vector<double>& images() const noexcept { return images_; }

  void load(Index first, Index count);
  /// The same columns of V, and v_iᵀ A v_i for each of them by the lower triangle of a symmetric A:
  /// half the flops of load(), whose images it does not give.
  void add_squares(Index first, Index count, double* squares);
  /// Rows [row, n) of VᵀAV for the loaded columns of a square A, at `out` with leading dimension n.
  void project(Index row, Index count, double* out) const;

 private:
  void take_vectors(Index first, Index count);
  void take_lower_images(Index count);
  void project_by_chain(Index row, Index count, double* out) const;

  Index n_;
  Index rows_;
  const factors::Basis& basis_;
  factors::LocalProduct matrix_;
  std::span<const double> entries_;  ///< of A, if it is one dense factor
  std::span<const double> values_;   ///< of V, if it is one dense factor
  bool stored_transposed_ = false;
  std::vector<double> vectors_;
  std::vector<double> images_;
};

/// Calls work(first, count) for this rank's panels: dealt out in turn, since in a lower triangle
/// early ones are longer.
template <typename Work>
void for_basis_panels(const communication::Communicator& among, Index n, const Work& work) {
  Index number = 0;
  for (Index first = 0; first < n; first += BasisPanels::width, ++number) {
    if (number % among.size() == among.rank()) work(first, std::min(BasisPanels::width, n - first));
  }
}

}  // namespace kronwerk::models
