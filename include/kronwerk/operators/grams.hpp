#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kronwerk/communication/shared_array.hpp"
#include "kronwerk/distribution/layout.hpp"
#include "kronwerk/operators/kronecker_sum.hpp"
#include "kronwerk/operators/projection.hpp"

namespace kronwerk::operators {

/// The mode-wise Gram matrices of samples Y (m, n_1, …, n_K):
///   S_k = Y_(k) Y_(k)ᵀ / (m N / n_k),
/// what estimators of multi-axis models start from (Kalaitzis et al. 2013; Greenewald, Zhou and
/// Hero 2017). S_k is also the mean over the other modes of the entries of the Gram operator G =
/// Σ_s y_s y_sᵀ / m, so that the Kronecker sum nearest to G follows from all S_k.
///
/// Samples come in blocks in home layout. Per block, one exchange (none if the samples alone are
/// spread over the ranks) and a symmetric rank update per mode; one reduction for all modes at the
/// end.
class ModeGrams {
 public:
  /// @param workspace  the away layout of a block; must live on comm. Collective.
  /// @throws ShapeError if there is no mode or one without points
  ModeGrams(const communication::Communicator& comm,
            std::shared_ptr<communication::SharedBlocks> workspace, Extents extents);

  /// How a block of `samples` is spread: the grid (samples, n_1, …, n_K), split for the least work
  /// of the busiest rank. Local.
  distribution::Layout layout(Index samples) const;
  /// Adds a block: this rank's home block of layout(samples). Collective.
  void add(Index samples, std::span<const double> block);
  /// S_1, …, S_K, row-major, the same on every rank. Collective.
  /// @throws DataError on every rank if a value is not finite, or there was no sample
  std::vector<std::vector<double>> finish();

 private:
  void add_mode(std::size_t mode, const double* block, Index left, Index right);

  const communication::Communicator* comm_;
  std::shared_ptr<communication::SharedBlocks> workspace_;
  Extents extents_;
  Index samples_ = 0;
  std::vector<std::vector<double>> sums_;  ///< lower triangles of n_k x n_k
  std::vector<double> packed_;             ///< fibres of a mode side by side
};

/// The Kronecker sum nearest to the Gram operator whose mode-wise Gram matrices these are. Its norm
/// and residual stay zero: they would take all products of samples. Local.
KroneckerSumFit project_gram(const Extents& extents, std::vector<std::vector<double>> grams,
                             TraceRule rule = TraceRule::split);

}  // namespace kronwerk::operators
