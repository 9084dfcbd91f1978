// Declared in configuration/tree_reader.hpp.
#include <fmt/format.h>

#include "configuration/tree_reader.hpp"

namespace kronwerk::configuration {
namespace {

/// R-hat is of chains in halves.
constexpr core::Index least_per_half = 4;

/// What a family has beside the parameters of its filter.
std::optional<FitParameter> take(const TreeReader& reader, const Job& job, Tree& parameters,
                                 const std::string& name) {
  const auto found = std::ranges::find(parameters.entries, name, &TreeEntry::key);
  if (found == parameters.entries.end() || job.parameters.contains(name)) return std::nullopt;
  const FitParameter parameter = read_parameter(reader, *found, "posterior.parameters");
  parameters.entries.erase(found);
  return parameter;
}

}  // namespace

void read_posterior(const TreeReader& reader, Job& job) {
  if (job.task != Task::posterior) return;
  const Tree& tree = reader.require("posterior");
  PosteriorRequest request;
  request.position = tree.position;
  Tree parameters = *tree.find("parameters");
  if (job.flow && job.flow->family == FlowFamily::negative_binomial) {
    request.theta = take(reader, job, parameters, "theta");
  }
  if (job.flow && job.flow->family == FlowFamily::gaussian) {
    request.sigma2 = take(reader, job, parameters, "sigma2");
  }
  request.parameters = read_varied(reader, job, parameters, "posterior.parameters");
  if (request.parameters.empty() && !job.flow) {
    reader.fail(tree.position, "'posterior.parameters' is empty: name at least one parameter");
  }
  const auto count = [&](const char* key, core::Index& value) {
    if (const Tree* found = tree.find(key)) value = *to_integer(*found);
  };
  count("chains", request.chains);
  count("warmup", request.warmup);
  count("draws", request.draws);
  count("max_depth", request.max_depth);
  if (const Tree* draws = tree.find("draws"); draws && request.draws < 2 * least_per_half) {
    reader.fail(draws->position,
                fmt::format("'posterior.draws' must be at least {}: R-hat compares the halves of "
                            "chains, of at least {} draws each; found {}",
                            2 * least_per_half, least_per_half, request.draws));
  }
  if (const Tree* seed = tree.find("seed")) {
    request.seed = static_cast<std::uint64_t>(*to_integer(*seed));
  }
  if (const Tree* target = tree.find("target_acceptance")) {
    request.target_acceptance = *to_number(*target);
    if (request.target_acceptance == 1) {
      reader.fail(target->position, "'posterior.target_acceptance' must be less than 1");
    }
  }
  if (const Tree* metric = tree.find("metric")) {
    request.metric = TreeReader::choice<PosteriorMetric>(*metric, "posterior.metric");
  }
  if (const Tree* prior = tree.find("coefficient_prior")) {
    request.coefficient_prior = TreeReader::placed(*prior);
    if (job.flow && job.flow->family == FlowFamily::gaussian) {
      reader.fail(prior->position,
                  "the coefficients of a gaussian flow model are integrated out under a flat "
                  "prior; leave 'posterior.coefficient_prior' out");
    }
    if (job.gaussian && job.gaussian->likelihood) {
      reader.fail(prior->position,
                  "with a 'likelihood' the coefficients are integrated out under a flat prior, by "
                  "Laplace's method; leave 'posterior.coefficient_prior' out");
    }
  }
  if (const Tree* wanted = tree.find("log_likelihood"); wanted && *to_boolean(*wanted)) {
    request.log_likelihood = true;
    if (!job.flow || job.flow->family == FlowFamily::gaussian) {
      reader.fail(wanted->position,
                  "'posterior.log_likelihood' is of observations that are independent given the "
                  "parameters, as counts of a flow model are; these are not: leave it out");
    }
  }
  job.posterior = std::move(request);
}

}  // namespace kronwerk::configuration
