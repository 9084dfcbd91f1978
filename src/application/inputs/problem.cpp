#include "application/inputs/problem.hpp"

#include <fmt/format.h>
#include <petscsys.h>

#include <algorithm>

#include "application/inputs/used_names.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk::application {

using configuration::Job;
using configuration::Task;
using core::ConfigurationError;

void read_parameter_file(const communication::Communicator& comm, Job& job) {
  if (!job.parameter_file) return;
  // No structured binding: Clang 14 does not capture those.
  const std::string& file = job.parameter_file->value;
  const configuration::Position position = job.parameter_file->position;
  const auto used = names_in_formulas(job);
  const io::Location location{file, "/parameters", job.external_data};
  // A generalised linear model of flows, whose filter has no parameters, leaves none behind.
  std::map<std::string, double> numbers;
  if (!job.flow || io::holds(comm, location)) numbers = io::read_numbers(comm, location);
  std::vector<std::string> known;
  for (const auto& [name, value] : numbers) {
    known.push_back(name);
    const bool wanted = std::ranges::find(used, name) != used.end();
    if (wanted) job.parameters.try_emplace(name, configuration::Placed<double>{value, position});
  }
  const auto require = [&](const std::string& name, const configuration::Position& where,
                           const char* key) {
    if (job.parameters.contains(name)) return;
    throw ConfigurationError(
        fmt::format("{}: '{}' names '{}', which is not among the parameters of "
                    "this file or of {}{}",
                    job.where(where), key, name, file, core::suggestion(name, known)));
  };
  if (job.gradient) {
    for (const auto& parameter : job.gradient->parameters) {
      require(parameter.value, parameter.position, "gradient.parameters");
    }
  }
  for (const auto& [name, parameter] : job.varied()) {
    require(name, parameter.position, job.posterior ? "posterior.parameters" : "fit.parameters");
  }
}

void check_names(const Job& job) {
  const auto check = [&](const auto& defined, const char* what) {
    for (const auto& [name, value] : defined) {
      if (!expressions::is_reserved_name(name)) continue;
      throw ConfigurationError(fmt::format(
          "{}: '{}' cannot name a {}, because formulas give it a meaning; choose another "
          "name",
          job.where(value.position), name, what));
    }
  };
  check(job.parameters, "parameter");
  check(job.matrices, "matrix");
  check(job.kernels, "kernel");
  for (const auto& [name, value] : job.parameters) {
    if (job.kernels.empty() || !kernels::is_reserved_name(name)) continue;
    throw ConfigurationError(
        fmt::format("{}: '{}' cannot name a parameter, because kernel formulas give it a meaning; "
                    "choose another name",
                    job.where(value.position), name));
  }
  check_used(job);
}

namespace {

bool differentiable(Task task) {
  const auto& tasks = configuration::find_entry("gradient")->tasks;
  return std::ranges::find(tasks, task) != tasks.end();
}

std::vector<std::string> parameters_to_differentiate(const Job& job) {
  std::vector<std::string> names;
  if (!differentiable(job.task)) return names;
  if (job.gradient) {
    for (const auto& parameter : job.gradient->parameters) names.push_back(parameter.value);
  }
  if (job.tangent) {
    for (const auto& [name, direction] : job.tangent->parameters) names.push_back(name);
  }
  return names;
}

/// Tasks that need more than a sum of products. Which matrices are symmetric is not known yet: what
/// is refused here has no method even if all are.
void check_structure(const Problem& problem) {
  const Job& job = problem.job;
  if (job.task != Task::eigenvalues && job.task != Task::expm) return;
  const auto structure = expressions::find_structure(problem.sum, problem.factor_names);
  if (job.task == Task::eigenvalues) return require_eigenvalues(problem, structure);
  if (structure.kronecker_sum) return;
  throw ConfigurationError(fmt::format(
      "{}: the task 'expm' takes a Kronecker sum, kronsum(A, B, …), and multiples of the identity; "
      "this operator is {}",
      job.where(job.formula.position), problem.sum.text()));
}

/// What has no method yet is refused by name, before any data is loaded.
void check_method(const Problem& problem) {
  const Job& job = problem.job;
  const std::string where = job.where(job.formula.position);
  const std::string& task = configuration::task_name(job.task);
  if (problem.sum.terms.empty()) {
    throw ConfigurationError(fmt::format("{}: the operator is zero", where));
  }
  const bool square = problem.sum.row_extents == problem.sum.col_extents;
  const bool needs_square = job.task != Task::apply && job.task != Task::assemble;
  if (needs_square && !square) {
    throw core::ShapeError(fmt::format(
        "{}: the task '{}' needs a square operator; this one maps the grid {} to the grid {}",
        where, task, core::to_text(problem.sum.col_extents),
        core::to_text(problem.sum.row_extents)));
  }
  check_structure(problem);
  constexpr core::Index most_assembled = 20'000;
  const core::Index rows = core::product(problem.sum.row_extents);
  const core::Index cols = core::product(problem.sum.col_extents);
  if (job.task == Task::assemble && std::max(rows, cols) > most_assembled) {
    throw ConfigurationError(fmt::format(
        "{}: the explicit matrix would have {} x {} entries; 'assemble' is for at most {} "
        "rows and columns",
        where, core::format_count(rows), core::format_count(cols),
        core::format_count(most_assembled)));
  }
}

/// With 32-bit PETSc indices, larger grids cannot be counted by the Vec and Mat of a solve.
void check_index_size(const Problem& problem) {
  if constexpr (sizeof(PetscInt) < sizeof(core::Index)) {
    for (const auto* extents : {&problem.sum.row_extents, &problem.sum.col_extents}) {
      if (std::in_range<PetscInt>(core::product(*extents))) continue;
      throw ConfigurationError(
          fmt::format("{}: this kronwerk was built with a PETSc of {}-bit indices, and the grid {} "
                      "has {} points; "
                      "build it with the 64-bit-index PETSc (-DKRONWERK_PETSC=petsc64-real)",
                      problem.job.where(problem.job.formula.position), 8 * sizeof(PetscInt),
                      core::to_text(*extents), core::format_count(core::product(*extents))));
    }
  }
}

}  // namespace

