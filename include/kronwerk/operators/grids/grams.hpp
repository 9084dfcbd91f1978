#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "kronwerk/communication/shared_array.hpp"
#include "kronwerk/distribution/layout.hpp"
#include "kronwerk/operators/grids/kronecker_sum.hpp"
#include "kronwerk/operators/grids/projection.hpp"

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
  /// @param workspace        the away layout of a block; must live on comm. Collective.
  /// @param compare_samples  also multiply the samples with each other (m² N flops, always an
  ///                         exchange), which takes all of them in one block: the norm of G
  /// @throws ShapeError if there is no mode or one without points
  ModeGrams(const communication::Communicator& comm,
            std::shared_ptr<communication::SharedBlocks> workspace, Extents extents,
            bool compare_samples = false);

  /// How a block of `samples` is spread: the grid (samples, n_1, …, n_K), split for the least work
  /// of the busiest rank. Local.
  distribution::Layout layout(Index samples) const;
  /// Adds a block: this rank's home block of layout(samples). Collective.
  void add(Index samples, std::span<const double> block);
  /// S_1, …, S_K, row-major, the same on every rank. Collective.
  /// @throws DataError on every rank if a value is not finite, or there was no sample
  std::vector<std::vector<double>> finish();
  /// After finish(): ‖G‖_F = ‖Y Yᵀ‖_F / m, if samples were compared.
  std::optional<double> operator_norm() const { return norm_; }

 private:
  void add_mode(std::size_t mode, const double* block, Index left, Index right);
  void compare(Index samples, Index fibre);

  const communication::Communicator* comm_;
  std::shared_ptr<communication::SharedBlocks> workspace_;
  Extents extents_;
  bool compare_samples_ = false;
  Index samples_ = 0;
  std::optional<double> norm_;
  std::vector<std::vector<double>> sums_;  ///< lower triangles of n_k x n_k
  std::vector<double> products_;           ///< of samples, lower triangle of m x m
  std::vector<double> packed_;             ///< fibres of a mode side by side
};

/// The Kronecker sum nearest to the Gram operator whose mode-wise Gram matrices these are. Local.
/// @param norm  ‖G‖_F; without it the fit's norm, residual and share stay as they are by default
KroneckerSumFit project_gram(const Extents& extents, std::vector<std::vector<double>> grams,
                             TraceRule rule = TraceRule::split,
                             std::optional<double> norm = std::nullopt);

}  // namespace kronwerk::operators
