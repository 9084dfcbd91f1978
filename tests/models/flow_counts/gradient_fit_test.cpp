#include "kronwerk/models/fit/gradient_fit.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "kronwerk/models/flow_counts/count_flow.hpp"
#include "kronwerk/models/flow_determinants/filter_constraints.hpp"
#include "models/flow/flow_fixture.hpp"

namespace kronwerk::models {
namespace {

/// Fits to counts with a separable filter, by Newton's method and by gradients.
class GradientFitTest : public FlowFixture, public ::testing::WithParamInterface<CountFamily> {
 protected:
  GradientFitTest()
      : filter_(filter("kron(I - o*V, I - d*W)", {"o", "d"})),
        matrices_(matrices(filter_)),
        columns_(columns()) {
    const Numbers random = oracle::random_vector(cells, 21);
    Numbers counts;
    for (const double value : random) counts.push_back(std::floor(std::exp(1.5 + value)));
    counts[4] = std::nan("");
    flow_.emplace(comm_, workspace_, filter_, matrices_, columns_, FlowCounts{{owned(counts)}, {}},
                  GetParam(), FlowSolveMaker());
    names_ = {"o", "d"};
    for (const auto& column : columns_) names_.push_back(column.text);
    if (GetParam() == CountFamily::negative_binomial) names_.emplace_back("log(theta)");
  }

  FilterConstraints constraints(double upper) const {
    return {filter_, {}, {{"o", 0.1, {}, -0.7, 0.7}, {"d", -0.3, {}, -0.7, upper}}};
  }

  GradientFitSettings settings(const FilterConstraints& limits) {
    GradientFitSettings result;
    result.starts = 2;
    result.newton.tolerance = 1e-7;
    result.beginning = [&](Index start, Index attempt) {
      return flow_->begin(limits.beginning(1, start, attempt));
    };
    result.gradient_beginning = [&](Index start, Index attempt) {
      return flow_->begin_plainly(limits.beginning(1, start, attempt));
    };
    result.bounds = limits.bounds();
    return result;
  }
  NewtonFitResult by_newton(const FilterConstraints& limits) {
    return fit_by_newton([&](std::span<const double> x) { return flow_->evaluate_near(x); },
                         std::cref(limits), names_, settings(limits));
  }
  NewtonFitResult by_gradient(const FilterConstraints& limits,
                              const GradientFitSettings& settings) {
    return fit_by_gradient(
        comm_, [&](std::span<const double> x) { return flow_->evaluate_gradient(x); },
        std::cref(limits), names_, settings);
  }

  FlowFilter filter_;
  FlowMatrices matrices_;
  std::vector<FlowColumn> columns_;
  std::optional<CountFlow> flow_;
  std::vector<std::string> names_;
};

TEST_P(GradientFitTest, FindsTheMaximumThatNewtonsMethodFinds) {
  const FilterConstraints limits = constraints(0.7);
  const auto newton = by_newton(limits);
  const auto gradient = by_gradient(limits, settings(limits));
  ASSERT_TRUE(newton.outcome.converged) << newton.outcome.reason;
  ASSERT_TRUE(gradient.outcome.converged) << gradient.outcome.reason;
  EXPECT_NEAR(gradient.outcome.point.value, newton.outcome.point.value, 1e-9);
  EXPECT_EQ(gradient.state.names, names_);
  const auto& expected = newton.state.starts[newton.best].parameters;
  const auto& found = gradient.state.starts[gradient.best].parameters;
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-5) << i;
}

TEST_P(GradientFitTest, KeepsToBounds) {
  const auto free = by_newton(constraints(0.7));
  const double upper = free.outcome.point.x[1] - 0.1;
  const FilterConstraints limits = constraints(upper);
  const auto fit = by_gradient(limits, settings(limits));
  ASSERT_TRUE(fit.outcome.converged) << fit.outcome.reason;
  EXPECT_NEAR(fit.outcome.point.x[1], upper, 1e-9);
  EXPECT_EQ(limits.at_bound(fit.outcome.active), (std::vector<char>{0, 1}));
  const auto newton = by_newton(limits);
  EXPECT_NEAR(fit.outcome.point.value, newton.outcome.point.value, 1e-9);
}

TEST_P(GradientFitTest, GoesOnWithTheSameNumbers) {
  const FilterConstraints limits = constraints(0.7);
  std::vector<std::string> states;
  GradientFitSettings kept = settings(limits);
  kept.checkpoint = [&](const FitState& state) { states.push_back(to_text(state)); };
  const auto whole = by_gradient(limits, kept);
  ASSERT_GT(states.size(), 4U);
  for (const std::size_t place : {states.size() / 3, states.size() - 2}) {
    GradientFitSettings resumed = settings(limits);
    resumed.resume = parse_fit_state(states[place]);
    const auto rest = by_gradient(limits, resumed);
    EXPECT_EQ(to_text(rest.state), to_text(whole.state)) << place;
  }
}

INSTANTIATE_TEST_SUITE_P(Families, GradientFitTest,
                         ::testing::Values(CountFamily::poisson, CountFamily::negative_binomial),
                         [](const auto& each) {
                           return each.param == CountFamily::poisson ? "Poisson"
                                                                     : "NegativeBinomial";
                         });

}  // namespace
}  // namespace kronwerk::models
