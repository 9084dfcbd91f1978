#include <gtest/gtest.h>

#include <cmath>

#include "kronwerk/core/error.hpp"
#include "kronwerk/models/fit/newton_fit.hpp"

namespace kronwerk::models {
namespace {

using Numbers = std::vector<double>;

/// log x + log(2 - x - y) + log y - (y - 3x)² / 8, whose Hessian is negative definite where it is
/// defined.
std::optional<NewtonPoint> barrier(std::span<const double> at) {
  const double x = at[0], y = at[1], rest = 2 - x - y, bend = y - 3 * x;
  if (!(x > 0 && y > 0 && rest > 0)) return std::nullopt;
  NewtonPoint point{{x, y}, std::log(x) + std::log(y) + std::log(rest) - bend * bend / 8, {}, {}};
  point.gradient = {1 / x - 1 / rest + 0.75 * bend, 1 / y - 1 / rest - 0.25 * bend};
  const double r = 1 / (rest * rest);
  point.hessian = {-1 / (x * x) - r - 2.25, -r + 0.75, -r + 0.75, -1 / (y * y) - r - 0.25};
  return point;
}

ConstraintFunction no_constraints() {
  return [](std::span<const double>) { return NewtonConstraints{}; };
}

TEST(NewtonTest, FindsAMaximumInAFewSteps) {
  const auto start = barrier(Numbers{1.9, 0.05});
  const auto outcome = maximise(barrier, no_constraints(), *start, {});
  EXPECT_TRUE(outcome.converged);
  EXPECT_LT(outcome.iterations, 15);
  for (const double slope : outcome.point.gradient) EXPECT_NEAR(slope, 0, 1e-5);
}

TEST(NewtonTest, StopsAtConstraintsThatHoldItBack) {
  // x ≥ 0.7, and y ≤ 5, which does not.
  const auto constraints = [](std::span<const double> at) {
    return NewtonConstraints{{at[0] - 0.7, 5 - at[1]}, {1, 0, 0, -1}};
  };
  const auto outcome = maximise(barrier, constraints, *barrier(Numbers{1.2, 0.3}), {});
  EXPECT_TRUE(outcome.converged);
  EXPECT_NEAR(outcome.point.x[0], 0.7, 1e-12);
  EXPECT_LT(outcome.point.gradient[0], -0.01);
  EXPECT_NEAR(outcome.point.gradient[1], 0, 1e-5);
  EXPECT_EQ(outcome.active, (std::vector<char>{1, 0}));
}

TEST(NewtonTest, EndsInAFewStepsOnBordersThatBend) {
  // A straight one, whose numbers are rounded, and one on which steps along its tangent do not
  // stay.
  const auto straight = [](std::span<const double> at) {
    return NewtonConstraints{{0.9 - at[0] / 3 - at[1] / 0.7}, {-1.0 / 3, -1 / 0.7}};
  };
  const auto bent = [](std::span<const double> at) {
    return NewtonConstraints{{(1 - 0.3 * at[0]) * (1 - 0.8 * at[1]) - 0.6},
                             {-0.3 * (1 - 0.8 * at[1]), -0.8 * (1 - 0.3 * at[0])}};
  };
  NewtonSettings settings;
  settings.tolerance = 1e-8;
  for (const ConstraintFunction& constraints :
       {ConstraintFunction(straight), ConstraintFunction(bent)}) {
    const auto start = barrier(Numbers{0.05, 0.05});
    const auto outcome = maximise(barrier, constraints, *start, settings);
    EXPECT_TRUE(outcome.converged);
    EXPECT_LE(outcome.iterations, 10);
    const auto at = constraints(outcome.point.x);
    EXPECT_NEAR(at.values[0], 0, 1e-11);
    EXPECT_EQ(outcome.active, std::vector<char>{1});
    // The gradient is along that of the constraint.
    const auto& slope = outcome.point.gradient;
    EXPECT_NEAR(slope[0] * at.jacobian[1] - slope[1] * at.jacobian[0], 0, 1e-6);
    settings.linear_constraints = false;
  }
}

TEST(NewtonTest, TakesStepsWhoseGrowthIsRounding) {
  // The barrier on a plateau: a step from a distance of 1e-5 grows by 1e-10 of 1e6.
  const auto high = [](std::span<const double> at) {
    auto point = barrier(at);
    if (point) point->value += 1e6;
    return point;
  };
  NewtonSettings settings;
  settings.tolerance = 1e-10;
  const auto outcome = maximise(high, no_constraints(), *high(Numbers{1.9, 0.05}), settings);
  EXPECT_TRUE(outcome.converged);
  EXPECT_LT(outcome.iterations, 15);
  for (const double slope : outcome.point.gradient) EXPECT_NEAR(slope, 0, 1e-9);
}

TEST(NewtonTest, EndsWhereStepsLeadNowhere) {
  // A slope that says more than the function holds, as next to a singular filter: every step grows,
  // by a part of its promise that is the function's rounding, and for ever.
  const auto flat = [](std::span<const double> at) {
    return std::optional(NewtonPoint{{at[0]}, 1 + 5e-8 * at[0], {2e-6}, {-1}});
  };
  NewtonSettings settings;
  settings.tolerance = 1e-6;
  const auto outcome = maximise(flat, no_constraints(), *flat(Numbers{0.5}), settings);
  EXPECT_TRUE(outcome.converged);
  EXPECT_LT(outcome.iterations, 5);
}

TEST(NewtonTest, LeavesAConstraintThatItBeganOn) {
  const auto constraints = [](std::span<const double> at) {
    return NewtonConstraints{{at[0] - 0.1, at[1] - 0.3, 1.7 - at[0] - at[1]}, {1, 0, 0, 1, -1, -1}};
  };
  const auto free = maximise(barrier, no_constraints(), *barrier(Numbers{1, 0.5}), {});
  const auto outcome = maximise(barrier, constraints, *barrier(Numbers{0.1, 0.3}), {});
  EXPECT_TRUE(outcome.converged);
  EXPECT_NEAR(outcome.point.x[0], free.point.x[0], 1e-6);
  EXPECT_NEAR(outcome.point.x[1], free.point.x[1], 1e-6);
}

TEST(NewtonTest, ClimbsWhereTheHessianIsNotNegativeDefinite) {
  // -(x² - 1)² from near the minimum between its maxima.
  const auto function = [](std::span<const double> at) -> std::optional<NewtonPoint> {
    const double x = at[0], w = x * x - 1;
    return NewtonPoint{{x}, -w * w, {-4 * x * w}, {-12 * x * x + 4}};
  };
  const auto outcome = maximise(function, no_constraints(), *function(Numbers{0.05}), {});
  EXPECT_TRUE(outcome.converged);
  EXPECT_NEAR(outcome.point.x[0], 1, 1e-6);
}

TEST(NewtonTest, SaysThatTheIterationsWereNotEnough) {
  NewtonSettings settings;
  settings.max_iterations = 1;
  const auto outcome = maximise(barrier, no_constraints(), *barrier(Numbers{1.9, 0.05}), settings);
  EXPECT_FALSE(outcome.converged);
  EXPECT_EQ(outcome.iterations, 1);
}

class NewtonFitTest : public ::testing::Test {
 protected:
  NewtonFitSettings settings() const {
    NewtonFitSettings result;
    result.starts = 2;
    result.beginning = [](Index start, Index attempt) {
      // The second start's first attempt is not defined.
      return start == 0 ? Numbers{1.9, 0.05} : Numbers{attempt == 0 ? -1.0 : 0.2, 0.4};
    };
    return result;
  }
  const std::vector<std::string> names_{"x", "kron(1, 1)"};
};

TEST_F(NewtonFitTest, GoesOnAsIfItHadNeverStopped) {
  const auto whole = fit_by_newton(barrier, no_constraints(), names_, settings());
  ASSERT_TRUE(whole.outcome.converged);
  EXPECT_TRUE(whole.state.starts[1].converged);
  const std::size_t steps =
      whole.state.starts[0].history.size() + whole.state.starts[1].history.size();
  ASSERT_GT(steps, 4U);
  for (std::size_t stop = 1; stop < steps; ++stop) {
    struct Stopped {};
    auto interrupted = settings();
    FitState kept;
    std::size_t calls = 0;
    interrupted.checkpoint = [&](const FitState& state) {
      kept = parse_fit_state(to_text(state));
      if (++calls == stop) throw Stopped();
    };
    EXPECT_THROW(fit_by_newton(barrier, no_constraints(), names_, interrupted), Stopped);
    auto rest = settings();
    rest.resume = kept;
    const auto resumed = fit_by_newton(barrier, no_constraints(), names_, rest);
    EXPECT_EQ(resumed.outcome.point.x, whole.outcome.point.x);
    EXPECT_EQ(resumed.best, whole.best);
    for (std::size_t s = 0; s < 2; ++s) {
      EXPECT_EQ(resumed.state.starts[s].history, whole.state.starts[s].history);
      EXPECT_EQ(resumed.state.starts[s].iterations, whole.state.starts[s].iterations);
    }
  }
}

TEST_F(NewtonFitTest, RefusesTheStateOfAnotherFit) {
  auto state = fit_by_newton(barrier, no_constraints(), names_, settings()).state;
  auto again = settings();
  again.resume = state;
  again.starts = 3;
  EXPECT_THROW(fit_by_newton(barrier, no_constraints(), names_, again), core::ConfigurationError);
  again.starts = 2;
  again.resume->starts[0].objective += 1;
  EXPECT_THROW(fit_by_newton(barrier, no_constraints(), names_, again), core::ConfigurationError);
}

}  // namespace
}  // namespace kronwerk::models