void require_eigenvalues(const Problem& problem, const expressions::SpectralStructure& structure) {
  using Kind = expressions::ModeStructure::Kind;
  std::string reason = structure.why_not;
  const auto pair =
      std::ranges::find(structure.modes, Kind::pair, &expressions::ModeStructure::kind);
  if (reason.empty() && pair != structure.modes.end()) {
    // Their common basis is no similarity: it makes both diagonal, but not with their eigenvalues.
    reason = fmt::format("mode {} has two matrices, '{}' and '{}'",
                         pair - structure.modes.begin() + 1, pair->first->text, pair->second->text);
  }
  if (reason.empty()) return;
  throw ConfigurationError(fmt::format(
      "{}: the task 'eigenvalues' takes a Kronecker product, a Kronecker sum, or a sum of products "
      "whose factors are functions of one matrix in each mode; here {}",
      problem.job.where(problem.job.formula.position), reason));
}

io::Location to_location(const configuration::DatasetReference& reference) {
  return {reference.file, reference.dataset, reference.external, reference.transposed};
}

Problem analyse_problem(const communication::Communicator& comm, configuration::Job job) {
  Problem problem;
  problem.job = std::move(job);
  const Job& the_job = problem.job;
  check_names(the_job);
  problem.data = inspect_matrices(comm, the_job);
  problem.kernels = understand_kernels(comm, the_job);
  std::map<std::string, double> parameters;
  for (const auto& [name, parameter] : the_job.parameters) parameters[name] = parameter.value;
  problem.symbols = symbols_of(the_job, problem.data, problem.kernels, parameters);
  problem.where = the_job.where(the_job.formula.position);
  const auto expression =
      expressions::analyse(the_job.formula.value, problem.symbols, problem.where);
  problem.expression = expression;
  const auto kernel_names = problem.kernel_names();
  problem.sum = expressions::simplify(expression, problem.parameters(), kernel_names);
  // The exponential of nothing is the identity: nothing as a multiple of the identity.
  if (problem.job.task == Task::expm && problem.sum.terms.empty() &&
      problem.sum.row_extents == problem.sum.col_extents) {
    expressions::ProductTerm& zero = problem.sum.terms.emplace_back();
    zero.coefficient = 0;
    for (const core::Index extent : problem.sum.row_extents) {
      zero.factors.push_back(expressions::identity_factor(extent));
    }
  }
  std::set<std::string> names = expressions::factor_names(expression);
  for (const std::string& name : names) {
    const auto kernel = kernel_names.find(name);
    problem.factor_names.insert(kernel == kernel_names.end() ? name : kernel->second);
  }
  for (const std::string& name : parameters_to_differentiate(the_job)) {
    const auto derivative = expressions::differentiate(expression, name);
    problem.derivatives[name] =
        expressions::simplify(derivative, problem.parameters(), kernel_names);
    names.merge(expressions::factor_names(derivative));
  }
  for (auto& [name, use] : find_kernel_uses(problem.kernels, names)) {
    problem.kernel_factors[kernel_names.at(name)] = std::move(use);
  }
  check_method(problem);
  check_index_size(problem);
  return problem;
}

}  // namespace kronwerk::application
