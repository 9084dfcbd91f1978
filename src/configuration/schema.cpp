#include "kronwerk/configuration/schema.hpp"

#include <algorithm>
#include <array>

#include "kronwerk/core/text.hpp"

namespace kronwerk::configuration {
namespace {

const std::vector<Task> on_vectors{Task::apply, Task::solve};
const std::vector<Task> differentiable{Task::apply, Task::solve, Task::logdet};

std::vector<SchemaEntry> main_entries() {
  return {
      {.path = "task",
       .types = text,
       .required = true,
       .choices = {task_names().begin(), task_names().end()},
       .documentation = "what to compute"},
      {.path = "parameters", .types = map, .documentation = "the numbers that the formula names"},
      {.path = "parameters.*", .types = number, .documentation = "value of one parameter"},
      {.path = "matrices", .types = map, .documentation = "the data that the formula names"},
      {.path = "matrices.*", .types = map, .documentation = "a matrix, or a vector for `diag()`"},
      {.path = "matrices.*.file",
       .types = text,
       .required = true,
       .documentation = "HDF5 file, relative to the configuration file"},
      {.path = "matrices.*.dataset",
       .types = text,
       .required = true,
       .documentation = "dataset (dense matrix, vector) or CSR group (sparse matrix) in it"},
      {.path = "operator",
       .types = text,
       .required = true,
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
                       const std::string& what) {
  add_dataset(entries, path, on_vectors, what);
  entries.push_back({.path = path + ".random",
                     .types = text,
                     .choices = {"normal", "uniform"},
                     .tasks = on_vectors,
                     .documentation = "instead of a file: random numbers, the same for every np"});
  entries.push_back({.path = path + ".seed",
                     .types = integer,
                     .default_value = "1",
                     .minimum = 0,
                     .tasks = on_vectors,
                     .documentation = "of the random numbers"});
}

std::vector<SchemaEntry> vector_entries() {
  std::vector<SchemaEntry> entries;
  entries.push_back({.path = "input",
                     .types = map,
                     .tasks = on_vectors,
                     .documentation = "the vector (or vectors) that the operator or its inverse is "
                                      "applied to"});
  add_vector_source(entries, "input", "the input");
  entries.push_back({.path = "input.transform",
                     .types = text,
                     .default_value = "none",
                     .choices = {"none", "log1p", "log", "sqrt", "square", "exp"},
                     .tasks = on_vectors,
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
                         "`logdet`, where it is 1 if not given"});
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
  add_vector_source(entries, "tangent.input", "the direction");
  return entries;
}

std::vector<SchemaEntry> remaining_entries() {
  const std::vector<Task> solving{Task::solve};
  return {
      {.path = "solver", .types = map, .tasks = solving, .documentation = "how to solve"},
      {.path = "solver.method",
       .types = text,
       .default_value = "auto",
       .choices = {"auto", "direct", "krylov"},
       .tasks = solving,
       .documentation = "`auto` takes the direct structured solve where there is one"},
      {.path = "solver.tolerance",
       .types = number,
       .default_value = "1e-10",
       .minimum = 0,
       .maximum = 1,
       .minimum_excluded = true,
       .tasks = solving,
       .documentation = "relative residual at which `krylov` stops"},
      {.path = "solver.max_iterations",
       .types = integer,
       .default_value = "1000",
       .minimum = 1,
       .maximum = 2147483647,
       .tasks = solving,
       .documentation = "of `krylov`, per right-hand side"},
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
       .tasks = {Task::apply, Task::solve, Task::assemble},
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
  for (const auto& part : {vector_entries(), derivative_entries(), remaining_entries()}) {
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
    if (expected != "*" && expected != found) return false;
    pattern.remove_prefix(std::min(pattern.size(), expected.size() + 1));
    path.remove_prefix(std::min(path.size(), found.size() + 1));
  }
  return pattern.empty() && path.empty();
}

}  // namespace

std::span<const std::string> task_names() {
  static const std::array<std::string, 4> names{"apply", "solve", "logdet", "assemble"};
  return names;
}

const std::string& task_name(Task task) {
  return task_names()[static_cast<std::size_t>(task)];
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
