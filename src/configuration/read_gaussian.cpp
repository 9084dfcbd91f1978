// Declared in configuration/tree_reader.hpp.
#include <fmt/format.h>

#include "configuration/tree_reader.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::configuration {
namespace {

MeanRequest read_mean(const TreeReader& reader, const Job& job) {
  MeanRequest mean;
  const Tree* tree = reader.find("mean");
  if (tree == nullptr) return mean;
  mean.position = tree->position;
  if (tree->kind == Tree::Kind::map) {
    for (const Tree& item : tree->find("columns")->items) {
      mean.columns.push_back(TreeReader::placed(item));
    }
    if (mean.columns.empty()) reader.fail(tree->position, "'mean.columns' is empty");
    if (const Tree* coefficients = tree->find("coefficients")) {
      for (const Tree& item : coefficients->items) mean.coefficients.push_back(*to_number(item));
    }
    if (const Tree* own = tree->find("per_observation")) mean.per_observation = *to_boolean(*own);
    if (job.task == Task::sample && mean.coefficients.size() != mean.columns.size()) {
      reader.fail(
          tree->position,
          fmt::format("'mean' has {} columns and {} 'coefficients'; the task 'sample' needs "
                      "one for each column",
                      mean.columns.size(), mean.coefficients.size()));
    }
    return mean;
  }
  if (const auto constant = to_number(*tree)) {
    mean.constant = *constant;
  } else {
    mean.parameter = TreeReader::placed(*tree);
  }
  return mean;
}

void read_prediction(const TreeReader& reader, const Job& job, GaussianRequest& gaussian) {
  gaussian.draws = read_draws(reader, job);
  if (const Tree* seed = reader.find("seed")) {
    gaussian.seed = static_cast<std::uint64_t>(*to_integer(*seed));
  }
  const auto flag = [&](const char* key, bool& value) {
    if (const Tree* tree = reader.find(key)) value = *to_boolean(*tree);
  };
  flag("variance", gaussian.variance);
  flag("noise", gaussian.noise);
  flag("factored_covariance", gaussian.factored_covariance);
  const Tree* points = reader.find("new_points");
  if (points == nullptr || job.task != Task::predict) return;
  for (const TreeEntry& entry : points->entries) {
    const auto kernel = job.kernels.find(entry.key);
    if (kernel == job.kernels.end() || !kernel->second.points) {
      std::vector<std::string> known;
      for (const auto& [name, request] : job.kernels) {
        if (request.points) known.push_back(name);
      }
      reader.fail(entry.position, fmt::format("'new_points' names '{}', which is no kernel of one "
                                              "set of points{}",
                                              entry.key, core::suggestion(entry.key, known)));
    }
    const std::string path = "new_points." + entry.key;
    NewPointsRequest request{reader.dataset(entry.value, path), {}, entry.position};
    if (const Tree* columns = entry.value.find("columns")) {
      for (const TreeEntry& column : columns->entries) {
        request.columns[column.key] = {
            reader.dataset(column.value, path + ".columns." + column.key), column.position};
      }
    }
    gaussian.new_points[entry.key] = std::move(request);
  }
}

/// What is known of the observations before their transform.
void read_original_scale(const TreeReader& reader, GaussianRequest& gaussian) {
  if (!gaussian.observations) return;
  const ObservationsRequest& observations = *gaussian.observations;
  if (const Tree* jacobian = reader.find("jacobian")) {
    gaussian.jacobian = *to_boolean(*jacobian);
    if (gaussian.jacobian && observations.transform == Transform::none) {
      reader.fail(jacobian->position,
                  "'jacobian' is that of 'observations.transform', which is not given");
    }
  }
  if (observations.quantiles.empty()) return;
  const Position& position = reader.require("observations").find("quantiles")->position;
  if (!gaussian.variance) {
    reader.fail(position, "'observations.quantiles' take the variance: leave 'variance' out");
  }
}

}  // namespace

ObservationsRequest read_observations(const TreeReader& reader) {
  const Tree& tree = reader.require("observations");
  ObservationsRequest observations;
  observations.position = tree.position;
  observations.data = reader.dataset(tree, "observations");
  if (const Tree* transform = tree.find("transform")) {
    observations.transform = TreeReader::choice<Transform>(*transform, "observations.transform");
  }
  if (const Tree* missing = tree.find("missing")) {
    observations.nan_is_missing = missing->text == "nan";
  }
  if (const Tree* mask = tree.find("mask")) {
    observations.mask = reader.dataset(*mask, "observations.mask");
  }
  if (const Tree* quantiles = tree.find("quantiles")) {
    for (const Tree& item : quantiles->items) {
      observations.quantiles.push_back(*to_number(item));
      if (observations.quantiles.back() < 1) continue;
      reader.fail(item.position, "a quantile's probability is below 1");
    }
  }
  return observations;
}

