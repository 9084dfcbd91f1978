#include <fmt/format.h>

#include "configuration/tree_reader.hpp"

namespace kronwerk::configuration {
namespace {

// Of the distance to the maximum, in standard errors.
constexpr double default_tolerance = 1e-6;

/// Keys that say something else of a Gaussian process, or nothing of flows.
void refuse_others(const TreeReader& reader) {
  for (const char* key : {"covariance", "kernels"}) {
    if (const Tree* tree = reader.find(key)) {
      reader.fail(tree->position, fmt::format("'{}' is for Gaussian processes; a flow model has "
                                              "'filter' and 'mean.columns'",
                                              key));
    }
  }
  const Tree* mean = reader.find("mean");
  if (mean == nullptr) return;
  if (mean->kind != Tree::Kind::map) {
    reader.fail(mean->position,
                "the mean of a flow model is a regression: mean: {columns: [\"kron(1, 1)\", …]}");
  }
  if (const Tree* own = mean->find("per_observation")) {
    reader.fail(own->position,
                "all observations of a flow model share their coefficients; leave "
                "'mean.per_observation' out");
  }
}

/// What only some families have.
void check_family(const TreeReader& reader, const FlowRequest& flow) {
  const bool counts = flow.family != FlowFamily::gaussian;
  for (const char* key : {"acts_on", "jacobian"}) {
    const Tree* tree = reader.find(key);
    if (!counts || tree == nullptr) continue;
    reader.fail(tree->position, fmt::format("'{}' is for the family gaussian; the filter of counts "
                                            "acts on the latent field η",
                                            key));
  }
  if (counts && flow.observations.transform != Transform::none) {
    reader.fail(flow.observations.position,
                "counts are not transformed: leave 'observations.transform' out");
  }
  if (!counts && flow.exposure) {
    reader.fail(reader.find("exposure")->position,
                "'exposure' is for the families poisson and negative_binomial");
  }
}

/// Fixed effects are columns by name alone.
void read_columns(const TreeReader& reader, const Tree& mean, FlowRequest& flow) {
  for (const Tree& item : mean.find("columns")->items) {
    const auto column = TreeReader::placed(item);
    if (column.value != "origin" && column.value != "destination") {
      flow.columns.push_back(column);
      continue;
    }
    auto& place = flow.fixed_effects[column.value == "origin" ? 0 : 1];
    if (place) {
      reader.fail(item.position, fmt::format("the fixed effects '{}' stand twice in 'mean.columns'",
                                             column.value));
    }
    place = item.position;
  }
  const bool effects = flow.fixed_effects[0] || flow.fixed_effects[1];
  if (flow.columns.empty() && !effects) reader.fail(mean.position, "'mean.columns' is empty");
}

void read_coefficients(const TreeReader& reader, const Tree& mean, FlowRequest& flow) {
  const Tree* coefficients = mean.find("coefficients");
  if (coefficients == nullptr) return;
  for (const Tree& item : coefficients->items) flow.coefficients.push_back(*to_number(item));
  if (flow.coefficients.size() == flow.columns.size()) return;
  reader.fail(coefficients->position,
              fmt::format("'mean.coefficients' has {} numbers for {} columns",
                          flow.coefficients.size(), flow.columns.size()));
}

/// What the effects are on.
void read_effects(const TreeReader& reader, FlowRequest& flow) {
  const Tree* on = reader.find("on");
  if (on != nullptr) flow.on = TreeReader::choice<EffectsOn>(*on, "on");
  if (flow.on == EffectsOn::linear_predictor) {
    if (flow.exposure) {
      reader.fail(reader.find("exposure")->position,
                  "effects on the linear predictor do not depend on the exposure; leave it out, or "
                  "say 'on: mean'");
    }
  } else if (flow.family == FlowFamily::gaussian) {
    reader.fail(on->position,
                "'on: mean' is for the families poisson and negative_binomial; the expectation of "
                "gaussian flows is the linear predictor");
  }
}

/// What is known already where nothing is estimated.
void read_given(const TreeReader& reader, const Job& job, FlowRequest& flow) {
  const auto number = [&](const char* key) -> std::optional<double> {
    const Tree* tree = reader.find(key);
    return tree == nullptr ? std::nullopt : to_number(*tree);
  };
  flow.sigma2 = number("sigma2");
  flow.theta = number("theta");
  flow.draws = read_draws(reader, job);
  if (const Tree* seed = reader.find("seed")) {
    flow.seed = static_cast<std::uint64_t>(*to_integer(*seed));
  }
  if (job.task == Task::effects) {
    flow.attribute = TreeReader::placed(reader.require("attribute"));
    read_effects(reader, flow);
  }
  const Tree* points = reader.find("new_points");
  if (points == nullptr || job.task != Task::predict) return;
  reader.fail(points->position,
              "'new_points' is for Gaussian processes; a flow model predicts flows between the "
              "regions it has");
}

}  // namespace

void read_flow(const TreeReader& reader, Job& job) {
  refuse_others(reader);
  FlowRequest flow;
  if (const Tree* family = reader.find("family")) {
    flow.family = TreeReader::choice<FlowFamily>(*family, "family");
  }
  if (const Tree* acts_on = reader.find("acts_on")) {
    flow.acts_on = TreeReader::choice<FilterActsOn>(*acts_on, "acts_on");
  }
  const bool fit = job.task == Task::fit;
  const bool estimates = job.estimates();
  const Tree* jacobian = reader.find("jacobian");
  if (jacobian != nullptr && fit) flow.jacobian = *to_boolean(*jacobian);
  if (const Tree* mean = reader.find("mean")) {
    read_columns(reader, *mean, flow);
    if (!estimates) read_coefficients(reader, *mean, flow);
  }
  // Means of counts are predicted without any.
  const bool counts = flow.family != FlowFamily::gaussian;
  if (estimates ||
      (job.task == Task::predict && (!counts || reader.find("observations") != nullptr))) {
    flow.observations = read_observations(reader);
    if (!flow.observations.quantiles.empty()) {
      reader.fail(
          flow.observations.position,
          "predictions of flow models have no quantiles; leave 'observations.quantiles' out");
    }
  }
  if (const Tree* exposure = reader.find("exposure")) {
    flow.exposure = reader.dataset(*exposure, "exposure");
  }
  check_family(reader, flow);
  if (fit) {
    flow.fit = read_fit(reader, job, counts);
    if (reader.find("fit")->find("tolerance") == nullptr) flow.fit.tolerance = default_tolerance;
  } else if (!estimates) {
    read_given(reader, job, flow);
  }
  job.flow = std::move(flow);
}

}  // namespace kronwerk::configuration
