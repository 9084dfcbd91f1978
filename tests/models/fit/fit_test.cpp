#include "kronwerk/models/fit/fit.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "kronwerk/core/error.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"

namespace kronwerk::models {
namespace {

using communication::Communicator;

/// y_i = level + slope t_i + sd z_i: simulated, and its log density by level, slope and sd.
struct Regression {
  static constexpr std::size_t size = 400;
  std::vector<double> t, y;
  double level = -0.7, slope = 2.2, sd = 0.35;

  Regression() : t(size), y(size) {
    operators::fill_random(operators::RandomKind::normal, 11, 0, y);
    for (std::size_t i = 0; i < size; ++i) {
      t[i] = static_cast<double>(i) / size;
      y[i] = level + slope * t[i] + sd * y[i];
    }
  }

  Evaluation operator()(std::span<const double> p) const {
    if (p[2] < 1e-3) throw core::DataError("K is singular");
    Evaluation result{0, std::vector<double>(3, 0.0)};
    for (std::size_t i = 0; i < size; ++i) {
      const double r = (y[i] - p[0] - p[1] * t[i]) / p[2];
      result.value -= 0.5 * r * r + std::log(p[2]) + 0.5 * std::log(2 * std::numbers::pi);
      result.gradient[0] += r / p[2];
      result.gradient[1] += r * t[i] / p[2];
      result.gradient[2] += (r * r - 1) / p[2];
    }
    return result;
  }

  std::vector<double> least_squares() const {
    double st = 0, stt = 0, sy = 0, sty = 0;
    for (std::size_t i = 0; i < size; ++i) {
      st += t[i];
      stt += t[i] * t[i];
      sy += y[i];
      sty += t[i] * y[i];
    }
    const double n = size;
    const double b = (n * sty - st * sy) / (n * stt - st * st);
    const double a = (sy - b * st) / n;
    double rss = 0;
    for (std::size_t i = 0; i < size; ++i) rss += std::pow(y[i] - a - b * t[i], 2);
    return {a, b, std::sqrt(rss / n)};
  }
};

FitParameter real(const std::string& name, double initial) {
  return {name, initial, Prior(Prior::Kind::uniform, -50, 50), {}, {}};
}

class Fit : public testing::Test {
 protected:
  Communicator comm_ = Communicator::duplicate(MPI_COMM_WORLD);
  Regression data_;
  std::vector<FitParameter> parameters_{real("level", 3), real("slope", -4), {"sd", 2, {}, {}, {}}};
  FitSettings settings_;

