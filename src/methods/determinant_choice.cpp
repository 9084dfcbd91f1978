#include "kronwerk/methods/determinant_choice.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kronwerk/core/text.hpp"
#include "kronwerk/expressions/structure.hpp"

namespace kronwerk::methods {
namespace {

using core::Index;

// What a core does in a factorisation, cautiously, and what a factorisation may take unasked.
constexpr double flops_per_second = 1e10;
constexpr double affordable_seconds = 10;
// Smaller matrices are factorised by one rank (see factors::factorise).
constexpr Index distributed_extent = 4000;

double seconds_of_factorisation(double points, int ranks) {
  const double cores = points >= static_cast<double>(distributed_extent) ? ranks : 1;
  return 2.0 / 3 * points * points * points / (flops_per_second * cores);
}

double points_of(const OperatorFormula& formula) {
  return static_cast<double>(core::product(formula.sum.row_extents));
}

}  // namespace

DenseDeterminantBytes dense_determinant_bytes(const OperatorFormula& formula, bool derivatives,
                                              int ranks) {
  const double points = points_of(formula);
  return {16 * points * points, 3 * std::max(determinant_block_bytes, 8 * points) +
                                    (derivatives ? 8 * points * points / ranks : 0)};
}

DeterminantChoice determinant_without_structure(const OperatorFormula& formula,
                                                configuration::Method wanted, int ranks,
                                                const std::string& why_not) {
  if (wanted == configuration::Method::direct) {
    return {DeterminantKind::dense, "asked for by solver.method; " + why_not};
  }
  const double seconds = seconds_of_factorisation(points_of(formula), ranks);
  if (seconds <= affordable_seconds) {
    return {DeterminantKind::dense,
            fmt::format("{}, and a factorisation of all {} rows is estimated at {}", why_not,
                        core::format_count(core::product(formula.sum.row_extents)),
                        core::format_seconds(seconds))};
  }
  return {DeterminantKind::estimated, why_not};
}

DeterminantChoice foresee_determinant(const OperatorFormula& formula, configuration::Method wanted,
                                      int ranks) {
  if (wanted == configuration::Method::krylov) {
    return {DeterminantKind::estimated, "asked for by solver.method"};
  }
  if (formula.sum.terms.size() == 1) return {DeterminantKind::product, ""};
  const auto structure = expressions::find_structure(formula.sum, {});
  if (structure.complete()) return {DeterminantKind::spectral, ""};
  return determinant_without_structure(formula, wanted, ranks, structure.why_not);
}

}  // namespace kronwerk::methods
