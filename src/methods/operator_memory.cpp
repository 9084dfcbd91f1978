#include "kronwerk/methods/operator_memory.hpp"

#include <algorithm>
#include <set>

#include "kronwerk/methods/determinant_choice.hpp"
#include "kronwerk/operators/krylov/stochastic.hpp"

namespace kronwerk::methods {
namespace {

using core::Index;
using Kind = Workload::Kind;

constexpr double block_bytes = 256e6;

/// Whether an application solves with a factor.
bool solves_inside(const OperatorFormula& formula) {
  const auto inverts = [](const expressions::FactorNodePtr& factor) {
    return std::ranges::any_of(factor->links, [](const auto& link) { return link.inverse; });
  };
  return std::ranges::any_of(formula.sum.terms, [&](const auto& term) {
    return std::ranges::any_of(term.factors, inverts) ||
           std::ranges::any_of(term.steps, [&](const auto& step) {
             return std::ranges::any_of(step.factors, inverts);
           });
  });
}

/// Blocks of vectors that are alive at once beside the exchange's.
double blocks_alive(const OperatorFormula& formula, const Workload& work,
                    std::optional<MethodKind> method, Index batch) {
  // A solve that must be refined takes one more.
  double own = work.derivatives ? 4 : work.kind == Kind::solve ? 3 : 2;
  // A judged solve keeps both sides, hands them on, and may be refined.
  if (work.kind == Kind::apply && solves_inside(formula)) own += 5;
  if (method != MethodKind::krylov) return own;
  // Alone, a vector may be solved for by GMRES, which keeps 30 directions before it restarts.
  return own + 1 +
         static_cast<double>(operators::KrylovSolver::vectors_kept(
             batch > 1 ? operators::KrylovMethod::bicgstab : operators::KrylovMethod::gmres));
}

/// The sum as one product: a mode costs what its distinct factors cost together.
std::vector<distribution::ModeCost> combined_modes(const OperatorFormula& formula,
                                                   std::optional<MethodKind> method) {
  std::vector<distribution::ModeCost> modes;
  std::vector<std::set<std::string>> seen(formula.sum.row_extents.size());
  for (const auto& term : formula.sum.terms) {
    const auto costs =
        expressions::estimate_modes(term, formula.symbols, method == MethodKind::product);
    modes.resize(costs.size(), {.identity = true});
    for (std::size_t k = 0; k < costs.size(); ++k) {
      modes[k].rows = costs[k].rows;
      modes[k].cols = costs[k].cols;
      if (costs[k].identity || !seen[k].insert(term.factors[k]->text).second) continue;
      modes[k].identity = false;
      const auto n = static_cast<double>(costs[k].rows);
      // Into the basis of eigenvectors and out of it, however many factors share the basis.
      modes[k].flops_per_fibre = method == MethodKind::spectral
                                     ? 4 * n * n
                                     : modes[k].flops_per_fibre + costs[k].flops_per_fibre;
    }
  }
  return modes;
}

std::vector<distribution::ModeCost> batched_modes(const OperatorFormula& formula,
                                                  std::optional<MethodKind> method, Index batch) {
  auto modes = combined_modes(formula, method);
  if (batch > 1) {
    modes.insert(modes.begin(),
                 {.rows = batch, .cols = batch, .flops_per_fibre = 0, .identity = true});
  }
  return modes;
}

/// How it would be solved with, by what is known without the data; nothing for other work.
std::optional<MethodKind> foresee_kind(const OperatorFormula& formula, const Workload& work,
                                       int ranks) {
  if (work.kind != Kind::solve) return std::nullopt;
  return foresee_method(formula, work.method, work.count, ranks, {}).kind;
}

}  // namespace

Index choose_batch(const OperatorFormula& formula, const Workload& work, int ranks) {
  if (!work.in_blocks) return 1;
  const Index all = std::max<Index>(work.count, 1);
  if (work.batch) return std::clamp<Index>(*work.batch, 1, all);
  const double points = static_cast<double>(
      std::max(core::product(formula.sum.row_extents), core::product(formula.sum.col_extents)));
  double block = 8 * points / ranks;
  // An iteration keeps several vectors per right-hand side.
  if (foresee_kind(formula, work, ranks) == MethodKind::krylov) block *= 4;
  const double fitting = block_bytes / std::max(1.0, block);
  return std::clamp<Index>(static_cast<Index>(std::min(fitting, 1e15)), 1, all);
}

distribution::ProductEstimate estimate_operator(const OperatorFormula& formula,
                                                const MemoryNeeds& needs) {
  return distribution::choose_split(batched_modes(formula, needs.method, needs.batch), needs.ranks);
}

namespace {

double estimate_factors(const OperatorFormula& formula, const Workload& work,
                        std::optional<MethodKind> method) {
  const bool inverses = work.kind == Kind::determinant || method == MethodKind::product;
  double bytes = 0;
  for (const auto& term : formula.sum.terms) {
    bytes += expressions::estimate_factor_bytes(term, formula.symbols, inverses);
  }
  const bool dense = work.kind == Kind::decompose ||
                     (work.kind == Kind::determinant && formula.sum.terms.size() > 1);
  if (method != MethodKind::spectral && !dense) return bytes;
  // Eigenvectors and their inverse, or as much beside an exponential, for every distinct matrix; of
  // a pair S, T, Q and Z, and S and T once more for either direction.
  std::set<std::string> seen;
  for (const auto& mode : expressions::find_structure(formula.sum, {}).modes) {
    if (!mode.first) continue;
    const std::string name =
        mode.first->text + (mode.second ? " and " + mode.second->text : std::string());
    if (!seen.insert(name).second) continue;
    const auto n = static_cast<double>(mode.first->rows);
    bytes += (mode.second ? 8 : 3) * 8 * n * n;
  }
  return bytes;
}

/// What a log determinant takes beside the factors.
void add_determinant(const OperatorFormula& formula, const Workload& work, int ranks,
                     MemoryNeeds& needs) {
  const auto kind = foresee_determinant(formula, work.method, ranks).kind;
  if (kind == DeterminantKind::dense) {
    const DenseDeterminantBytes bytes = dense_determinant_bytes(formula, work.derivatives, ranks);
    needs.factor_bytes_per_node += bytes.per_node;
    needs.vector_bytes_per_rank += bytes.per_rank;
  } else if (kind == DeterminantKind::estimated) {
    // The directions of both sides of a Lanczos process, and its work.
    const double vectors = 2 * static_cast<double>(operators::StochasticSettings{}.directions) + 8;
    const auto points = static_cast<double>(core::product(formula.sum.row_extents));
    needs.vector_bytes_per_rank = vectors * 8 * points / ranks;
  }
}

}  // namespace

MemoryNeeds estimate_memory(const OperatorFormula& formula, const Workload& work, int ranks,
                            int nodes) {
  MemoryNeeds needs;
  needs.ranks = ranks;
  needs.nodes = nodes;
  needs.base_bytes_per_rank = base_bytes_per_rank;
  needs.batch = choose_batch(formula, work, ranks);
  const auto method = foresee_kind(formula, work, ranks);
  needs.method = method;
  needs.factor_bytes_per_node = estimate_factors(formula, work, method);
  if (work.kind == Kind::determinant) add_determinant(formula, work, ranks, needs);
  if (!work.in_blocks) return needs;
  const auto estimate = estimate_operator(formula, needs);
  const double block = std::max(estimate.vector_bytes_per_rank, estimate.result_bytes_per_rank);
  const double away = formula.sum.terms.size() > 1 && method != MethodKind::spectral ? 2 : 1;
  needs.vector_bytes_per_rank = blocks_alive(formula, work, method, needs.batch) * block +
                                away * estimate.away_bytes_per_rank;
  return needs;
}

}  // namespace kronwerk::methods
