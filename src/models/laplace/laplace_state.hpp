#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "kronwerk/models/laplace/laplace.hpp"
#include "kronwerk/operators/krylov/krylov.hpp"
#include "models/laplace/latent_basis.hpp"

namespace kronwerk::models {

using communication::Communicator;
using Vector = std::vector<double>;

/// D^-½ (I + GᵀWG) D^-½, D = I + diag(G_tᵀW̃G_t): what the nearest product leaves of B.
class LatentHessian final : public operators::LinearOperator {
 public:
  /// Local. @param basis  must outlive this;  @param scaled  false: D = I
  LatentHessian(const Communicator& comm, const LatentBasis& basis, bool scaled);
  /// W, for all products from now on: this rank's home block. Local.
  void set_weights(Vector weights) { weights_ = std::move(weights); }
  /// x ← D^-½ x
  void scale(std::span<double> x) const;
  /// D⁻¹: this rank's home block. Local.
  Vector reciprocals() const;
  /// log|D|. Collective.
  double log_scale() const;

 private:
  void do_apply(std::span<const double> x, std::span<double> y, bool transposed,
                bool accumulate) const override;

  const LatentBasis& basis_;
  Vector roots_;  ///< D^-½
  Vector weights_;
  mutable Vector scaled_;
  mutable Vector field_;
};

/// log p and its derivatives in every cell.
struct FieldTerms {
  double value = 0;  ///< over all cells
  Vector score;
  Vector weight;
  Vector steepness;
};

struct LatentState {
  LatentState(const Communicator& on, std::shared_ptr<Workspace> shared, LatentCells observed_cells,
              LaplaceSettings wanted);

  // Newton's method.
  LaplaceProgress find_mode();
  void begin();
  void make_basis(std::vector<std::vector<double>> nearest);
  FieldTerms terms_at(std::span<const double> field) const;
  bool step(LaplaceProgress& progress, bool first, double forcing);
  bool refresh(double allowed);
  void finish();

  // Products with A = I + GᵀWG and what follows. Collective.
  Vector to_field(std::span<const double> coordinates) const;
  Vector to_coordinates(std::span<const double> field) const;
  /// A⁻¹ b, from a start (may be empty).
  Vector solve(std::span<const double> b, double tolerance, Vector start = {});
  /// The solves X − GY, S and their factor at the present W.
  void solve_columns(double tolerance);
  /// S⁻¹ v
  Vector solve_small(Vector v) const;
  double dot(std::span<const double> x, std::span<const double> y) const;
  Vector weighted(std::span<const double> field) const;
  /// W̃: this rank's home block. Local.
  Vector nearest_product() const;

  const Communicator& comm;
  std::shared_ptr<Workspace> workspace;
  LatentCells cells;
  LaplaceSettings settings;
  Index observed = 0;
  bool exact = true;

  LatentModel model;
  Vector offset;                ///< of the columns with a coefficient
  std::vector<Vector> columns;  ///< X: those without
  std::vector<std::size_t> estimated;

  std::unique_ptr<LatentBasis> basis;
  std::shared_ptr<LatentHessian> hessian;
  std::unique_ptr<operators::KrylovSolver> krylov;
  Index iterations = 0;  ///< of conjugate gradients
  Index bases = 0;

  Vector coordinates;  ///< c
  Vector beta;
  Vector field;  ///< f
  FieldTerms terms;
  double objective = 0;  ///< log p − ½|c|²
  bool started = false;  ///< `field` is the mode of another model
  Vector beginning;      ///< where every search begins; empty: at `field`

  std::vector<Vector> solved;           ///< Y = A⁻¹GᵀWX
  std::vector<Vector> residual;         ///< Q = X − GY = (I − KR) X
  std::vector<Vector> reduced_columns;  ///< Z = R X = W Q
  Vector schur_factor;                  ///< the Cholesky factor of S, (p, p)
};

}  // namespace kronwerk::models
