#include "kronwerk/configuration/schema.hpp"

#include <algorithm>
#include <array>

#include "kronwerk/core/text.hpp"

namespace kronwerk::configuration {
namespace {

const std::vector<Task> on_vectors{Task::apply, Task::solve};
const std::vector<Task> with_input{Task::apply, Task::solve, Task::project, Task::expm};
const std::vector<Task> differentiable{Task::apply, Task::solve, Task::logdet, Task::trace,
                                       Task::diagonal};

/// All tasks that have an operator formula.
std::vector<Task> with_formula() {
  std::vector<Task> tasks;
  for (std::size_t i = 0; i < task_names().size(); ++i) {
    if (static_cast<Task>(i) != Task::project) tasks.push_back(static_cast<Task>(i));
  }
  return tasks;
}

std::vector<SchemaEntry> main_entries() {
  const std::vector<Task> formula = with_formula();
  return {
      {.path = "task",
       .types = text,
       .required = true,
       .choices = {task_names().begin(), task_names().end()},
       .documentation = "what to compute"},
      {.path = "parameters",
       .types = map,
       .tasks = formula,
       .documentation = "the numbers that the formula names"},
      {.path = "parameters.*",
       .types = number,
       .tasks = formula,
       .documentation = "value of one parameter"},
      {.path = "matrices",
       .types = map,
       .tasks = formula,
       .documentation = "the data that the formula names"},
      {.path = "matrices.*",
       .types = map,
       .tasks = formula,
       .documentation = "a matrix, or a vector for `diag()`"},
      {.path = "matrices.*.file",
       .types = text,
       .required = true,
       .tasks = formula,
       .documentation = "HDF5 file, relative to the configuration file"},
      {.path = "matrices.*.dataset",
       .types = text,
       .required = true,
       .tasks = formula,
       .documentation = "dataset (dense matrix, vector) or CSR group (sparse matrix) in it"},
      {.path = "operator",
       .types = text,
       .default_value = "required",
       .tasks = formula,
       .documentation = "the operator formula, quoted"},
  };
}

void add_dataset(std::vector<SchemaEntry>& entries, const std::string& path,
                 const std::vector<Task>& tasks, const std::string& what) {
  entries.push_back(
      {.path = path + ".file",
       .types = text,
       .tasks = tasks,
       .documentation = "HDF5 file of " + what + ", relative to the configuration file"});
  entries.push_back({.path = path + ".dataset",
                     .types = text,
                     .tasks = tasks,
                     .documentation = "dataset of " + what});
}

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

std::vector<SchemaEntry> vector_entries() {
  std::vector<SchemaEntry> entries;
  entries.push_back({.path = "input",
                     .types = map,
                     .tasks = with_input,
                     .documentation = "the vector (or vectors) that the operator or its inverse is "
                                      "applied to"});
  add_vector_source(entries, "input", with_input, "the input");
  entries.push_back({.path = "input.transform",
                     .types = text,
                     .default_value = "none",
                     .choices = {"none", "log1p", "log", "sqrt", "square", "exp"},
                     .tasks = with_input,
                     .documentation = "applied to every value after reading"});
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
                     .tasks = differentiable,
                     .documentation =
                         "∂L/∂(result): a dataset, `result` or `ones`; required but for "
                         "`logdet` and `trace`, where it is 1 if not given"});
  add_dataset(entries, "gradient.cotangent", differentiable, "the cotangent");
  entries.push_back({.path = "gradient.parameters",
                     .types = list,
                     .default_value = "[]",
                     .tasks = differentiable,
                     .documentation = "names of the parameters to differentiate by"});
  entries.push_back({.path = "gradient.parameters[]",
                     .types = text,
                     .tasks = differentiable,
                     .documentation = "one name"});
  entries.push_back({.path = "gradient.input",
                     .types = boolean,
                     .default_value = "false",
                     .tasks = on_vectors,
                     .documentation = "also differentiate by the input, as it stands in the file "
                                      "(before `transform`)"});
  entries.push_back({.path = "tangent",
                     .types = map,
                     .tasks = differentiable,
                     .documentation = "the Jacobian-vector product, written to `/tangent`"});
  entries.push_back({.path = "tangent.parameters",
                     .types = map,
                     .tasks = differentiable,
                     .documentation = "directions of the parameters; those not named have 0"});
  entries.push_back({.path = "tangent.parameters.*",
                     .types = number,
                     .tasks = differentiable,
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
       .tasks = projecting,
       .documentation = "rows of the factors: n_1, …, n_K"},
      {.path = "extents[]",
       .types = integer,
       .minimum = 1,
       .tasks = projecting,
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
       .tasks = projecting,
       .documentation = "which factors of a Kronecker sum carry the mean of the diagonal"},
  };
}