core::Index read_draws(const TreeReader& reader, const Job& job) {
  const bool sample = job.task == Task::sample;
  const Tree* tree = reader.find("draws");
  if (tree == nullptr) return sample ? 1 : 0;
  const core::Index draws = *to_integer(*tree);
  if (sample && draws < 1) {
    reader.fail(tree->position, "'draws' must be at least 1 for the task 'sample'");
  }
  return draws;
}

FitParameter read_parameter(const TreeReader& reader, const TreeEntry& entry,
                            const std::string& path) {
  FitParameter parameter;
  parameter.position = entry.position;
  if (const Tree* lower = entry.value.find("lower")) parameter.lower = to_number(*lower);
  if (const Tree* upper = entry.value.find("upper")) parameter.upper = to_number(*upper);
  if (const Tree* prior = entry.value.find("prior")) parameter.prior = TreeReader::placed(*prior);
  if (parameter.lower && parameter.upper && *parameter.lower >= *parameter.upper) {
    reader.fail(entry.position,
                fmt::format("'{}.{}': the lower bound {} is not below the upper bound {}", path,
                            entry.key, *parameter.lower, *parameter.upper));
  }
  return parameter;
}

std::map<std::string, FitParameter> read_varied(const TreeReader& reader, const Job& job,
                                                const Tree& tree, const std::string& path) {
  std::map<std::string, FitParameter> parameters;
  for (const TreeEntry& entry : tree.entries) {
    if (!job.parameters.contains(entry.key) && !job.parameter_file) {
      std::vector<std::string> known;
      for (const auto& [name, value] : job.parameters) known.push_back(name);
      reader.fail(entry.position,
                  fmt::format("'{}' names '{}', which is not among the parameters{}", path,
                              entry.key, core::suggestion(entry.key, known)));
    }
    parameters[entry.key] = read_parameter(reader, entry, path);
  }
  return parameters;
}

FitRequest read_fit(const TreeReader& reader, const Job& job, bool counts) {
  const Tree& tree = reader.require("fit");
  FitRequest fit;
  fit.parameters = read_varied(reader, job, *tree.find("parameters"), "fit.parameters");
  if (fit.parameters.empty() && !counts) {
    reader.fail(tree.position, "'fit.parameters' is empty: name at least one parameter");
  }
  if (const Tree* method = tree.find("method")) {
    if (!counts) {
      reader.fail(method->position,
                  "'fit.method' is for counts of flows (the families poisson and "
                  "negative_binomial); other models have one method");
    }
    fit.method = TreeReader::choice<FitMethod>(*method, "fit.method");
  }
  if (const Tree* starts = tree.find("starts")) fit.starts = *to_integer(*starts);
  if (const Tree* seed = tree.find("seed")) {
    fit.seed = static_cast<std::uint64_t>(*to_integer(*seed));
  }
  if (const Tree* tolerance = tree.find("tolerance")) fit.tolerance = *to_number(*tolerance);
  if (const Tree* most = tree.find("max_iterations")) fit.max_iterations = *to_integer(*most);
  if (const Tree* errors = tree.find("standard_errors")) {
    fit.standard_errors = *to_boolean(*errors);
  }
  return fit;
}

void read_gaussian(const TreeReader& reader, Job& job) {
  GaussianRequest gaussian;
  gaussian.mean = read_mean(reader, job);
  if (job.task != Task::sample) gaussian.observations = read_observations(reader);
  read_prediction(reader, job, gaussian);
  if (job.task == Task::fit) gaussian.fit = read_fit(reader, job, false);
  gaussian.likelihood = read_likelihood(reader, job, gaussian);
  read_original_scale(reader, gaussian);
  if (job.task == Task::posterior && gaussian.mean.per_observation) {
    reader.fail(gaussian.mean.position,
                "a posterior has one β for all observations; leave 'mean.per_observation' out");
  }
  job.gaussian = std::move(gaussian);
}

}  // namespace kronwerk::configuration
