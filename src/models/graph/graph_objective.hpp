#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "models/graph/graph_blocks.hpp"
#include "models/graph/inverse_sums.hpp"

namespace kronwerk::models {

/// Matrices of this rank's blocks, row-major, one after the other.
using BlockMatrices = std::vector<std::vector<double>>;

/// Factors Ψ_k, and what is known of them.
struct GraphPoint {
  BlockMatrices factors;
  BlockMatrices vectors;    ///< rows are eigenvectors
  BlockMatrices gradients;  ///< S − B; by Ψ_k(i, j), as a multiple of m_k
  ModeVectors spectra;      ///< eigenvalues, block after block
  ModeVectors means;        ///< b_k, the means of 1/s over the other modes
  double log_determinant = 0;
  double objective = 0;  ///< over N
  double kkt = 0;
};

/// The lower triangle of Uᵀ diag(weights) U, weights ≥ 0, U (n, n). Local.
void compose(Index extent, const std::vector<double>& vectors, const double* weights,
             std::vector<double>& work, std::vector<double>& out);

/// The penalised likelihood in units of the mean diagonal of S: Grams and penalties are divided by
/// it. Whatever is computed by blocks is computed by their owners.
class GraphObjective {
 public:
  /// Collective on comm, which must outlive this.
  /// @param large_extent  as of find_blocks()
  GraphObjective(const communication::Communicator& comm, const GraphProblem& problem,
                 Index large_extent = default_large_extent);
  ~GraphObjective();

  const communication::Communicator& comm() const { return *comm_; }
  const Extents& extents() const { return extents_; }
  const std::vector<GraphBlock>& blocks() const { return blocks_; }
  double unit() const { return unit_; }
  Index points() const { return core::product(extents_); }
  Index decompositions() const { return decompositions_; }

  /// This rank's blocks, by their number in blocks(); what BlockMatrices are in the order of.
  const std::vector<std::size_t>& own() const { return own_; }
  const GraphBlock& own_block(std::size_t own) const { return blocks_[own_[own]]; }
  const BlockMatrices& grams() const { return grams_; }
  /// Of the entries' absolute values; zero on the diagonal.
  const BlockMatrices& penalties() const { return penalties_; }
  /// Matrices of these sizes, uninitialised contents.
  void resize(BlockMatrices& matrices) const;

  /// Decomposes the factors: spectra, vectors, log determinant and objective. False where the sum
  /// is not positive definite. Collective.
  bool evaluate(GraphPoint& point) const;
  /// Then: means, gradients and the KKT residual. Collective.
  void differentiate(GraphPoint& point) const;
  /// Σ_k ⟨X_k, Y_k⟩ / n_k over all blocks. Collective.
  double product(const BlockMatrices& x, const BlockMatrices& y) const;
  /// Vectors of this rank's blocks to those of all modes, block after block. Collective.
  /// @param numbers  if given, one of each of this rank's blocks, then of each of all blocks
  ModeVectors gather(const std::vector<std::vector<double>>& own,
                     std::vector<double>* numbers = nullptr) const;
  /// `width` numbers of each of this rank's blocks to those of all blocks. Whatever is summed over
  /// the blocks is summed in their order, so that it does not depend on who owns them. Collective.
  std::vector<double> of_all_blocks(std::span<const double> own, std::size_t width = 1) const;
  /// Σ of one number of every block. Collective.
  double sum_blocks(std::span<const double> own) const;
  /// Gives all modes one mean diagonal and leaves ⊕ X_k as it is. Collective.
  void balance(BlockMatrices& x) const;
  /// Whole matrices of every mode, on every rank. Collective.
  std::vector<std::vector<double>> assemble(const BlockMatrices& matrices) const;
  /// This rank's blocks of such matrices. Local.
  BlockMatrices take(const std::vector<std::vector<double>>& matrices) const;

 private:
  struct Shared;
  void decompose(GraphPoint& point, std::vector<std::vector<double>>& eigenvalues) const;
  double violation(const GraphPoint& point) const;

  const communication::Communicator* comm_;
  Extents extents_;
  std::vector<GraphBlock> blocks_;
  std::vector<std::size_t> own_;
  double unit_ = 1;
  BlockMatrices grams_;
  BlockMatrices penalties_;
  std::unique_ptr<Shared> shared_;  ///< of blocks that all ranks decompose
  mutable Index decompositions_ = 0;
};

}  // namespace kronwerk::models
