#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/models/fit/gradient_fit.hpp"
#include "kronwerk/models/flow/column_solves.hpp"
#include "kronwerk/models/flow/fixed_effects.hpp"
#include "kronwerk/models/flow_counts/count_family.hpp"
#include "kronwerk/operators/base/linear_operator.hpp"

namespace kronwerk::models {

/// Solves with the filter at given parameters over the whole grid: x = A⁻¹ b or A⁻ᵀ b, this rank's
/// rows of origins. Collective.
/// @throws ConvergenceError where the solution is not accepted
using FlowSolve =
    std::function<void(std::span<const double> b, std::span<double> x, bool transposed)>;
/// Prepares such solves. Collective.
using FlowSolveMaker = std::function<FlowSolve(std::span<const double> parameters)>;

/// Counts of one or several years, this rank's rows of origins.
struct FlowCounts {
  std::vector<std::vector<double>> years;  ///< NaN: not observed
  /// The exposures' logarithms: none, one for all years, or one for each.
  std::vector<std::vector<double>> log_exposure;

  /// Null if there is none.
  const std::vector<double>* exposure(std::size_t year) const {
    if (log_exposure.empty()) return nullptr;
    return &log_exposure[log_exposure.size() == 1 ? 0 : year];
  }
};

class CellSums;
class EffectSystem;
class SeparableSolves;

/// y ~ Poisson(λ) or negative binomial with mean λ, λ = exposure · exp(η), A(θ) η = Z δ
/// (Lambert, Brown and Florax 2010; for flows LeSage, Fischer and Scherngell 2007): the log
/// likelihood as a function of x = (the filter's P parameters, p coefficients δ, log θ of the
/// negative binomial). Cells that are NaN have no part in it, exactly.
///
/// With U_j = A⁻¹ z_j and g_k = -A⁻¹ A_k η (A_k = ∂A/∂θ_k), both ∂η, and v = A⁻ᵀ s for the scores
/// s, the Hessian is -Uᵀ diag(w) U + Σ s ∂²η, whose last part is inner products of v with the
/// filter's terms applied to U: P solves over the grid, one for each column that is no Kronecker
/// product of simple vectors (ColumnSolver), and one adjoint. Where the filter is O ⊗ D, solves
/// with one mode for each parameter are enough for g_k and v (SeparableSolves).
///
/// Fixed effects are no variables: η = A⁻¹Zδ + Dβ, and the likelihood is that at the β which is
/// best for x, with the derivatives of that.
class CountFlow {
 public:
  /// Collective. @param comm, filter, matrices, columns  must outlive this
  /// @param effects  that the filter maps to such (find_unequal_rows)
  /// @throws DataError naming a fixed effect that the counts do not tell
  CountFlow(const communication::Communicator& comm, std::shared_ptr<Workspace> workspace,
            const FlowFilter& filter, const FlowMatrices& matrices,
            const std::vector<FlowColumn>& columns, FlowCounts counts, CountFamily family,
            FlowSolveMaker solves, const FixedEffects& effects = {});
  ~CountFlow();

  /// P + p, + 1 for the negative binomial.
  std::size_t variables() const noexcept;
  Index cells() const noexcept { return cells_; }  ///< observed, of all years
  /// Whether the filter is O ⊗ D at the parameters of last, and is solved mode by mode.
  bool separable() const noexcept { return separable_ != nullptr; }

  /// Absent where a mean overflows or the filter is singular. A point that was evaluated last is
  /// not again. Collective; the same on every rank.
  std::optional<NewtonPoint> evaluate(std::span<const double> x);
  /// The same at x with δ moved to what is best beside the other variables, where x is far from it:
  /// steps in θ alone go far, since δ follows. Repeats of x itself stay there.
  std::optional<NewtonPoint> evaluate_near(std::span<const double> x);
  /// Only the value and the gradient, by one forward and one adjoint solve. Collective.
  std::optional<NewtonPoint> evaluate_gradient(std::span<const double> x);
  /// log p of every count at x, this rank's rows of each year, NaN where none was observed; empty
  /// where a mean overflows or the filter is singular. One forward solve. Collective.
  std::vector<std::vector<double>> log_probabilities(std::span<const double> x);
  /// The sums of products of the cells' scores at the point that was evaluated last with its
  /// Hessian: the middle of the sandwich (White 1982). (n, n). Collective.
  std::vector<double> score_products() const;
  const FlowCounts& counts() const noexcept { return counts_; }
  /// η there, this rank's rows.
  const std::vector<double>& linear_predictor() const noexcept { return eta_; }
  /// The fixed effects there, of Zδ + Dα = A η. Local.
  EffectValues effects() const;
  /// Zδ of some coefficients, this rank's rows. Local.
  std::vector<double> trend(std::span<const double> coefficients) const;

  /// Where to start with the filter at `parameters`: the maximum over δ, by iterated weighted least
  /// squares from the counts themselves (McCullagh and Nelder 1989, section 2.5), and θ from the
  /// moments. Collective.
  /// @throws DataError naming columns that are combinations of others, or of fixed effects
  std::vector<double> begin(std::span<const double> parameters);

