#include "kronwerk/configuration/schema.hpp"

#include <algorithm>
#include <array>

#include "configuration/schema/schema_entries.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::configuration {
namespace {

std::vector<SchemaEntry> all_entries() {
  std::vector<SchemaEntry> entries = main_entries();
  for (const auto& part :
       {kernel_entries(), vector_entries(), projection_entries(), graph_entries(),
        observation_entries(), likelihood_entries(), prediction_entries(), fit_entries(),
        posterior_entries(), flow_entries(), derivative_entries(), sweep_entries(),
        remaining_entries(), initial_guess_entries()}) {
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
  static const std::array<std::string, 17> names{
      "apply",   "solve",    "logdet",      "assemble", "project", "graph",
      "trace",   "diagonal", "eigenvalues", "expm",     "logpdf",  "sample",
      "predict", "fit",      "posterior",   "effects",  "reduce"};
  return names;
}

const std::string& task_name(Task task) {
  return task_names()[static_cast<std::size_t>(task)];
}

bool has_operator(Task task) {
  return std::ranges::find(operator_tasks(), task) != operator_tasks().end();
}

bool is_gaussian(Task task) {
  return std::ranges::find(gaussian_tasks(), task) != gaussian_tasks().end();
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
  const auto all_in = [&](const std::vector<Task>& group) {
    return std::ranges::all_of(
        group, [&](Task task) { return std::ranges::find(tasks, task) != tasks.end(); });
  };
  const bool operators = all_in(operator_tasks());
  const bool gaussian = all_in(gaussian_tasks());
  std::vector<std::string> names;
  if (operators) names.emplace_back("operator tasks");
  if (gaussian) names.emplace_back("Gaussian tasks");
  for (const Task task : tasks) {
    if ((operators && has_operator(task)) || (gaussian && is_gaussian(task))) continue;
    names.push_back(task_name(task));
  }
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
  // A literal name wins over "*", with what is below it.
  const bool literal = std::ranges::find(schema(), path, &SchemaEntry::path) != schema().end();
  for (const SchemaEntry& entry : schema()) {
    if (entry.path.ends_with("[]")) continue;
    const std::string_view parent = parent_of(entry.path);
    const std::string_view name = name_of(entry.path);
    const bool below = path.empty() || literal ? parent == path : matches(parent, path);
    if (below && name != "*") names.emplace_back(name);
  }
  return names;
}

}  // namespace kronwerk::configuration
