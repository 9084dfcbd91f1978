// Declared in configuration/tree_reader.hpp.
#include <fmt/format.h>

#include <cmath>

#include "configuration/tree_reader.hpp"

namespace kronwerk::configuration {
namespace {

void read_sizes(const TreeReader& reader, const Tree& tree, const std::string& path, bool whole,
                LikelihoodRequest& likelihood) {
  if (tree.kind == Tree::Kind::map) {
    likelihood.sizes = reader.dataset(tree, path);
    return;
  }
  likelihood.size = *to_number(tree);
  const bool valid = std::isfinite(likelihood.size) && likelihood.size > 0 &&
                     (!whole || likelihood.size == std::floor(likelihood.size));
  if (valid) return;
  reader.fail(tree.position,
              fmt::format("'{}' is {}; expected {}", path, tree.text,
                          whole ? "a whole number of at least 1" : "a positive number"));
}

void read_theta(const TreeReader& reader, const Tree& tree, LikelihoodRequest& likelihood) {
  if (const auto theta = to_number(tree)) {
    likelihood.theta = *theta;
    if (*theta > 0 && std::isfinite(*theta)) return;
    reader.fail(tree.position,
                fmt::format("'likelihood.theta' is {}; expected a positive number", tree.text));
  }
  likelihood.theta_parameter = TreeReader::placed(tree);
}

/// What a latent field cannot be combined with.
void check_rest(const TreeReader& reader, const Job& job, const GaussianRequest& gaussian) {
  const Position& position = reader.find("likelihood")->position;
  if (gaussian.observations && gaussian.observations->transform != Transform::none) {
    reader.fail(position,
                "'likelihood' is of the counts themselves; leave 'observations.transform' out");
  }
  if (gaussian.observations && !gaussian.observations->quantiles.empty()) {
    reader.fail(
        gaussian.observations->position,
        "quantiles of counts are 'likelihood.quantiles'; leave 'observations.quantiles' out");
  }
  if (gaussian.mean.per_observation) {
    reader.fail(position,
                "'likelihood' takes one observation of the grid; leave "
                "'mean.per_observation' out");
  }
  const Tree* gradient = job.task == Task::logpdf ? reader.find("gradient") : nullptr;
  const Tree* input = gradient != nullptr ? gradient->find("input") : nullptr;
  if (input != nullptr && *to_boolean(*input)) {
    reader.fail(input->position, "counts have no derivatives; leave 'gradient.input' out");
  }
  if (gaussian.factored_covariance) {
    reader.fail(position,
                "the covariance of a field given counts has no factors; leave "
                "'factored_covariance' out, and ask for 'variance' or 'draws'");
  }
}

}  // namespace

std::optional<LikelihoodRequest> read_likelihood(const TreeReader& reader, const Job& job,
                                                 const GaussianRequest& gaussian) {
  const Tree* tree = reader.find("likelihood");
  if (tree == nullptr) return std::nullopt;
  LikelihoodRequest likelihood;
  likelihood.position = tree->position;
  likelihood.family =
      TreeReader::choice<LikelihoodFamily>(*tree->find("family"), "likelihood.family");
  const bool binomial = likelihood.family == LikelihoodFamily::binomial;
  const bool counts = likelihood.family == LikelihoodFamily::poisson ||
                      likelihood.family == LikelihoodFamily::negative_binomial;
  const bool dispersed = likelihood.family == LikelihoodFamily::negative_binomial;
  const std::string& name = tree->find("family")->text;
  const auto read = [&](const char* key, bool belongs, bool needed) {
    const Tree* value = tree->find(key);
    if (value != nullptr && !belongs) {
      reader.fail(value->position,
                  fmt::format("the family '{}' has no 'likelihood.{}'; leave it out", name, key));
    }
    if (value == nullptr && needed) {
      reader.fail(tree->position, fmt::format("the family '{}' needs 'likelihood.{}'", name, key));
    }
    return value;
  };
  if (const Tree* exposure = read("exposure", counts, false)) {
    read_sizes(reader, *exposure, "likelihood.exposure", false, likelihood);
  }
  if (const Tree* trials = read("trials", binomial, binomial)) {
    read_sizes(reader, *trials, "likelihood.trials", true, likelihood);
  }
  if (const Tree* theta = read("theta", dispersed, dispersed)) {
    read_theta(reader, *theta, likelihood);
  }
  if (const Tree* quantiles = tree->find("quantiles")) {
    for (const Tree& item : quantiles->items) {
      likelihood.quantiles.push_back(*to_number(item));
      if (likelihood.quantiles.back() < 1) continue;
      reader.fail(item.position, "a quantile's probability is below 1");
    }
  }
  check_rest(reader, job, gaussian);
  return likelihood;
}

}  // namespace kronwerk::configuration
