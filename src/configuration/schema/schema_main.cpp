// Declared in configuration/schema/schema_entries.hpp.
#include "configuration/schema/schema_entries.hpp"

namespace kronwerk::configuration {
namespace {

std::vector<Task> with_parameters() {
  return together(with_matrices(), {Task::graph, Task::reduce});
}

}  // namespace

const std::vector<Task>& operator_tasks() {
  static const std::vector<Task> tasks{Task::apply,       Task::solve, Task::logdet,
                                       Task::assemble,    Task::trace, Task::diagonal,
                                       Task::eigenvalues, Task::expm};
  return tasks;
}

const std::vector<Task>& gaussian_tasks() {
  static const std::vector<Task> tasks{Task::logpdf, Task::sample,    Task::predict,
                                       Task::fit,    Task::posterior, Task::effects};
  return tasks;
}

std::vector<Task> together(std::vector<Task> a, const std::vector<Task>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

const std::vector<Task>& with_matrices() {
  static const std::vector<Task> tasks = together(operator_tasks(), gaussian_tasks());
  return tasks;
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
  add_transpose(entries, path, tasks);
}

void add_transpose(std::vector<SchemaEntry>& entries, const std::string& path,
                   const std::vector<Task>& tasks) {
  entries.push_back({.path = path + ".transpose",
                     .types = boolean,
                     .default_value = "false",
                     .tasks = tasks,
                     .documentation = "its dimensions are in the opposite order there"});
}

std::vector<SchemaEntry> main_entries() {
  return {
      {.path = "task",
       .types = text,
       .required = true,
       .choices = {task_names().begin(), task_names().end()},
       .documentation = "what to compute"},
      {.path = "parameters",
       .types = map,
       .tasks = with_parameters(),
       .documentation = "the numbers that the formulas name"},
      {.path = "parameters.file",
       .types = text,
       .tasks = with_parameters(),
       .documentation = "result of a `fit`, or of a sweep for its best point, for the parameters "
                        "that are not given here"},
      {.path = "parameters.*",
       .types = number,
       .tasks = with_parameters(),
       .documentation = "value of one parameter"},
      {.path = "matrices",
       .types = map,
       .tasks = with_matrices(),
       .documentation = "the data that the formula names"},
      {.path = "matrices.*",
       .types = map,
       .tasks = with_matrices(),
       .documentation = "a matrix, or a vector for `diag()` and for the columns of a mean"},
      {.path = "matrices.*.file",
       .types = text,
       .required = true,
       .tasks = with_matrices(),
       .documentation = "HDF5 file, relative to the configuration file"},
      {.path = "matrices.*.dataset",
       .types = text,
       .required = true,
       .tasks = with_matrices(),
       .documentation = "dataset (dense matrix, vector) or CSR group (sparse matrix) in it"},
      {.path = "matrices.*.transpose",
       .types = boolean,
       .default_value = "false",
       .tasks = with_matrices(),
       .documentation = "its dimensions are in the opposite order there, as MATLAB, R, Julia and "
                        "Fortran write them"},
      {.path = "matrices.*.given_as",
       .types = text,
       .default_value = "matrix",
       .choices = {"matrix", "cholesky", "eigen"},
       .tasks = gaussian_tasks(),
       .documentation = "`cholesky`: the dataset is L of the covariance LLᵀ; `eigen`: a group with "
                        "`values` and `vectors` (one per column)"},
      {.path = "operator",
       .types = text,
       .default_value = "required",
       .tasks = operator_tasks(),
       .documentation = "the operator formula, quoted"},
  };
}

std::vector<SchemaEntry> remaining_entries() {
  const std::vector<Task> solving{Task::solve, Task::logdet};
  const std::vector<Task> with_missing_cells{Task::logpdf, Task::predict, Task::fit,
                                             Task::posterior};
  const std::vector<Task> iterating =
      together({Task::solve, Task::logdet, Task::project, Task::graph}, with_missing_cells);
  const std::vector<Task> probing = together({Task::logdet}, with_missing_cells);
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
       .default_value = "1e-10, of `graph` 1e-8",
       .minimum = 0,
       .maximum = 1,
       .minimum_excluded = true,
       .tasks = iterating,
       .documentation =
           "relative residual up to which a solve is accepted, or at which the iterations of "
           "`onto: kron` and `graph` stop"},
      {.path = "solver.max_iterations",
       .types = integer,
       .default_value = "1000, of `graph` 3000",
       .minimum = 1,
       .maximum = 2147483647,
       .tasks = iterating,
       .documentation = "of `krylov`, per right-hand side, or of `graph`, per point"},
      {.path = "solver.probes",
       .types = integer,
       .default_value = "30",
       .minimum = 2,
       .maximum = 1'000'000,
       .tasks = probing,
       .documentation = "random vectors of a stochastic log determinant"},
      {.path = "solver.seed",
       .types = integer,
       .default_value = "1",
       .minimum = 0,
       .tasks = probing,
       .documentation = "of these vectors"},
      {.path = "solver.preconditioner",
       .types = text,
       .default_value = "auto",
       .choices = {"auto", "cholesky", "nystrom", "none"},
       .tasks = solving,
       .documentation = "of a kernel matrix plus a multiple of I: pivoted Cholesky or randomised "
                        "Nyström"},
      {.path = "solver.rank",
       .types = integer,
       .default_value = "what costs least",
       .minimum = 1,
       .maximum = 1'000'000,
       .tasks = solving,
       .documentation = "of that preconditioner"},
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
      {.path = "data", .types = map, .documentation = "how data files are read"},
      {.path = "data.external",
       .types = boolean,
       .default_value = "false",
       .documentation = "follow external links, external storage and virtual datasets to other "
                        "files"},
      {.path = "batch",
       .types = integer,
       .default_value = "what keeps a block below 256 MB per rank",
       .minimum = 1,
       .maximum = 2147483647,
       .tasks = {Task::apply, Task::solve, Task::assemble, Task::expm},
       .documentation = "right-hand sides that are processed together"},
      {.path = "repeat",
       .types = integer,
       .default_value = "1",
       .minimum = 1,
       .maximum = 1000000,
       .documentation = "how often to compute: once for the result, and again for the times alone; "
                        "not with `sweep`"},
      {.path = "checkpoint",
       .types = map,
       .documentation = "what is kept of a job that has not ended, see restart.md"},
      {.path = "checkpoint.every",
       .types = number,
       .default_value = "300, or what saving takes a hundredth of",
       .minimum = 0,
       .documentation = "seconds between two savings of what a job has done so far"},
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

}  // namespace kronwerk::configuration
