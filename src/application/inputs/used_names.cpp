#include "application/inputs/used_names.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/expressions/expression.hpp"
#include "kronwerk/formulas/syntax.hpp"
#include "kronwerk/kernels/formula/expression.hpp"

namespace kronwerk::application {
namespace {

using configuration::Job;
using core::ConfigurationError;

std::vector<std::string> undefined_names(const Job& job, const std::vector<std::string>& used) {
  std::vector<std::string> undefined;
  for (const std::string& name : used) {
    if (job.reduce && job.reduce->variables.contains(name)) continue;
    if (!job.parameters.contains(name) && !job.matrices.contains(name) &&
        !job.kernels.contains(name)) {
      undefined.push_back(name);
    }
  }
  return undefined;
}

bool calls_other_than(const formulas::Syntax& syntax, bool (*is_function)(const std::string&)) {
  if (syntax.kind == formulas::SyntaxKind::call && !is_function(syntax.text)) return true;
  return std::ranges::any_of(syntax.arguments, [&](const auto& argument) {
    return calls_other_than(*argument, is_function);
  });
}

/// Its analysis then says so, which explains what is unused: "rho(W)" instead of "rho*W".
bool calls_unknown_function(const Job& job) {
  const auto calls = [&](const configuration::Placed<std::string>& formula,
                         bool (*is_function)(const std::string&)) {
    return !formula.value.empty() &&
           calls_other_than(*formulas::parse({formula.value, job.where(formula.position)}),
                            is_function);
  };
  if (calls(job.formula, expressions::is_reserved_name)) return true;
  for (const auto& [name, kernel] : job.kernels) {
    if (calls(kernel.formula, kernels::is_reserved_name)) return true;
  }
  return job.reduce && calls(job.reduce->formula, kernels::is_reserved_name);
}

/// Whether the command line gives one of the formulas.
bool replaces_formula(const Job& job) {
  const auto replaced = [](const configuration::Placed<std::string>& formula) {
    return !formula.position.override_text.empty();
  };
  const auto any = [&](const auto& formulas) { return std::ranges::any_of(formulas, replaced); };
  return replaced(job.formula) || (job.reduce && replaced(job.reduce->formula)) ||
         (job.gaussian && any(job.gaussian->mean.columns)) ||
         (job.flow && any(job.flow->columns)) || (job.graph && any(job.graph->penalty)) ||
         std::ranges::any_of(job.kernels,
                             [&](const auto& entry) { return replaced(entry.second.formula); });
}

/// Whether the job asks for this parameter beside its formulas, so that it cannot do without.
bool is_asked_for(const Job& job, const std::string& name) {
  const auto has_name = [&](const auto& each) { return each.value == name; };
  const bool gradient = job.gradient && std::ranges::any_of(job.gradient->parameters, has_name);
  const bool swept =
      std::ranges::any_of(job.sweep, [&](const auto& axis) { return axis.name == name; });
  return gradient || swept || (job.tangent && job.tangent->parameters.contains(name)) ||
         (job.estimates() && job.varied().contains(name));
}

}  // namespace

std::vector<std::string> names_in_formulas(const Job& job) {
  std::vector<std::string> used;
  const auto add = [&](const std::vector<std::string>& names) {
    used.insert(used.end(), names.begin(), names.end());
  };
  const auto add_kernel = [&](const configuration::KernelRequest& kernel) {
    auto names = kernels::used_names(kernel.formula.value, job.where(kernel.formula.position));
    // Not its own points.
    std::erase_if(names, [&](const std::string& name) {
      return kernel.points ? name == "x" || name == "y" : kernel.variables.contains(name);
    });
    add(names);
  };
  const auto add_operator_formula = [&](const configuration::Placed<std::string>& formula) {
    if (formula.value.empty()) return;
    add(expressions::used_names(formula.value, job.where(formula.position)).matrices);
  };
  const auto add_kernel_formula = [&](const configuration::Placed<std::string>& formula) {
    add(kernels::used_names(formula.value, job.where(formula.position)));
  };
  add_operator_formula(job.formula);
  for (const auto& [name, kernel] : job.kernels) add_kernel(kernel);
  if (job.gaussian) {
    const auto& mean = job.gaussian->mean;
    if (mean.parameter) used.push_back(mean.parameter->value);
    const auto& likelihood = job.gaussian->likelihood;
    if (likelihood && likelihood->theta_parameter) {
      used.push_back(likelihood->theta_parameter->value);
    }
    for (const auto& column : mean.columns) add_operator_formula(column);
  }
  if (job.flow) {
    for (const auto& column : job.flow->columns) add_operator_formula(column);
  }
  if (job.graph) {
    for (const auto& penalty : job.graph->penalty) add_operator_formula(penalty);
  }
  if (job.reduce) {
    add_kernel_formula(job.reduce->formula);
    if (job.reduce->weight) add_kernel_formula(*job.reduce->weight);
  }
  return used;
}

void check_used(const Job& job) {
  const auto used = names_in_formulas(job);
  const auto check = [&](const auto& defined, const char* what) {
    for (const auto& [name, value] : defined) {
      if (std::ranges::find(used, name) != used.end()) continue;
      if (calls_unknown_function(job)) return;
      throw ConfigurationError(fmt::format("{}: the {} '{}' is not used by the {} {}{}",
                                           job.where(value.position), what, name,
                                           job.flow       ? "columns of the mean or the filter"
                                           : job.gaussian ? "covariance"
                                           : job.reduce   ? "formula"
                                           : job.graph    ? "penalty"
                                                          : "operator",
                                           job.reduce  ? job.reduce->formula.value
                                           : job.graph ? job.graph->penalty.front().value
                                                       : job.formula.value,
                                           core::suggestion(name, undefined_names(job, used))));
    }
  };
  check(job.parameters, "parameter");
  if (job.reduce) return check(job.reduce->variables, "variable");
  check(job.matrices, "matrix");
  check(job.kernels, "kernel");
}

void drop_unused(Job& job) {
  if (!replaces_formula(job)) return;
  const auto used = names_in_formulas(job);
  // Perhaps a misspelling of one that is defined.
  if (!undefined_names(job, used).empty()) return;
  const auto drop = [&](auto& defined, const char* what) {
    std::erase_if(defined, [&](const auto& entry) {
      if (std::ranges::find(used, entry.first) != used.end()) return false;
      if (is_asked_for(job, entry.first)) return false;
      job.warnings.push_back(
          fmt::format("{}: the {} '{}' is not used by the formula that --set gives",
                      job.where(entry.second.position), what, entry.first));
      return true;
    });
  };
  drop(job.parameters, "parameter");
  drop(job.matrices, "matrix");
  drop(job.kernels, "kernel");
  if (job.reduce) drop(job.reduce->variables, "variable");
}

}  // namespace kronwerk::application
