#include "kronwerk/methods/method.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kronwerk/core/text.hpp"

namespace kronwerk::methods {
namespace {

using configuration::Method::direct;
using configuration::Method::krylov;
using expressions::ModeStructure;
using Kind = ModeStructure::Kind;

/// Multiplications and additions, for the choice between a decomposition and iterations.
struct Costs {
  double decomposition = 0;
  double direct_solve = 0;  ///< per right-hand side
  double krylov_solve = 0;
};

/// What a preconditioned iteration is assumed to need.
constexpr double typical_iterations = 30;
/// Decompositions below this many operations are always worth it: about a second.
constexpr double cheap = 5e10;

/// Operations of a decomposition, per cube of the extent.
double decomposition_work(const ModeStructure& mode, const std::set<std::string>& symmetric) {
  constexpr double general = 12;
  constexpr double by_qz = 66;
  if (mode.kind != Kind::pair) return general;
  const bool both = symmetric.contains(mode.first->text) && symmetric.contains(mode.second->text);
  return both ? general : by_qz;
}

Costs estimate_costs(const OperatorFormula& formula,
                     const expressions::SpectralStructure& structure,
                     const std::set<std::string>& symmetric) {
  Costs costs;
  const double points = static_cast<double>(core::product(formula.sum.row_extents));
  std::vector<std::string> seen;
  for (std::size_t k = 0; k < structure.modes.size(); ++k) {
    const ModeStructure& mode = structure.modes[k];
    if (mode.kind != Kind::functions && mode.kind != Kind::pair) continue;
    const auto n = static_cast<double>(formula.sum.row_extents[k]);
    costs.direct_solve += 4 * n * points;
    if (std::ranges::find(seen, mode.first->text) != seen.end()) continue;
    seen.push_back(mode.first->text);
    costs.decomposition += decomposition_work(mode, symmetric) * n * n * n;
  }
  for (const auto& term : formula.sum.terms) {
    const auto modes = expressions::estimate_modes(term, formula.symbols, false);
    for (const auto& mode : modes) {
      costs.krylov_solve += typical_iterations * 2 * mode.flops_per_fibre * points /
                            static_cast<double>(std::max<Index>(mode.rows, 1));
    }
  }
  return costs;
}

std::string asked_for(configuration::Method wanted) {
  return wanted == configuration::Method::automatic ? "" : "asked for by solver.method; ";
}

std::string product_text(configuration::Method wanted) {
  return "direct: " + asked_for(wanted) +
         "the operator is one Kronecker product, solved by its factors' inverses";
}

[[noreturn]] void refuse_direct(const OperatorFormula& formula, const std::string& why_not) {
  throw core::ConfigurationError(
      fmt::format("{}: 'solver.method: direct' has no method for this operator: {}\n    {}\n{}",
                  formula.where, why_not, formula.sum.text(), direct_structures()));
}

std::string kind_text(const SpectralForm& form, const expressions::SpectralStructure& structure) {
  const bool generalised = std::ranges::any_of(form.bases, [](const auto& basis) {
    return basis->kind == factors::BasisKind::generalised_schur;
  });
  if (generalised) return "generalised Sylvester equation by the QZ decomposition";
  if (form.triangular) return "Bartels-Stewart back-substitution";
  return structure.kronecker_sum ? "fast diagonalisation of a Kronecker sum"
                                 : "the factors of each mode are made diagonal together";
}

class DirectSolver final : public Solver {
 public:
  explicit DirectSolver(OperatorPtr inverse)
      : Solver(inverse->input_layout().leading_modes()), inverse_(std::move(inverse)) {}

  void solve(std::span<const double> b, std::span<double> x, bool transposed) override {
    transposed ? inverse_->apply_transposed(b, x) : inverse_->apply(b, x);
  }
  OperatorPtr inverse() const override { return inverse_; }
  std::string description() const override { return {}; }

