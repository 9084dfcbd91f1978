// The Krylov method of a job: in the inner product that makes the operator symmetric, with the
// nearest Kronecker product or sum as preconditioner.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/methods/method.hpp"
#include "kronwerk/operators/products/product_diagonal.hpp"

namespace kronwerk::methods {
namespace {

using operators::KrylovMethod;
using operators::KrylovOutcome;

/// One block size's operators, in the coordinates in which Op is symmetric if there are such.
struct Operators {
  OperatorPtr op;              ///< D^½ Op D^-½
  OperatorPtr preconditioner;  ///< an inverse near to op's; may be null
  OperatorPtr combined;        ///< op times the preconditioner as one sum; may be null
  OperatorPtr to_symmetric;    ///< D^½; null where D = I
  OperatorPtr from_symmetric;  ///< D^-½
};

/// Makes the operators of a setup, for one block size.
class OperatorMaker {
 public:
  OperatorMaker(const OperatorBuilder& builder, const KrylovSetup& setup,
                std::span<const expressions::LoweredProduct> products, Index batch,
                std::optional<int> leading_modes)
      : builder_(builder),
        setup_(setup),
        products_(products),
        batch_(batch),
        leading_modes_(leading_modes) {}

  Operators make() {
    Operators result;
    if (!setup_.weighted()) {
      result.op = builder_.build(products_, batch_, leading_modes_);
    } else {
      find_factors();
      result.op = sum_of(setup_.grams.terms,
                         [&](std::size_t k, int i) { return chain_of(factors_[k][place(i)]); });
    }
    const auto& layout = result.op->input_layout();
    leading_modes_ = layout.leading_modes();
    if (setup_.weighted()) {
      result.to_symmetric = diagonal(layout, 0.5);
      result.from_symmetric = diagonal(layout, -0.5);
    }
    if (setup_.near_sum) {
      result.preconditioner = operators::make_spectral_inverse(
          builder_.comm(), builder_.workspace(), *setup_.near_sum->sum, batch_, leading_modes_);
      if (setup_.weighted()) {
        result.preconditioner = operators::compose(
            1, {result.to_symmetric, result.preconditioner, result.from_symmetric});
      }
    } else if (!setup_.near_product.empty()) {
      add_near_product(result);
    }
    return result;
  }

 private:
  using Terms = std::vector<operators::FactorGrams::Term>;
  static std::size_t place(int index) { return static_cast<std::size_t>(index); }
  static factors::Chain chain_of(const factors::FactorPtr& factor) {
    return {{factor, false, false}};
  }

  /// The distinct factors as matrices, scaled to D^½ F D^-½.
  void find_factors() {
    if (!factors_.empty()) return;
    const auto& comm = builder_.comm();
    for (std::size_t k = 0; k < setup_.factors.size(); ++k) {
      auto& mode = factors_.emplace_back();
      std::vector<double> root, inverse_root;
      if (setup_.weights) {
        for (const double d : (*setup_.weights)[k]) {
          root.push_back(std::sqrt(d));
          inverse_root.push_back(1 / std::sqrt(d));
        }
      }
      for (const auto& node : setup_.factors[k]) {
        auto factor = builder_.data().lowering().explicit_factor(*node);
        if (!root.empty() && !node->is_identity()) {
          const factors::FactorPtr scaled[] = {factors::make_diagonal("d", root), factor,
                                               factors::make_diagonal("1/d", inverse_root)};
          factor = factors::multiply(comm, node->text, scaled);
        }
        mode.push_back(std::move(factor));
      }
    }
  }

  OperatorPtr sum_of(const Terms& terms,
                     const std::function<factors::Chain(std::size_t, int)>& chain) const {
    std::vector<operators::ScaledProduct> products;
    for (const auto& term : terms) {
      operators::ScaledProduct product{term.coefficient, {}};
      for (std::size_t k = 0; k < term.factors.size(); ++k) {
        product.chains.push_back(chain(k, term.factors[k]));
      }
      product.chains = batched(std::move(product.chains), batch_);
      products.push_back(std::move(product));
    }
    return std::make_shared<operators::ProductSum>(builder_.comm(), builder_.workspace(),
                                                   std::move(products), leading_modes_);
  }

  OperatorPtr diagonal(const distribution::Layout& layout, double power) const {
    auto weights = *setup_.weights;
    for (auto& mode : weights) {
      for (double& value : mode) value = std::pow(value, power);
    }
    if (batch_ > 1) weights.insert(weights.begin(), std::vector<double>{});
    return operators::make_product_diagonal(builder_.comm(), layout, weights);
  }

