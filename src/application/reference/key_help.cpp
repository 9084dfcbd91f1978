// Declared in application/reference/reference.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "application/reference/reference.hpp"
#include "kronwerk/configuration/schema.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::application {
namespace {

using configuration::SchemaEntry;

std::string last_name(const std::string& path) {
  const auto dot = path.rfind('.');
  return dot == std::string::npos ? path : path.substr(dot + 1);
}

std::string range_text(const SchemaEntry& entry) {
  std::string text;
  if (std::isfinite(entry.minimum)) {
    text +=
        fmt::format(", {} {}", entry.minimum_excluded ? "greater than" : "at least", entry.minimum);
  }
  if (std::isfinite(entry.maximum)) text += fmt::format(", at most {}", entry.maximum);
  return text;
}

std::string row_text(const SchemaEntry& entry) {
  std::string text = fmt::format("{}\n  {}\n  type     {}{}\n", entry.path, entry.documentation,
                                 entry.type_text(), range_text(entry));
  if (!entry.choices.empty()) {
    text += fmt::format("  one of   {}\n", core::join(entry.choices, ", "));
  }
  const std::string& start = entry.default_value;
  if (entry.required || start == "required") {
    text += "  required\n";
  } else if (!start.empty()) {
    text += fmt::format("  default  {}\n", start);
  }
  text += fmt::format("  tasks    {}\n", entry.tasks_text());
  const auto below = configuration::child_names(entry.path);
  if (!below.empty()) text += fmt::format("  keys     {}\n", core::join(below, ", "));
  return text;
}

}  // namespace

std::string help_of_key(const std::string& key) {
  if (const SchemaEntry* entry = configuration::find_entry(key)) return row_text(*entry);
  std::string text;
  std::set<std::string> names;
  for (const SchemaEntry& entry : configuration::schema()) {
    const std::string name = last_name(entry.path);
    if (name.find_first_of("*[") == std::string::npos) names.insert(name);
    if (name == key) text += (text.empty() ? "" : "\n") + row_text(entry);
  }
  if (!text.empty()) return text;
  throw core::ConfigurationError(fmt::format(
      "help: there is no key '{}'{}; 'kronwerk help solver.tolerance' tells about one, "
      "configs/keys.md has the table of all",
      key, core::suggestion(key, std::vector<std::string>(names.begin(), names.end()))));
}

}  // namespace kronwerk::application