 private:
  OperatorPtr inverse_;
};

OperatorPtr spectral_inverse(const OperatorBuilder& builder, const SpectralForm& form, Index batch,
                             std::optional<int> leading_modes) {
  return form.triangular ? operators::make_schur_inverse(builder.comm(), builder.workspace(),
                                                         *form.triangular, batch, leading_modes)
                         : operators::make_spectral_inverse(builder.comm(), builder.workspace(),
                                                            *form.sum, batch, leading_modes);
}

}  // namespace

std::string direct_structures() {
  return "Direct solves exist for: one Kronecker product; sums in which the factors of each mode "
         "are functions of one matrix (Kronecker sums, products plus a multiple of I, polynomials "
         "in W), with real eigenvectors of moderate condition, or any matrices where there are two "
         "modes; and sums of two symmetric matrices per mode of which one is positive definite, or "
         "of any two matrices per mode where there are two modes. "
         "Use 'solver.method: krylov' or 'auto' for the rest";
}

Method foresee_method(const OperatorFormula& formula, configuration::Method wanted,
                      Index right_sides, int ranks, const std::set<std::string>& symmetric) {
  Method method;
  if (wanted == krylov) {
    method.kind = MethodKind::krylov;
    method.why = "krylov: asked for by solver.method";
    return method;
  }
  if (formula.sum.terms.size() == 1) {
    method.why = product_text(wanted);
    return method;
  }
  const auto structure = expressions::find_structure(formula.sum, symmetric);
  if (!structure.complete()) {
    method.kind = MethodKind::krylov;
    method.why = "krylov: no direct method, because " + structure.why_not;
    return method;
  }
  const Costs costs = estimate_costs(formula, structure, symmetric);
  const auto count = static_cast<double>(right_sides);
  const bool dear =
      costs.decomposition > cheap * ranks &&
      costs.decomposition + count * costs.direct_solve > 2 * count * costs.krylov_solve;
  if (wanted != direct && dear) {
    method.kind = MethodKind::krylov;
    method.why = fmt::format(
        "krylov: the decompositions for a direct solve would cost {:.1e} operations, {:.0f} "
        "iterations with the factors as they are about {:.1e}",
        costs.decomposition, typical_iterations, count * costs.krylov_solve);
    return method;
  }
  method.kind = MethodKind::spectral;
  method.why = "direct: " + asked_for(wanted) +
               (structure.kronecker_sum ? "fast diagonalisation of a Kronecker sum"
                                        : "the factors of each mode are made diagonal together");
  return method;
}

Method choose_method(OperatorData& data, const OperatorFormula& formula,
                     configuration::Method wanted, Index right_sides) {
  const bool one = formula.sum.terms.size() == 1;
  const auto& symmetric = one ? std::set<std::string>{} : data.symmetric_matrices();
  Method method = foresee_method(formula, wanted, right_sides, data.comm().size(), symmetric);
  const bool insists = wanted == direct;
  if (insists && method.kind == MethodKind::krylov) {
    refuse_direct(formula, expressions::find_structure(formula.sum, symmetric).why_not);
  }
  if (method.kind == MethodKind::spectral) {
    SpectralForm form = find_spectral_form(data, formula.sum, false);
    if (form) {
      method.why = fmt::format("direct: {}{} ({})", asked_for(wanted),
                               kind_text(form, form.structure), form.description());
      method.form = std::move(form);
      return method;
    }
    if (insists) refuse_direct(formula, form.why_not);
    method.kind = MethodKind::krylov;
    method.why = "krylov: no direct method, because " + form.why_not;
  }
  if (method.kind == MethodKind::krylov) {
    method.krylov = set_up_krylov(data, formula.sum);
  }
  return method;
}

std::unique_ptr<Solver> make_solver(const OperatorBuilder& builder, const Method& method,
                                    std::span<const expressions::LoweredProduct> products,
                                    Index batch, const configuration::SolverSettings& settings,
                                    SolveRecord& record, std::optional<int> leading_modes) {
  switch (method.kind) {
    case MethodKind::product:
      return std::make_unique<DirectSolver>(
          builder.build_inverse(products.front(), batch, leading_modes));
    case MethodKind::spectral:
      return std::make_unique<DirectSolver>(
          spectral_inverse(builder, *method.form, batch, leading_modes));
    case MethodKind::krylov:
      break;
  }
  return make_krylov_solver(builder, *method.krylov, products, batch, settings, record,
                            leading_modes);
}

}  // namespace kronwerk::methods
