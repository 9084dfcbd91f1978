#include "application/kernels/reduce_problem.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "application/inputs/id_check.hpp"
#include "application/inputs/problem.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/kernels/reductions/reduce_gradient.hpp"

namespace kronwerk::application {
namespace {

using configuration::Job;
using core::ConfigurationError;

std::vector<kernels::ReductionRequest> requests_of(
    const Job& job, const std::optional<kernels::Expression>& weight) {
  std::vector<kernels::ReductionRequest> requests;
  for (const auto& reduction : job.reduce->reductions) {
    const std::string where = job.where(reduction.position);
    const auto kind = kernels::find_reduction(reduction.value);
    if (!kind) {
      const auto names = kernels::reduction_names();
      throw ConfigurationError(
          fmt::format("{}: unknown reduction '{}'{}; known are {}", where, reduction.value,
                      core::suggestion(reduction.value, names), core::join(names, ", ")));
    }
    for (const auto& earlier : requests) {
      if (earlier.kind == *kind) {
        throw ConfigurationError(
            fmt::format("{}: the reduction '{}' is named twice", where, reduction.value));
      }
    }
    const bool lists = reduction.value.find("kmin") != std::string::npos ||
                       reduction.value.find("kmax") != std::string::npos;
    const bool weighted =
        *kind == kernels::ReductionKind::logsumexp || *kind == kernels::ReductionKind::softmax;
    if (*kind == kernels::ReductionKind::softmax && !weight) {
      throw ConfigurationError(fmt::format(
          "{}: 'softmax' is Σ exp(F) w / Σ exp(F); give w as the formula 'weight'", where));
    }
    requests.push_back({*kind, lists ? job.reduce->k : 1, weighted ? weight : std::nullopt});
  }
  return requests;
}

/// The names of the gradient, after all of them were found to have one.
std::vector<std::string> wanted_of(const Job& job, const PointVariables& variables,
                                   const std::vector<kernels::ReductionRequest>& requests) {
  std::vector<std::string> wanted;
  if (!job.gradient) return wanted;
  const auto& position = job.gradient->cotangent.position;
  if (requests.size() != 1 || !kernels::is_differentiable(requests.front().kind)) {
    throw ConfigurationError(fmt::format(
        "{}: a gradient is of one reduction: sum, mean, norm, logsumexp, softmax, min or max",
        job.where(position)));
  }
  for (const auto& name : job.gradient->parameters) wanted.push_back(name.value);
  for (const auto& name : job.gradient->points) {
    if (!variables.contains(name.value)) {
      std::vector<std::string> known;
      for (const auto& [variable, points] : variables) known.push_back(variable);
      throw ConfigurationError(
          fmt::format("{}: 'gradient.points' names '{}', which is no variable of the formula{}",
                      job.where(name.position), name.value, core::suggestion(name.value, known)));
    }
    wanted.push_back(name.value);
  }
  return wanted;
}

/// An index that no variable has takes one value.
Index find_count(const PointVariables& variables, kernels::Axes axis) {
  for (const auto& [name, variable] : variables) {
    if (variable.symbol.axes == axis) return variable.count;
  }
  return 1;
}

std::optional<kernels::BlockSparsity> sparsity_of(const Job& job) {
  const auto& request = job.reduce->block_sparse;
  if (!request) return std::nullopt;
  return kernels::BlockSparsity{request->row_points, request->column_points, request->range,
                                request->tolerance, std::nullopt};
}

}  // namespace

std::string ReduceProblem::text() const {
  std::vector<std::string> names;
  for (const auto& request : reduction.requests) names.push_back(kernels::to_text(request.kind));
  const bool over_j = reduction.over == kernels::axis_j;
  return fmt::format("{} of {} over {} {} for {} {}", core::join(names, ", "),
                     reduction.formula.text(), core::format_count(over_j ? columns : rows),
                     over_j ? "j" : "i", core::format_count(over_j ? rows : columns),
                     over_j ? "i" : "j");
}

ReduceProblem analyse_reduce(const communication::Communicator& comm, const Job& job) {
  check_names(job);
  const auto& request = *job.reduce;
  PointVariables variables = inspect_points(comm, job, request.variables);
  check_ids(comm, job, variables);
  kernels::Symbols symbols;
  for (const auto& [name, variable] : variables) symbols.variables[name] = variable.symbol;
  std::map<std::string, double> parameters;
  for (const auto& [name, value] : job.parameters) {
    symbols.parameters.insert(name);
    parameters[name] = value.value;
  }
  const std::string where = job.where(request.formula.position);
  auto formula = kernels::analyse(request.formula.value, symbols, where);
  std::optional<kernels::Expression> weight;
  if (request.weight) {
    weight = kernels::analyse(request.weight->value, symbols, job.where(request.weight->position));
  }
  const auto over =
      request.over == configuration::PointIndex::j ? kernels::axis_j : kernels::axis_i;
  const Index rows = find_count(variables, kernels::axis_i);
  const Index columns = find_count(variables, kernels::axis_j);
  auto requests = requests_of(job, weight);
  auto wanted = wanted_of(job, variables, requests);
  ReduceProblem problem{
      {std::move(formula),
       std::move(requests),
       over,
       {},
       job.precision == configuration::FloatKind::float32 ? kernels::Precision::float32
                                                          : kernels::Precision::float64},
      std::move(variables),
      std::move(parameters),
      rows,
      columns,
      sparsity_of(job),
      std::move(wanted),
      ""};
  if (!problem.reduction.formula.varies(over)) {
    const char* index = over == kernels::axis_j ? "j" : "i";
    problem.note = fmt::format(
        "note: the formula does not vary with {}, over which it is reduced: "
        "every {} contributes the same",
        index, index);
  }
  return problem;
}

methods::MemoryNeeds estimate_reduce_memory(const ReduceProblem& problem, int ranks, int nodes) {
  methods::MemoryNeeds needs;
  needs.ranks = ranks;
  needs.nodes = nodes;
  needs.base_bytes_per_rank = methods::base_bytes_per_rank;
  double bytes = 0;
  for (const auto& [name, variable] : problem.variables) {
    const double own = 8.0 * static_cast<double>(variable.count) * variable.symbol.dimension;
    // Two more blocks of what travels, and what is sorted for the tiles.
    bytes += own * (variable.symbol.axes == problem.reduction.over ? 4 : 2);
  }
  const double kept = static_cast<double>(
      problem.reduction.over == kernels::axis_j ? problem.rows : problem.columns);
  for (const auto& request : problem.reduction.requests) {
    bytes += 2 * 16 * kept * static_cast<double>(request.k) * problem.reduction.formula.dimension();
  }
  needs.vector_bytes_per_rank = bytes / ranks;
  return needs;
}

}  // namespace kronwerk::application
