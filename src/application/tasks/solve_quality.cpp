#include "application/tasks/solve_quality.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace kronwerk::application {
namespace {

using operators::RoundingLevel;
using operators::Verdict;

/// The larger one, or NaN if one is.
double larger(double a, double b) {
  return std::isnan(a) || a >= b ? a : b;
}

const char* prefix(Direction direction) {
  switch (direction) {
    case Direction::adjoint:
      return "in the adjoint solve ";
    case Direction::tangent:
      return "in the tangent's solve ";
    case Direction::derivative:
      return "in a derivative's solve ";
    case Direction::inside:
      return "in a solve inside of the operator ";
    case Direction::forward:
      break;
  }
  return "";
}

/// An iteration's reason, with the residual if it does not have it.
std::string explain(const std::string& stopped, const Verdict& verdict) {
  if (stopped.find("residual") != std::string::npos) return stopped;
  return fmt::format("{}, with a true relative residual of {:.2g}", stopped, verdict.worst());
}

std::string text_of(const RoundingLevel& level) {
  const double digits = std::clamp(-std::log10(level.error), 0.0, 16.0);
  return fmt::format(
      "at rounding level (backward error {:.1e}); the condition is about {:.1e}, so that the "
      "result may be off by {:.1e} of itself ({:.0f} digits are right)",
      level.backward_error, level.condition, level.error, std::floor(digits));
}

}  // namespace

void SolveQuality::add(Direction direction, const Verdict& verdict, core::Index first,
                       const std::string& stopped, bool by_option) {
  auto& residual = residuals_[static_cast<std::size_t>(direction)];
  residual = larger(verdict.worst(), residual.value_or(0));
  refinements_ = std::max(refinements_, verdict.refinements);
  if (verdict.rounding) {
    const RoundingLevel& level = *verdict.rounding;
    if (!rounding_) rounding_.emplace();
    rounding_->backward_error = std::max(rounding_->backward_error, level.backward_error);
    rounding_->condition = std::max(rounding_->condition, level.condition);
    rounding_->error = std::max(rounding_->error, level.error);
  }
  if (by_option && !verdict.accepted) {
    by_option_ = true;
    return;
  }
  if (verdict.accepted || !failure_.empty()) return;
  failure_ = prefix(direction) +
             (stopped.empty() ? verdict.reason(first, right_sides_) : explain(stopped, verdict));
}

void SolveQuality::keep(Checkpoint& checkpoint) const {
  std::vector<double> residuals;  // two numbers each: whether there is one, and it
  for (const auto& each : residuals_) {
    residuals.push_back(each ? 1 : 0);
    residuals.push_back(each.value_or(0));
  }
  checkpoint.set("residuals", std::move(residuals));
  checkpoint.set("refinements", {static_cast<double>(refinements_)});
  if (rounding_) {
    checkpoint.set("rounding", {rounding_->backward_error, rounding_->condition, rounding_->error});
  }
  checkpoint.set("accepted by option", {by_option_ ? 1.0 : 0.0});
  checkpoint.set_text("failure", failure_);
}

void SolveQuality::resume(const Checkpoint& checkpoint) {
  const auto* residuals = checkpoint.numbers("residuals");
  if (residuals == nullptr) return;
  for (std::size_t d = 0; d < residuals_.size(); ++d) {
    if (residuals->at(2 * d) != 0) residuals_[d] = residuals->at(2 * d + 1);
  }
  refinements_ = static_cast<core::Index>(checkpoint.numbers("refinements")->at(0));
  if (const auto* level = checkpoint.numbers("rounding")) {
    rounding_.emplace();
    rounding_->backward_error = level->at(0);
    rounding_->condition = level->at(1);
    rounding_->error = level->at(2);
  }
  by_option_ = checkpoint.numbers("accepted by option")->at(0) != 0;
  failure_ = *checkpoint.text("failure");
}

void SolveQuality::write(Report& report, const std::string& failure) const {
  const auto set = [&](const char* name, Direction direction) {
    if (const auto found = residual(direction)) report.set(name, *found);
  };
  set("relative_residual", Direction::forward);
  set("adjoint_residual", Direction::adjoint);
  set("tangent_residual", Direction::tangent);
  set("derivative_residual", Direction::derivative);
  set("inner_residual", Direction::inside);
  report.set("refinement_steps", refinements_);
  std::string line = fmt::format("residual    {:.3e} relative to the right-hand side",
                                 residual(Direction::forward).value_or(0));
  if (const auto adjoint = residual(Direction::adjoint)) {
    line += fmt::format(", adjoint {:.3e}", *adjoint);
  }
  if (const auto tangent = residual(Direction::tangent)) {
    line += fmt::format(", tangent {:.3e}", *tangent);
  }
  if (const auto derivative = residual(Direction::derivative)) {
    line += fmt::format(", derivatives {:.3e}", *derivative);
  }
  if (const auto inside = residual(Direction::inside)) {
    line += fmt::format(", inside of the operator {:.3e}", *inside);
  }
  report.line(line);
  if (rounding_) {
    report.set("backward_error", rounding_->backward_error);
    report.set("condition", rounding_->condition);
    report.set("error_estimate", rounding_->error);
    report.line("            " + text_of(*rounding_));
  }
  if (failure.empty()) {
    report.set("accepted_by", std::string(by_option_  ? "PETSc's options"
                                          : rounding_ ? "rounding level"
                                                      : "tolerance"));
  }
}

Verdict verdict_of(const operators::KrylovOutcome& outcome, double tolerance) {
  Verdict verdict;
  verdict.accepted = outcome.converged;
  verdict.residuals = outcome.residuals;
  verdict.tolerance = tolerance;
  verdict.refinements = outcome.refinements;
  verdict.rounding = outcome.rounding;
  return verdict;
}

}  // namespace kronwerk::application