  FitResult run() {
    return fit(
        comm_, [&](std::span<const double> p) { return data_(p); }, parameters_, settings_);
  }
};

TEST_F(Fit, RecoversParametersWithinThreeStandardErrorsFromEveryStart) {
  settings_.starts = 6;
  const auto result = run();
  const auto exact = data_.least_squares();
  ASSERT_TRUE(result.converged) << result.state.starts[result.best].outcome;
  const std::vector<double> truth{data_.level, data_.slope, data_.sd};
  for (const auto& start : result.state.starts) {
    EXPECT_TRUE(start.converged) << start.outcome;
    EXPECT_LT(start.iterations, 60);
    EXPECT_LT(start.evaluations, 120);
    ASSERT_EQ(start.parameters.size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_NEAR(start.parameters[i], exact[i], 1e-6) << i;
      ASSERT_TRUE(result.standard_errors[i]);
      EXPECT_NEAR(start.parameters[i], truth[i], 3 * *result.standard_errors[i]) << i;
    }
    EXPECT_EQ(start.history.size(), static_cast<std::size_t>(start.iterations) + 1);
  }
  EXPECT_NE(result.state.starts[1].history[0], result.state.starts[2].history[0]);
}

TEST_F(Fit, GivesTheStandardErrorsOfTheObservedInformation) {
  const auto result = run();
  const auto exact = data_.least_squares();
  // Minus the Hessian at the maximum: [n st; st stt] / sd² for the line, 2 n / sd² for sd.
  double st = 0, stt = 0;
  for (const double t : data_.t) {
    st += t;
    stt += t * t;
  }
  const double n = Regression::size;
  const double variance = exact[2] * exact[2];
  const double determinant = n * stt - st * st;
  ASSERT_EQ(result.information, "");
  EXPECT_NEAR(*result.standard_errors[0], std::sqrt(variance * stt / determinant), 1e-6);
  EXPECT_NEAR(*result.standard_errors[1], std::sqrt(variance * n / determinant), 1e-6);
  EXPECT_NEAR(*result.standard_errors[2], std::sqrt(variance / (2 * n)), 1e-6);
  EXPECT_NEAR(result.covariance[1], -variance * st / determinant, 1e-8);
  EXPECT_NEAR(result.covariance[3], result.covariance[1], 1e-15);
}

TEST_F(Fit, PriorsPullAndBoundsHold) {
  parameters_[0].prior = Prior(Prior::Kind::normal, 5, 1e-3);
  parameters_[0].initial = 5;
  const auto pulled = run();
  EXPECT_NEAR(pulled.parameters[0], 5, 0.05);
  EXPECT_NEAR(pulled.log_density,
              pulled.objective -
                  Prior(Prior::Kind::normal, 5, 1e-3).log_density(pulled.parameters[0]) -
                  Prior(Prior::Kind::uniform, -50, 50).log_density(0),
              1e-9);
  parameters_[0] = real("level", 3);
  parameters_[1].upper = 1.5;  // below the estimate
  parameters_[1].initial = 1;
  const auto bound = run();
  ASSERT_TRUE(bound.converged) << bound.state.starts[0].outcome;
  EXPECT_EQ(bound.parameters[1], 1.5);
  EXPECT_TRUE(bound.at_bound[1]);
  EXPECT_FALSE(bound.at_bound[0]);
  EXPECT_FALSE(bound.standard_errors[1]);
  ASSERT_TRUE(bound.standard_errors[0]);
  double level = 0;
  for (std::size_t i = 0; i < Regression::size; ++i) {
    level += (data_.y[i] - 1.5 * data_.t[i]) / Regression::size;
  }
  EXPECT_NEAR(bound.parameters[0], level, 1e-6);
}

TEST_F(Fit, StepsBackFromPointsWhereTheDensityIsNotDefined) {
  // Rosenbrock's valley with a wall close beside it: most steps first end behind the wall.
  Index refused = 0;
  const DensityFunction valley = [&](std::span<const double> p) {
    const double x = p[0], y = p[1];
    if (y - x * x < -0.3 || y - x * x > 0.3) {
      ++refused;
      throw core::DataError("behind the wall");
    }
    return Evaluation{-100 * (y - x * x) * (y - x * x) - (1 - x) * (1 - x),
                      {400 * x * (y - x * x) + 2 * (1 - x), -200 * (y - x * x)}};
  };
  const auto result = fit(comm_, valley, {real("x", -1.2), real("y", 1.4)}, settings_);
  EXPECT_GT(refused, 0);
  ASSERT_TRUE(result.converged) << result.state.starts[0].outcome;
  EXPECT_NEAR(result.parameters[0], 1, 1e-5);
  EXPECT_NEAR(result.parameters[1], 1, 1e-5);
}

/// Everything that a fit ends with, to the last bit.
std::string all_of(const FitResult& result) {
  FitState state = result.state;
  state.evaluations.push_back({result.parameters, true, {result.objective, result.gradient}});
  RecordedEvaluation errors{result.covariance, false, {}};
  for (const auto& error : result.standard_errors) errors.parameters.push_back(error.value_or(-1));
  state.evaluations.push_back(errors);
  return to_text(state) + std::to_string(result.evaluations);
}

TEST_F(Fit, EndsWithTheSameBitsWhereverItWasKilled) {
  settings_.starts = 2;
  Index calls = 0;
  const DensityFunction counted = [&](std::span<const double> p) {
    ++calls;
    return data_(p);
  };
  const auto whole = fit(comm_, counted, parameters_, settings_);
  const Index in_all = calls;
  EXPECT_EQ(whole.evaluations, in_all);
  ASSERT_GT(in_all, 20);
  // Everywhere on one rank, here and there on several, which are slow where they share cores.
  const Index stride = comm_.size() == 1 ? 1 : in_all / 4;
  for (Index until = 1; until < in_all; until += stride) {
    SCOPED_TRACE(until);
    std::string written;
    settings_.checkpoint = [&](const FitState& state) { written = to_text(state); };
    settings_.resume.reset();
    calls = 0;
    const DensityFunction dying = [&](std::span<const double> p) {
      if (calls++ == until) throw core::InternalError("killed");
      return data_(p);
    };
    EXPECT_THROW(fit(comm_, dying, parameters_, settings_), core::InternalError);
    const FitState last = parse_fit_state(written);
    EXPECT_EQ(to_text(last), written);
    settings_.resume = last;
    calls = 0;
    const auto resumed = fit(comm_, counted, parameters_, settings_);
    EXPECT_EQ(all_of(resumed), all_of(whole));
    // One to see that the density is still the same.
    EXPECT_LE(calls, in_all - until + 1);
  }
}

TEST_F(Fit, TellsOnlyNewIterationsWhenItGoesOn) {
  std::vector<Index> all, seen;
  std::optional<FitState> last;
  settings_.on_iteration = [&](const FitIteration& line) { all.push_back(line.iteration); };
  settings_.checkpoint = [&](const FitState& state) {
    if (all.size() < 4) last = state;
  };
  run();
  ASSERT_TRUE(last.has_value());
  settings_.resume = last;
  settings_.on_iteration = [&](const FitIteration& line) { seen.push_back(line.iteration); };
  run();
  ASSERT_FALSE(seen.empty());
  EXPECT_GE(seen.front(), 2);
  EXPECT_EQ(seen.back(), all.back());
}

TEST_F(Fit, RefusesToGoOnWithAnotherFitOrOtherData) {
  std::optional<FitState> last;
  settings_.checkpoint = [&](const FitState& state) { last = state; };
  run();
  settings_.resume = last;
  settings_.seed = 2;
  EXPECT_THROW(run(), core::ConfigurationError);
  settings_.seed = 1;
  run();
  data_.y[3] += 0.1;
  try {
    run();
    ADD_FAILURE();
  } catch (const core::ConfigurationError& error) {
    EXPECT_NE(std::string(error.what()).find("the fit to resume was of other data"),
              std::string::npos)
        << error.what();
  }
  EXPECT_THROW(parse_fit_state("kronwerk fit state 2\nseed 1\n"), core::DataError);
  EXPECT_THROW(parse_fit_state("kronwerk fit state 1\nseed 1\n"), core::DataError);
}

TEST_F(Fit, KeepsItsStateWhenItIsTerminated) {
  settings_.standard_errors = false;
  std::string written;
  Index calls = 0;
  settings_.checkpoint = [&](const FitState& state) { written = to_text(state); };
  const DensityFunction dying = [&](std::span<const double> p) {
    if (++calls == 7) throw core::Terminated("terminated");
    return data_(p);
  };
  EXPECT_THROW(fit(comm_, dying, parameters_, settings_), core::Terminated);
  EXPECT_EQ(parse_fit_state(written).evaluations.size(), 6u);
}

TEST_F(Fit, SaysSoWhenItDoesNotConverge) {
  settings_.max_iterations = 2;
  const auto result = run();
  EXPECT_FALSE(result.converged);
  EXPECT_EQ(result.state.starts[0].iterations, 2);
  EXPECT_EQ(result.state.starts[0].outcome, "the limit of iterations was reached");
  EXPECT_GT(result.objective, result.state.starts[0].history[0]);  // the best point is kept
}

TEST_F(Fit, AcceptsEstimatedGradientsThatVanishWithinTheirStandardErrors) {
  double error = 0.05;
  const DensityFunction estimated = [&](std::span<const double> p) {
    Evaluation result = data_(p);
    for (double& each : result.gradient) each += 0.04;
    result.gradient_errors.assign(3, error);
    return result;
  };
  const auto result = fit(comm_, estimated, parameters_, settings_);
  EXPECT_TRUE(result.converged) << result.state.starts[0].outcome;
  EXPECT_EQ(result.state.starts[0].outcome, "the gradient vanishes within its standard error");
  EXPECT_NEAR(result.parameters[1], data_.least_squares()[1], 0.01);
  error = 0;
  EXPECT_FALSE(fit(comm_, estimated, parameters_, settings_).converged);
}

TEST_F(Fit, ReportsAnInformationThatIsNotPositiveDefinite) {
  // Only the sum of both is determined.
  const DensityFunction ridge = [](std::span<const double> p) {
    const double r = p[0] + p[1] - 1;
    return Evaluation{-r * r, {-2 * r, -2 * r}};
  };
  const auto result = fit(comm_, ridge, {real("a", 3), real("b", 2)}, settings_);
  EXPECT_TRUE(result.converged);
  EXPECT_FALSE(result.standard_errors[0]);
  EXPECT_FALSE(result.standard_errors[1]);
  EXPECT_TRUE(result.covariance.empty());
  EXPECT_NE(result.information.find("not positive definite"), std::string::npos);
}

TEST_F(Fit, RefusesInitialValuesOutsideTheSupport) {
  const auto refuse = [&](const FitParameter& parameter, const std::string& part) {
    parameters_[2] = parameter;
    try {
      run();
      ADD_FAILURE() << part;
    } catch (const core::ConfigurationError& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  };
  refuse({"sd", -1, {}, {}, {}}, "'sd' begins at -1, outside of its support");
  refuse({"sd", 3, Prior(Prior::Kind::uniform, 0, 2), {}, {}}, "with the prior uniform(0, 2)");
  refuse({"sd", 3, Prior(Prior::Kind::uniform, 0, 2), 2.5, {}}, "has nowhere to go");
  parameters_[2] = {"sd", 5e-4, {}, {}, {}};
  EXPECT_THROW(run(), core::DataError);  // the density's own words
  settings_.starts = 4;                  // the others begin elsewhere
  parameters_[2].prior = Prior(Prior::Kind::half_normal, 1);
  const auto result = run();
  EXPECT_TRUE(result.converged);
  EXPECT_NE(result.best, 0u);
  EXPECT_TRUE(result.state.starts[0].parameters.empty());
}

}  // namespace
}  // namespace kronwerk::models