  /// Where a quasi-Newton fit starts: coefficients by the counts' logarithms as if the filter only
  /// divided the field, and the metric from the counts. Collective. @throws as begin()
  GradientBeginning begin_plainly(std::span<const double> parameters);

  /// Of the means of the observed flows at the point that was evaluated last. Collective.
  double least_mean() const;

  /// The places of coefficients that diverge: their standard errors, times the largest entry of the
  /// column, are beyond any use, as where all flows of a column are 0. Collective.
  /// @param covariance  (n, n), of x
  std::vector<std::size_t> diverging(std::span<const double> covariance) const;

 private:
  struct Sums;
  std::size_t free() const noexcept { return filter_->parameters().size(); }
  bool has_theta() const noexcept { return family_ == CountFamily::negative_binomial; }
  void move_to(std::span<const double> parameters);
  void solve(std::span<const double> b, std::span<double> x, bool transposed);
  void solve_columns();
  void combine(std::span<const double> delta, std::size_t first, std::size_t count,
               std::vector<double>& eta) const;
  bool move_field_to(std::span<const double> delta, double theta);
  bool move_by_one_solve(std::span<const double> x);
  void find_slopes(std::span<std::vector<double>> slopes);
  std::vector<double> apply_term(std::size_t t, std::span<const double> x, bool transposed) const;
  Sums sum_cells(std::span<const double> eta, double theta, std::size_t vectors,
                 std::vector<double>* scores,
                 const std::function<void(std::size_t, std::size_t)>& prepare = {}) const;
  CountTerms terms_at(double y, double eta, double theta) const;
  /// The variable of a vector of the basis, which has the columns first and then g_k.
  std::size_t place(std::size_t vector) const noexcept;
  /// Products of the basis' vectors as (n, n) of the variables, 0 for log θ.
  std::vector<double> in_variables(std::span<const double> products) const;
  NewtonPoint point_of(std::span<const double> x, const Sums& sums) const;
  void add_curvature(std::span<const double> scores, std::vector<double>& hessian);
  void find_slope_images(std::span<const double> scores, std::vector<double>& second);
  std::vector<double> fit_coefficients(bool checked);
  void begin_again(std::span<double> delta, double theta, Sums& sums);
  CellSums weigh_columns(const std::vector<std::vector<double>>& more) const;
  double mean_scale();
  void climb(std::span<double> delta, double theta, double enough);
  double start_theta(std::span<const double> eta) const;
  void check_columns(std::span<const double> gram, std::span<const double> whole) const;
  std::vector<double> absorb_gram(std::vector<double>& gram) const;
  Sums sum_profile(std::span<const double> delta, double theta);

  struct CellTerms {
    double value = 0;
    std::vector<double> score, weight, both;
  };
  void absorb(const FixedEffects& effects);
  const std::vector<double>& field() const noexcept;
  CellTerms cell_terms(std::span<const double> eta, double theta) const;
  void start_effects();
  bool fit_effects(double theta);
  bool move_field(std::vector<double> field, double theta);
  void absorb_curvature(std::vector<double>& hessian);
  void absorb_scores(std::vector<double>& products) const;

  const communication::Communicator* comm_;
  std::shared_ptr<Workspace> workspace_;
  const FlowFilter* filter_;
  const FlowMatrices* matrices_;
  const std::vector<FlowColumn>* columns_;
  FlowCounts counts_;
  CountFamily family_;
  FlowSolveMaker make_solve_;
  ColumnSolver column_solver_;
  std::size_t block_ = 0;  ///< cells of this rank
  Index first_row_ = 0;
  Index width_ = 0;
  Index cells_ = 0;
  double log_factorials_ = 0;
  std::vector<operators::KroneckerProduct> products_;
  std::vector<operators::KroneckerProduct> transposed_products_;

  std::vector<double> parameters_;  ///< the filter's, of all that follows
  FilterCoefficients coefficients_;
  FlowSolve solve_;
  std::shared_ptr<const SeparableSolves> separable_;  ///< null where the filter is not separable
  bool columns_solved_ = false;
  std::vector<std::vector<double>> basis_;  ///< U_1 … U_p, g_1 … g_P
  std::vector<double> eta_;
  std::vector<double> combined_;  ///< δ of η; empty where it is not of this basis
  double theta_ = 0;
  std::optional<NewtonPoint> last_;  ///< of all that is above

  // Kept from one evaluation to the next for their memory, which takes long to get.
  std::vector<double> scores_;
  std::vector<double> adjoint_;              ///< A⁻ᵀ s
  std::vector<std::vector<double>> images_;  ///< A_kᵀ A⁻ᵀ s

  std::unique_ptr<EffectSystem> system_;  ///< null without fixed effects
  std::vector<double> field_;             ///< A⁻¹Zδ
  std::vector<double> effects_;           ///< β; empty where none are known
  std::vector<double> both_sums_;         ///< of the effects: ∂²/∂β∂log θ
  std::vector<double> responses_;         ///< (n, effects): ∂β/∂x
};

}  // namespace kronwerk::models
