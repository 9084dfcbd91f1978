#pragma once

#include <array>
#include <optional>
#include <string>

#include "application/report/report.hpp"
#include "application/restart/checkpoint.hpp"
#include "kronwerk/operators/krylov/krylov.hpp"

namespace kronwerk::application {

/// The systems that a job solves; `derivative`: those inside of ∂Op/∂θ that is applied; `inside`:
/// those inside of Op, or ∂Op/∂θ, where Op itself is solved with.
enum class Direction { forward, adjoint, tangent, derivative, inside };

/// What the judge found of all the solves of a job, for the report and the exit code.
class SolveQuality {
 public:
  /// @param right_sides  of the whole job, in each direction
  explicit SolveQuality(core::Index right_sides) : right_sides_(right_sides) {}

  /// @param first      number of the verdict's first right-hand side
  /// @param stopped    why an iteration stopped without convergence; may be empty
  /// @param by_option  a criterion of the user's accepted what the tolerance would not
  void add(Direction direction, const operators::Verdict& verdict, core::Index first,
           const std::string& stopped = {}, bool by_option = false);
  /// The largest residual so far; nothing without such a solve.
  std::optional<double> residual(Direction direction) const {
    return residuals_[static_cast<std::size_t>(direction)];
  }
  /// Why the first solve that was not accepted was not; "" if all were.
  const std::string& failure() const noexcept { return failure_; }

  /// All that was found, for a run that goes on. Local.
  void keep(Checkpoint& checkpoint) const;
  void resume(const Checkpoint& checkpoint);

  /// The attributes and lines of a job that came to `failure`, which is empty if it converged.
  void write(Report& report, const std::string& failure) const;

 private:
  core::Index right_sides_;
  std::array<std::optional<double>, 5> residuals_;
  core::Index refinements_ = 0;
  std::optional<operators::RoundingLevel> rounding_;
  bool by_option_ = false;
  std::string failure_;
};

/// The verdict of a solver that judges its solutions itself.
operators::Verdict verdict_of(const operators::KrylovOutcome& outcome, double tolerance);

}  // namespace kronwerk::application
