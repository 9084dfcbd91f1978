#pragma once

#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kronwerk::configuration {

/// What a job computes. A task that is added here also needs a name in task_names() and its keys in
/// schema().
enum class Task {
  // Of an operator formula.
  apply,
  solve,
  logdet,
  assemble,
  project,  ///< of data alone
  graph,    ///< likewise
  trace,
  diagonal,
  eigenvalues,
  expm,
  // Of a Gaussian model.
  logpdf,
  sample,
  predict,
  fit,
  posterior,
  effects,  ///< of a flow model
  reduce,   ///< of a kernel formula over points
};

/// In the order of the enumerators.
std::span<const std::string> task_names();
const std::string& task_name(Task task);
/// True for the tasks of an operator formula.
bool has_operator(Task task);
/// True for the tasks of a Gaussian model.
bool is_gaussian(Task task);
/// True for tasks that apply the operator to vectors, in blocks of `batch`.
bool works_on_vectors(Task task);

/// What may stand at a key; combined by |.
enum Type : unsigned {
  number = 1U,
  integer = 2U,
  boolean = 4U,
  text = 8U,
  list = 16U,
  map = 32U,
};

/// One key of the configuration language. The validation of section 6 of the design and the table
/// in configs/keys.md both follow from these entries.
struct SchemaEntry {
  /// "solver.tolerance"; "*" stands for a name chosen by the user, "[]" for the items of a list.
  std::string path{};
  unsigned types = 0;
  bool required = false;        ///< within its parent
  std::string default_value{};  ///< as shown in the table; "" if there is none
  std::vector<std::string> choices{};
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
  bool minimum_excluded = false;
  std::vector<Task> tasks{};    ///< that use the key; empty: all
  std::string documentation{};  ///< one line

  /// "number", "text or map", …
  std::string type_text() const;
  /// "apply, solve", "operator tasks", "Gaussian tasks" or "all".
  std::string tasks_text() const;
};

/// Every key, parents before children.
std::span<const SchemaEntry> schema();

/// The entry of a path as written by a user ("parameters.rho"), or null.
const SchemaEntry* find_entry(std::string_view path);

/// The names that may stand directly below `path` ("" for the top level); without "*" and "[]".
std::vector<std::string> child_names(std::string_view path);

}  // namespace kronwerk::configuration