std::vector<SchemaEntry> sweep_entries() {
  const std::vector<Task> formula = with_formula();
  return {
      {.path = "sweep",
       .types = map,
       .tasks = formula,
       .documentation = "parameters that run through several values each: the task is repeated for "
                        "all combinations, the first name slowest"},
      {.path = "sweep.*",
       .types = list | map,
       .tasks = formula,
       .documentation = "values of one parameter: a list, or `from`, `to` and `count`"},
      {.path = "sweep.*[]", .types = number, .tasks = formula, .documentation = "one value"},
      {.path = "sweep.*.from",
       .types = number,
       .required = true,
       .tasks = formula,
       .documentation = "the first value"},
      {.path = "sweep.*.to",
       .types = number,
       .required = true,
       .tasks = formula,
       .documentation = "the last value"},
      {.path = "sweep.*.count",
       .types = integer,
       .required = true,
       .minimum = 1,
       .maximum = 100'000,
       .tasks = formula,
       .documentation = "how many values, at equal distances"},
  };
}

std::vector<SchemaEntry> remaining_entries() {
  const std::vector<Task> solving{Task::solve, Task::logdet};
  const std::vector<Task> iterating{Task::solve, Task::logdet, Task::project};
  return {
      {.path = "solver", .types = map, .tasks = iterating, .documentation = "how to solve"},
      {.path = "solver.method",
       .types = text,
       .default_value = "auto",
       .choices = {"auto", "direct", "krylov"},
       .tasks = solving,
       .documentation =
           "`auto` takes the direct structured solve where there is one that is worth it"},
      {.path = "solver.tolerance",
       .types = number,
       .default_value = "1e-10",
       .minimum = 0,
       .maximum = 1,
       .minimum_excluded = true,
       .tasks = iterating,
       .documentation =
           "relative residual at which `krylov` (or the iteration of `onto: kron`) stops"},
      {.path = "solver.max_iterations",
       .types = integer,
       .default_value = "1000",
       .minimum = 1,
       .maximum = 2147483647,
       .tasks = iterating,
       .documentation = "of `krylov`, per right-hand side"},
      {.path = "solver.probes",
       .types = integer,
       .default_value = "30",
       .minimum = 2,
       .maximum = 1'000'000,
       .tasks = {Task::logdet},
       .documentation = "random vectors of a stochastic log determinant"},
      {.path = "solver.seed",
       .types = integer,
       .default_value = "1",
       .minimum = 0,
       .tasks = {Task::logdet},
       .documentation = "of these vectors"},
      {.path = "time",
       .types = number,
       .default_value = "1",
       .tasks = {Task::expm},
       .documentation = "t in exp(t Op)"},
      {.path = "output",
       .types = text | map,
       .required = true,
       .documentation = "the result file, relative to the configuration file"},
      {.path = "output.file",
       .types = text,
       .required = true,
       .documentation = "the result file, relative to the configuration file"},
      {.path = "output.overwrite",
       .types = boolean,
       .default_value = "false",
       .documentation = "replace an existing result"},
      {.path = "batch",
       .types = integer,
       .default_value = "what keeps a block below 256 MB per rank",
       .minimum = 1,
       .maximum = 2147483647,
       .tasks = {Task::apply, Task::solve, Task::assemble, Task::expm},
       .documentation = "right-hand sides that are processed together"},
      {.path = "blas_threads",
       .types = integer,
       .default_value = "1",
       .minimum = 1,
       .maximum = 1024,
       .documentation = "BLAS threads per rank"},
      {.path = "petsc",
       .types = text,
       .default_value = "\"\"",
       .documentation = "options for PETSc, such as \"-ksp_monitor\""},
  };
}

