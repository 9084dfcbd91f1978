#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "kronwerk/communication/shared_array.hpp"
#include "kronwerk/distribution/estimate.hpp"
#include "kronwerk/distribution/layout.hpp"
#include "kronwerk/factors/base/chain.hpp"
#include "kronwerk/operators/base/size_agreement.hpp"

namespace kronwerk::operators {

using core::Extents;
using core::Index;

/// The block of work memory that the operators of one job share: the away layout of one vector.
using Workspace = communication::SharedBlocks;

/// scale * (C_1 ⊗ … ⊗ C_K), where each C_k is a chain of factors, their transposes and inverses.
/// The solve with a product is the product of the inverses: inverse().apply().
///
/// A batch of m vectors is a further leading mode with an identity chain.
class KroneckerProduct {
 public:
  /// Factorises what the chains need (collective on comm, which must outlive the operator).
  /// @param workspace      shared by all operators of a job; must live on the same comm
  /// @param leading_modes  the split of all layouts; chosen by distribution::choose_split if
  /// absent.
  ///                       Operators that exchange vectors with each other need equal splits.
  /// @throws ShapeError, DataError (singular factor), ResourceError: on every rank or on none
  KroneckerProduct(const communication::Communicator& comm, std::shared_ptr<Workspace> workspace,
                   double scale, std::vector<factors::Chain> chains,
                   std::optional<int> leading_modes = std::nullopt);

  const communication::Communicator& comm() const noexcept { return *comm_; }
  double scale() const noexcept { return scale_; }
  const std::vector<factors::Chain>& chains() const noexcept { return chains_; }
  /// Layout of what the operator is applied to (extents = columns of the chains).
  const distribution::Layout& input_layout() const noexcept { return input_; }
  /// Layout of the result (extents = rows of the chains).
  const distribution::Layout& output_layout() const noexcept { return output_; }
  const distribution::ProductEstimate& estimate() const noexcept { return estimate_; }

  /// y = Op x, or y += Op x if `accumulate`. Home layout, this rank's blocks. x and y must not
  /// overlap. Collective. Two redistributions for any K, none if the leading chains are identities;
  /// O(N Σ flops_per_fibre_k / n_k / P) flops per rank.
  /// @throws ShapeError, at the first application on every rank or on none
  void apply(std::span<const double> x, std::span<double> y, bool accumulate = false) const;

  /// Share factors, factorisations and workspace with this one. Collective (inverse() may
  /// factorise).
  KroneckerProduct transposed() const;
  /// @throws ShapeError if a factor is not square, DataError if one is singular
  KroneckerProduct inverse() const;
  /// The same operator on `batch` vectors at once: a leading identity mode, split chosen anew.
  KroneckerProduct batched(Index batch) const;

  /// log|det| and sign. Collective; square chains only.
  factors::Determinant determinant() const;
  /// The diagonal's home block (square grids). Collective.
  void diagonal(std::span<double> values) const;
  /// Π_k tr(C_k), times the scale. Collective.
  double trace() const;

 private:
  void to_away(std::span<const double> x) const;
  void apply_leading() const;
  void to_home(std::span<double> y, bool accumulate) const;
  void apply_locally(std::span<const double> x, std::span<double> y, bool accumulate) const;

  const communication::Communicator* comm_;
  std::shared_ptr<Workspace> workspace_;
  double scale_;
  std::vector<factors::Chain> chains_;
  distribution::Layout input_;
  distribution::Layout middle_;      ///< what goes away: leading columns, trailing modes shrunk
  distribution::Layout middle_out_;  ///< what comes home: leading rows
  distribution::Layout output_;
  distribution::ProductEstimate estimate_;
  SizeAgreement sizes_;
  struct Stages;
  std::shared_ptr<const Stages> stages_;
};

/// tr(Op⁻¹ D) for two products with the same grid, from the factors alone: Π_k tr(C_k⁻¹ D_k) times
/// the scales' ratio. Collective.
double trace_of_ratio(const KroneckerProduct& op, const KroneckerProduct& numerator);

}  // namespace kronwerk::operators
