#pragma once

#include <optional>
#include <vector>

#include "kronwerk/distribution/sum_estimate.hpp"
#include "kronwerk/operators/base/linear_operator.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"

namespace kronwerk::operators {

/// scale * (C_1 ⊗ … ⊗ C_K)
struct ScaledProduct {
  double scale = 1;
  std::vector<factors::Chain> chains;
};

/// Σ_t scale_t (C_{t,1} ⊗ … ⊗ C_{t,K}), applied with two exchange phases for all terms together.
///
/// With the terms written as Σ_{l,r} c_lr L_l ⊗ R_r over the distinct leading and trailing parts,
/// either  y = Σ_i (Σ_l u_il L_l) (Σ_r v_ir R_r) x  with c = uᵀv of rank d over the leading parts
/// that are no identities: d vectors go away, one comes home; or the same with the sides exchanged:
/// one vector goes away, d come home. The side with fewer vectors is taken (design section 4).
/// Terms whose leading part is an identity are local. One term is applied as a KroneckerProduct.
class ProductSum final : public LinearOperator {
 public:
  /// Factorises what the chains need. Collective on comm, which must outlive the operator.
  /// @param terms          at least one, all of the same shape
  /// @param leading_modes  the split; chosen by the estimates if absent
  /// @throws ShapeError, DataError (singular factor), ResourceError: on every rank or on none
  ProductSum(const communication::Communicator& comm, std::shared_ptr<Workspace> workspace,
             std::vector<ScaledProduct> terms, std::optional<int> leading_modes = std::nullopt);
  /// One product as an operator, with its split. Local.
  explicit ProductSum(KroneckerProduct product);

  const std::vector<ScaledProduct>& terms() const noexcept { return terms_; }
  /// Flops, bytes moved and work memory of one application.
  const distribution::SumEstimate& estimate() const noexcept;
  /// Exchange phases of one application: 0 or 2.
  int exchanges() const noexcept { return estimate().exchanges; }
  /// Vectors that these phases move: 0, or at most d + 1.
  int vectors_moved() const noexcept { return estimate().vectors_moved; }
  bool has_diagonal() const noexcept override;
  /// "2 exchanges, 3 vectors moved"
  std::string description() const override;
  /// Σ_t scale_t Π_k tr(C_{t,k}). Collective.
  double trace() const;

 private:
  void do_apply(std::span<const double> x, std::span<double> y, bool transposed,
                bool accumulate) const override;
  void do_diagonal(std::span<double> values) const override;

  struct State;
  explicit ProductSum(std::vector<ScaledProduct> terms, std::shared_ptr<State> state);
  static std::shared_ptr<State> make_state(const communication::Communicator& comm,
                                           std::shared_ptr<Workspace> workspace,
                                           const std::vector<ScaledProduct>& terms,
                                           std::optional<int> leading_modes);

  std::vector<ScaledProduct> terms_;
  std::shared_ptr<State> state_;
};

}  // namespace kronwerk::operators