std::vector<SchemaEntry> all_entries() {
  std::vector<SchemaEntry> entries = main_entries();
  for (const auto& part : {vector_entries(), projection_entries(), derivative_entries(),
                           sweep_entries(), remaining_entries()}) {
    entries.insert(entries.end(), part.begin(), part.end());
  }
  return entries;
}

/// The parent of "a.b" is "a", of "a[]" it is "a", of "a" it is "".
std::string_view parent_of(std::string_view path) {
  if (path.ends_with("[]")) return path.substr(0, path.size() - 2);
  const std::size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : path.substr(0, dot);
}

std::string_view name_of(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? path : path.substr(dot + 1);
}

bool matches(std::string_view pattern, std::string_view path) {
  while (!pattern.empty() && !path.empty()) {
    const std::string_view expected = pattern.substr(0, pattern.find('.'));
    const std::string_view found = path.substr(0, path.find('.'));
    // A name chosen by the user, or the items of a list of that name.
    const bool items = found.ends_with("[]");
    const bool chosen = items ? expected == "*[]" : expected == "*";
    if (!chosen && expected != found) return false;
    pattern.remove_prefix(std::min(pattern.size(), expected.size() + 1));
    path.remove_prefix(std::min(path.size(), found.size() + 1));
  }
  return pattern.empty() && path.empty();
}

}  // namespace

std::span<const std::string> task_names() {
  static const std::array<std::string, 9> names{"apply",    "solve",       "logdet",
                                                "assemble", "project",     "trace",
                                                "diagonal", "eigenvalues", "expm"};
  return names;
}

const std::string& task_name(Task task) {
  return task_names()[static_cast<std::size_t>(task)];
}

bool works_on_vectors(Task task) {
  const auto* batch = find_entry("batch");
  return std::ranges::find(batch->tasks, task) != batch->tasks.end();
}

std::string SchemaEntry::type_text() const {
  constexpr std::array<std::pair<Type, const char*>, 6> names{{{number, "number"},
                                                               {integer, "integer"},
                                                               {boolean, "true or false"},
                                                               {text, "text"},
                                                               {list, "list"},
                                                               {map, "map"}}};
  std::vector<std::string> parts;
  for (const auto& [type, name] : names) {
    if ((types & type) != 0) parts.emplace_back(name);
  }
  return core::join(parts, " or ");
}

std::string SchemaEntry::tasks_text() const {
  if (tasks.empty()) return "all";
  if (std::ranges::equal(tasks, with_formula())) return "all but `project`";
  std::vector<std::string> names;
  for (const Task task : tasks) names.push_back(task_name(task));
  return core::join(names, ", ");
}

std::span<const SchemaEntry> schema() {
  static const std::vector<SchemaEntry> entries = all_entries();
  return entries;
}

const SchemaEntry* find_entry(std::string_view path) {
  const auto entries = schema();
  // A literal name wins over "*".
  const auto literal = std::ranges::find(entries, path, &SchemaEntry::path);
  if (literal != entries.end()) return &*literal;
  for (const SchemaEntry& entry : entries) {
    if (matches(entry.path, path)) return &entry;
  }
  return nullptr;
}

std::vector<std::string> child_names(std::string_view path) {
  std::vector<std::string> names;
  for (const SchemaEntry& entry : schema()) {
    if (entry.path.ends_with("[]")) continue;
    const std::string_view parent = parent_of(entry.path);
    const std::string_view name = name_of(entry.path);
    const bool below = path.empty() ? parent.empty() : matches(parent, path);
    if (below && name != "*") names.emplace_back(name);
  }
  return names;
}

}  // namespace kronwerk::configuration
