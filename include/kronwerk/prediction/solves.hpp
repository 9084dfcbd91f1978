#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kronwerk/prediction/forecast.hpp"
#include "kronwerk/prediction/products.hpp"

namespace kronwerk::prediction {

/// Before and after the computing stages of any job.
struct Frame {
  double datasets = 0;      ///< whose metadata are read
  double matrix_bytes = 0;  ///< read once per node
  double result_bytes = 0;  ///< written, of all ranks together
};

/// Jobs that apply an operator to vectors, or solve with it.
struct VectorWork {
  Frame frame;
  PricedSum op;
  Index blocks = 1;     ///< of vectors, each as large as the grid of `op`
  bool random = false;  ///< inputs are random numbers, else read
  /// Stored entries of the sparse matrices that are factorised; dense ones cost n³ each.
  std::vector<double> factor_entries;
  std::vector<double> dense_extents;
};

/// Iterations of conjugate gradients or the like.
struct IterationWork {
  PricedSum op;               ///< what an iteration applies
  PricedSum preconditioner;   ///< without terms if it is part of `op`, or if there is none
  double streamed_bytes = 0;  ///< per value and iteration, by the vectors' updates
  double reductions = 0;      ///< per iteration
  double vectors = 0;         ///< that the iteration keeps
};

std::vector<Stage> price_apply(const Pricing& pricing, const VectorWork& work);
/// By the product of the factors' inverses.
std::vector<Stage> price_product_solve(const Pricing& pricing, const VectorWork& work,
                                       const std::vector<PricedMode>& inverses);
/// In eigenvectors: there, a division, and back.
struct SpectralWork {
  std::vector<double> extents;       ///< of the distinct matrices that are decomposed
  std::vector<PricedMode> to_basis;  ///< of all modes
};
std::vector<Stage> price_spectral_solve(const Pricing& pricing, const VectorWork& work,
                                        const SpectralWork& spectral);
std::vector<Stage> price_krylov_solve(const Pricing& pricing, const VectorWork& work,
                                      const IterationWork& iteration);

/// There and back between grid and eigenvectors, with a division between.
Application price_spectral_application(const Pricing& pricing, const SpectralWork& spectral);

/// "startup" and "analyse".
std::vector<Stage> price_beginning(const Pricing& pricing, const Frame& frame);
Stage price_load(const Pricing& pricing, const Frame& frame);
Stage price_write(const Pricing& pricing, const Frame& frame);

}  // namespace kronwerk::prediction
