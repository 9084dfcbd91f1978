// Declared in configuration/schema/schema_entries.hpp.
#include "configuration/schema/schema_entries.hpp"

namespace kronwerk::configuration {
namespace {

const std::vector<Task> on_vectors{Task::apply, Task::solve};
const std::vector<Task> with_input{Task::apply, Task::solve, Task::project, Task::graph,
                                   Task::expm};
const std::vector<Task> differentiable_operator{Task::apply, Task::solve, Task::logdet, Task::trace,
                                                Task::diagonal};
const std::vector<Task> with_cotangent{Task::apply, Task::solve,    Task::logdet,
                                       Task::trace, Task::diagonal, Task::reduce};
const std::vector<Task> differentiable{Task::apply,    Task::solve,  Task::logdet, Task::trace,
                                       Task::diagonal, Task::logpdf, Task::reduce};

}  // namespace

void add_vector_source(std::vector<SchemaEntry>& entries, const std::string& path,
                       const std::vector<Task>& tasks, const std::string& what) {
  add_dataset(entries, path, tasks, what);
  entries.push_back({.path = path + ".random",
                     .types = text,
                     .choices = {"normal", "uniform"},
                     .tasks = tasks,
                     .documentation = "instead of a file: random numbers, the same for every np"});
  entries.push_back({.path = path + ".seed",
                     .types = integer,
                     .default_value = "1",
                     .minimum = 0,
                     .tasks = tasks,
                     .documentation = "of the random numbers"});
}

void add_transform(std::vector<SchemaEntry>& entries, const std::string& path,
                   const std::vector<Task>& tasks) {
  entries.push_back({.path = path + ".transform",
                     .types = text,
                     .default_value = "none",
                     .choices = {"none", "log1p", "log", "sqrt", "square", "exp"},
                     .tasks = tasks,
                     .documentation = "applied to every value after reading"});
}

std::vector<SchemaEntry> vector_entries() {
  std::vector<SchemaEntry> entries;
  entries.push_back({.path = "input",
                     .types = map,
                     .tasks = with_input,
                     .documentation =
                         "the vector (or vectors) that the operator or its inverse is "
                         "applied to, or what is projected, or the samples of a graph"});
  add_vector_source(entries, "input", with_input, "the input");
  add_transform(entries, "input", with_input);
  return entries;
}

std::vector<SchemaEntry> derivative_entries() {
  std::vector<SchemaEntry> entries;
  entries.push_back({.path = "gradient",
                     .types = map,
                     .tasks = differentiable,
                     .documentation = "the vector-Jacobian product, written below `/gradient`"});
  entries.push_back({.path = "gradient.cotangent",
                     .types = text | map,
                     .choices = {"result", "ones"},
                     .tasks = with_cotangent,
                     .documentation =
                         "∂L/∂(result): a dataset, `result` or `ones`; required but for "
                         "`logdet` and `trace`, where it is 1 if not given"});
  add_dataset(entries, "gradient.cotangent", with_cotangent, "the cotangent");
  entries.push_back({.path = "gradient.parameters",
                     .types = list,
                     .default_value = "[]",
                     .tasks = differentiable,
                     .documentation = "names of the parameters to differentiate by"});
  entries.push_back({.path = "gradient.parameters[]",
                     .types = text,
                     .tasks = differentiable,
                     .documentation = "one name"});
  entries.push_back(
      {.path = "gradient.input",
       .types = boolean,
       .default_value = "false",
       .tasks = {Task::apply, Task::solve, Task::logpdf},
       .documentation =
           "also differentiate by the input (or observations), as it stands in the file "
           "(before `transform`)"});
  entries.push_back(
      {.path = "gradient.points",
       .types = list,
       .default_value = "[]",
       .tasks = {Task::solve, Task::reduce},
       .documentation = "names of variables of a kernel formula to differentiate by"});
  entries.push_back({.path = "gradient.points[]",
                     .types = text,
                     .tasks = {Task::solve, Task::reduce},
                     .documentation = "one name"});
  entries.push_back({.path = "tangent",
                     .types = map,
                     .tasks = differentiable_operator,
                     .documentation = "the Jacobian-vector product, written to `/tangent`"});
  entries.push_back({.path = "tangent.parameters",
                     .types = map,
                     .tasks = differentiable_operator,
                     .documentation = "directions of the parameters; those not named have 0"});
  entries.push_back({.path = "tangent.parameters.*",
                     .types = number,
                     .tasks = differentiable_operator,
                     .documentation = "direction of one parameter"});
  entries.push_back({.path = "tangent.input",
                     .types = map,
                     .tasks = on_vectors,
                     .documentation = "direction of the input, as it stands in the file; 0 if not "
                                      "given"});
  add_vector_source(entries, "tangent.input", on_vectors, "the direction");
  return entries;
}

std::vector<SchemaEntry> projection_entries() {
  const std::vector<Task> projecting{Task::project};
  const std::vector<Task> on_grids{Task::project, Task::graph};
  return {
      {.path = "onto",
       .types = text,
       .default_value = "kronsum",
       .choices = {"kronsum", "kron"},
       .tasks = projecting,
       .documentation =
           "the nearest Kronecker sum, or the nearest Kronecker product of two factors"},
      {.path = "of",
       .types = text,
       .default_value = "data",
       .choices = {"data", "gram"},
       .tasks = projecting,
       .documentation = "project the input itself, or the Gram operator of the samples in it"},
      {.path = "extents",
       .types = list,
       .default_value = "required",
       .tasks = on_grids,
       .documentation = "rows of the factors: n_1, …, n_K"},
      {.path = "extents[]",
       .types = integer,
       .minimum = 1,
       .tasks = on_grids,
       .documentation = "one extent"},
      {.path = "columns",
       .types = list,
       .default_value = "as `extents`",
       .tasks = projecting,
       .documentation = "columns of the factors, for `onto: kron`"},
      {.path = "columns[]",
       .types = integer,
       .minimum = 1,
       .tasks = projecting,
       .documentation = "one of them"},
      {.path = "trace",
       .types = text,
       .default_value = "split",
       .choices = {"split", "first", "none"},
       .tasks = on_grids,
       .documentation = "which factors of a Kronecker sum carry the mean of the diagonal"},
  };
}

std::vector<SchemaEntry> sweep_entries() {
  const std::vector<Task> sweeping = together(operator_tasks(), {Task::graph});
  return {
      {.path = "sweep",
       .types = map,
       .tasks = sweeping,
       .documentation = "parameters that run through several values each: the task is repeated for "
                        "all combinations, the first name slowest"},
      {.path = "sweep.*",
       .types = list | map,
       .tasks = sweeping,
       .documentation =
           "values of one parameter, or of `time`: a list, or `from`, `to` and `count`"},
      {.path = "sweep.*[]", .types = number, .tasks = sweeping, .documentation = "one value"},
      {.path = "sweep.*.from",
       .types = number,
       .required = true,
       .tasks = sweeping,
       .documentation = "the first value"},
      {.path = "sweep.*.to",
       .types = number,
       .required = true,
       .tasks = sweeping,
       .documentation = "the last value"},
      {.path = "sweep.*.count",
       .types = integer,
       .required = true,
       .minimum = 1,
       .maximum = 100'000,
       .tasks = sweeping,
       .documentation = "how many values, at equal distances"},
      {.path = "sweep.solver",
       .types = map,
       .tasks = operator_tasks(),
       .documentation = "keys of `solver` that run through several values"},
      {.path = "sweep.solver.tolerance",
       .types = list,
       .tasks = operator_tasks(),
       .documentation = "values of `solver.tolerance`"},
      {.path = "sweep.solver.tolerance[]",
       .types = number,
       .tasks = operator_tasks(),
       .documentation = "one value"},
      {.path = "sweep.solver.max_iterations",
       .types = list,
       .tasks = operator_tasks(),
       .documentation = "values of `solver.max_iterations`"},
      {.path = "sweep.solver.max_iterations[]",
       .types = integer,
       .tasks = operator_tasks(),
       .documentation = "one value"},
      {.path = "sweep.solver.probes",
       .types = list,
       .tasks = operator_tasks(),
       .documentation = "values of `solver.probes`"},
      {.path = "sweep.solver.probes[]",
       .types = integer,
       .tasks = operator_tasks(),
       .documentation = "one value"},
      {.path = "sweep.solver.seed",
       .types = list,
       .tasks = operator_tasks(),
       .documentation = "values of `solver.seed`"},
      {.path = "sweep.solver.seed[]",
       .types = integer,
       .tasks = operator_tasks(),
       .documentation = "one value"},
  };
}

std::vector<SchemaEntry> initial_guess_entries() {
  std::vector<SchemaEntry> entries{
      {.path = "solver.initial_guess",
       .types = map,
       .tasks = {Task::solve},
       .documentation = "where iterations start, one vector for each of the input; else at zero"}};
  add_dataset(entries, "solver.initial_guess", {Task::solve}, "the initial guess");
  return entries;
}

}  // namespace kronwerk::configuration
