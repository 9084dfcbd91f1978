#include "application/tasks/solve_quality.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace kronwerk::application {
namespace {

using operators::RoundingLevel;
using operators::Verdict;

Verdict accepted(std::vector<double> residuals) {
  Verdict verdict;
  verdict.residuals = std::move(residuals);
  verdict.tolerance = 1e-10;
  return verdict;
}

Verdict refused(std::vector<double> residuals) {
  Verdict verdict = accepted(std::move(residuals));
  verdict.accepted = false;
  return verdict;
}

/// The attribute of this name; nothing if there is none.
std::optional<io::AttributeValue> find(const Report& report, const std::string& name) {
  for (const auto& [key, value] : report.attributes()) {
    if (key == name) return value;
  }
  return std::nullopt;
}

double number(const Report& report, const std::string& name) {
  const auto value = find(report, name);
  return value ? std::get<double>(*value) : -1;
}

TEST(SolveQuality, KeepsTheWorstOfEveryDirection) {
  SolveQuality quality(4);
  quality.add(Direction::forward, accepted({1e-12, 3e-11}), 0);
  quality.add(Direction::forward, accepted({2e-12, 1e-13}), 2);
  quality.add(Direction::adjoint, accepted({5e-12}), 0);
  EXPECT_EQ(quality.failure(), "");
  Report report;
  quality.write(report, "");
  EXPECT_EQ(number(report, "relative_residual"), 3e-11);
  EXPECT_EQ(number(report, "adjoint_residual"), 5e-12);
  EXPECT_FALSE(find(report, "tangent_residual"));
  EXPECT_EQ(std::get<std::string>(*find(report, "accepted_by")), "tolerance");
}

TEST(SolveQuality, NamesTheDirectionAndTheRightHandSideOfTheFirstFailure) {
  SolveQuality quality(4);
  quality.add(Direction::forward, accepted({1e-12, 3e-11}), 0);
  quality.add(Direction::tangent, refused({1e-12, 2.5e-3}), 2);
  quality.add(Direction::adjoint, refused({1}), 0);
  EXPECT_NE(quality.failure().find("tangent"), std::string::npos) << quality.failure();
  EXPECT_NE(quality.failure().find("right-hand side 3 is 0.0025"), std::string::npos)
      << quality.failure();
  Report report;
  quality.write(report, quality.failure());
  EXPECT_FALSE(find(report, "accepted_by"));
}

TEST(SolveQuality, AnIterationsReasonHasTheResidualOnce) {
  SolveQuality with(1);
  with.add(Direction::forward, refused({0.5}), 0, "stagnation at a relative residual of 0.5");
  EXPECT_EQ(with.failure(), "stagnation at a relative residual of 0.5");
  SolveQuality without(1);
  without.add(Direction::forward, refused({0.5}), 0, "the operator is not definite");
  EXPECT_EQ(without.failure(),
            "the operator is not definite, with a true relative residual of 0.5");
}

TEST(SolveQuality, AResidualThatIsNaNIsTheWorst) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  SolveQuality quality(3);
  quality.add(Direction::forward, refused({1e-12, nan, 7}), 0);
  quality.add(Direction::forward, accepted({1e-12}), 0);
  EXPECT_TRUE(std::isnan(*quality.residual(Direction::forward)));
  EXPECT_NE(quality.failure().find("nan"), std::string::npos) << quality.failure();
}

TEST(SolveQuality, RoundingLevelComesWithConditionAndError) {
  SolveQuality quality(1);
  Verdict verdict = accepted({1e-8});
  verdict.refinements = 2;
  verdict.rounding = RoundingLevel{1e-16, 1e12, 1e-4};
  quality.add(Direction::forward, verdict, 0);
  Report report;
  quality.write(report, "");
  EXPECT_EQ(std::get<std::string>(*find(report, "accepted_by")), "rounding level");
  EXPECT_EQ(number(report, "condition"), 1e12);
  EXPECT_EQ(number(report, "backward_error"), 1e-16);
  EXPECT_EQ(number(report, "error_estimate"), 1e-4);
  EXPECT_EQ(std::get<core::Index>(*find(report, "refinement_steps")), 2);
}

TEST(SolveQuality, WhatAnOptionOfTheUserAcceptsIsSaid) {
  SolveQuality quality(1);
  quality.add(Direction::forward, refused({1e-3}), 0, "", true);
  EXPECT_EQ(quality.failure(), "");
  Report report;
  quality.write(report, "");
  EXPECT_EQ(std::get<std::string>(*find(report, "accepted_by")), "PETSc's options");
}

}  // namespace
}  // namespace kronwerk::application