  /// ⊗ P_k⁻¹, and the operator times that as one sum where each mode has two factors at most. A
  /// singular P_k leaves the solve without a preconditioner.
  void add_near_product(Operators& result) {
    find_factors();
    std::vector<factors::Chain> inverses;
    std::vector<int> identities;
    bool few = true;
    for (std::size_t k = 0; k < factors_.size(); ++k) {
      std::vector<std::pair<double, factors::FactorPtr>> terms;
      int identity = -1;
      for (std::size_t i = 0; i < factors_[k].size(); ++i) {
        terms.emplace_back(setup_.near_product[k][i], factors_[k][i]);
        if (setup_.factors[k][i]->is_identity()) identity = static_cast<int>(i);
      }
      identities.push_back(identity);
      few = few && factors_[k].size() <= 2;
      const auto near = factors::linear_combination(
          builder_.comm(), fmt::format("the preconditioner's factor {}", k + 1), terms);
      inverses.push_back(factors::inverse(chain_of(near)));
    }
    try {
      const Terms one{{1, std::vector<int>(inverses.size(), 0)}};
      result.preconditioner = sum_of(one, [&](std::size_t k, int) { return inverses[k]; });
    } catch (const core::DataError&) {
      return;  // thrown on every rank alike
    }
    const bool conjugate_gradients = setup_.method == KrylovMethod::cg;
    if (!few || (conjugate_gradients && !setup_.commuting)) return;
    const auto combined =
        operators::combine_with_inverse(setup_.grams, setup_.near_product, identities);
    result.combined = sum_of(combined.terms, [&](std::size_t k, int i) -> factors::Chain {
      if (i == combined.pivots[k]) {
        return chain_of(factors::make_identity(factors_[k].front()->rows()));
      }
      if (i == identities[k]) return inverses[k];
      factors::Chain chain = chain_of(factors_[k][place(i)]);
      chain.insert(chain.end(), inverses[k].begin(), inverses[k].end());
      return chain;
    });
  }

  const OperatorBuilder& builder_;
  const KrylovSetup& setup_;
  std::span<const expressions::LoweredProduct> products_;
  Index batch_;
  std::optional<int> leading_modes_;
  std::vector<std::vector<factors::FactorPtr>> factors_;
};

class JobKrylovSolver final : public Solver {
 public:
  JobKrylovSolver(Operators operators, Index batch, operators::KrylovSettings settings,
                  std::function<Operators()> column, const KrylovSetup& setup, SolveRecord& record)
      : Solver(operators.op->input_layout().leading_modes()),
        operators_(std::move(operators)),
        norms_(operators::ColumnNorms::one_after_another(operators_.op->comm(),
                                                         operators_.op->input_layout(), batch)),
        setup_(setup),
        record_(&record) {
    settings.on_iteration = [this](Index iteration, double /*residual*/) {
      if (record_->on_iteration) record_->on_iteration(iteration);
    };
    if (record_->on_iterate) {
      settings.on_iterate = [this](const operators::KrylovIterate& iterate) { tell(iterate); };
    }
    Operators one;
    if (batch > 1) one = column();
    const auto method = settings.method;
    solver_ = std::make_unique<operators::KrylovSolver>(operators_.op, operators_.preconditioner,
                                                        batch, std::move(settings), one.op,
                                                        one.preconditioner, operators_.combined);
    by_option_ = solver_->method_name() != operators::to_text(method);
  }

  void solve(std::span<const double> b, std::span<double> x, bool transposed) override {
    record_->accepted_by_option = false;
    if (operators_.to_symmetric) return solve_weighted(b, x, transposed);
    if (!record_->start || !record_->start(x)) std::ranges::fill(x, 0.0);
    note(solver_->solve(b, x, transposed), transposed);
  }

  double tolerance(double /*asked*/) const override { return solver_->tolerance(); }

  /// What runs, which PETSc's options may have changed.
  std::string description() const override {
    std::string text = solver_->method_name();
    if (by_option_) text += " (by -ksp_type)";
    if (setup_.weighted()) text += " in the inner product in which the operator is symmetric";
    const std::string& option = solver_->preconditioner_option();
    return text + ", " +
           (option.empty() ? setup_.preconditioner
                           : fmt::format("with the preconditioner '{}' of -pc_type", option));
  }

 private:
  /// With S = D^½ and S Op S⁻¹ symmetric: Op x = b is S Op S⁻¹ (S x) = S b, Opᵀ x = b is
  /// S Op S⁻¹ (S⁻¹ x) = S⁻¹ b. The tolerance is meant for the residual of the system as it was
  /// given, which another inner product may not see: then it goes on with a sharper one.
  void solve_weighted(std::span<const double> b, std::span<double> x, bool transposed) {
    constexpr int most = 4;
    const auto& into = transposed ? operators_.from_symmetric : operators_.to_symmetric;
    const auto& out = transposed ? operators_.to_symmetric : operators_.from_symmetric;
    const auto& comm = operators_.op->comm();
    communication::collectively(comm, [&] {
      right_side_.resize(b.size());
      residual_.resize(b.size());
      solution_.assign(x.size(), 0.0);
    });
    if (record_->start && record_->start(x)) into->apply(x, solution_);
    from_iteration_ = out;
    into->apply(b, right_side_);
    const std::vector<double> lengths = norms_.norms(b);
    double sharper = 0.5;
    for (int turn = 0; turn < most; ++turn) {
      const KrylovOutcome outcome = solver_->solve(right_side_, solution_, false, sharper);
      note(outcome, transposed);
      if (!outcome.converged || outcome.accepted_by_option) break;
      for (std::size_t i = 0; i < residual_.size(); ++i) residual_[i] = -right_side_[i];
      operators_.op->apply(solution_, residual_, true);
      out->apply(residual_, x);
      double excess = 0;
      const std::vector<double> residuals = norms_.norms(x);
      for (std::size_t c = 0; c < lengths.size(); ++c) {
        if (lengths[c] > 0) {
          excess = std::max(excess, residuals[c] / lengths[c] / solver_->tolerance());
        }
      }
      // Headroom for the rounding of the judge's own residual.
      if (!(excess > 0.99)) break;
      sharper *= 0.5 / excess;
    }
    out->apply(solution_, x);
  }

  /// Passes an iterate on, out of the coordinates in which the operator is symmetric.
  void tell(const operators::KrylovIterate& iterate) const {
    if (!operators_.to_symmetric) return record_->on_iterate(iterate);
    record_->on_iterate([&](std::vector<double>& room) -> std::span<const double> {
      std::vector<double> inner;
      const auto symmetric = iterate(inner);
      room.resize(symmetric.size());
      from_iteration_->apply(symmetric, room);
      return room;
    });
  }

  void note(const KrylovOutcome& outcome, bool transposed) {
    record_->iterations += outcome.iterations;
    record_->accepted_by_option = record_->accepted_by_option || outcome.accepted_by_option;
    if (!outcome.converged) {
      record_->converged = false;
      record_->reason = outcome.reason;
    }
    if (transposed) return;
    record_->history.insert(record_->history.end(), outcome.history.begin(), outcome.history.end());
  }

  Operators operators_;
  operators::ColumnNorms norms_;
  KrylovSetup setup_;
  SolveRecord* record_;
  bool by_option_ = false;
  std::unique_ptr<operators::KrylovSolver> solver_;
  OperatorPtr from_iteration_;  ///< of weighted solves: to the solution
  std::vector<double> right_side_;
  std::vector<double> solution_;
  std::vector<double> residual_;
};

}  // namespace

std::unique_ptr<Solver> make_krylov_solver(const OperatorBuilder& builder, const KrylovSetup& setup,
                                           std::span<const expressions::LoweredProduct> products,
                                           Index batch,
                                           const configuration::SolverSettings& settings,
                                           SolveRecord& record, std::optional<int> leading_modes) {
  operators::KrylovSettings krylov;
  // GMRES keeps its directions; for many columns that would be too much memory.
  krylov.method =
      setup.method == KrylovMethod::gmres && batch > 1 ? KrylovMethod::bicgstab : setup.method;
  krylov.tolerance = settings.tolerance;
  krylov.max_iterations = settings.max_iterations;
  // Column by column is needed only for methods of the user's choice.
  return std::make_unique<JobKrylovSolver>(
      OperatorMaker(builder, setup, products, batch, leading_modes).make(), batch,
      std::move(krylov),
      [&] { return OperatorMaker(builder, setup, products, 1, std::nullopt).make(); }, setup,
      record);
}

}  // namespace kronwerk::methods
