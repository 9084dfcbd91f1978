// Declared in reference/installed_texts.hpp.
#include <fmt/format.h>

#include <array>
#include <cmath>

#include "application/command_line/json_text.hpp"
#include "kronwerk/configuration/schema.hpp"
#include "kronwerk/core/text.hpp"
#include "reference/installed_texts.hpp"

namespace kronwerk::reference {
namespace {

using application::json_list;
using application::json_text;
using configuration::SchemaEntry;

// Text may be written without quotes, so that editors take some for numbers.
std::vector<std::string> types_of(unsigned types) {
  constexpr std::array<std::pair<unsigned, const char*>, 5> names{
      {{configuration::number | configuration::text, "number"},
       {configuration::boolean, "boolean"},
       {configuration::text, "string"},
       {configuration::list, "array"},
       {configuration::map, "object"}}};
  std::vector<std::string> result;
  for (const auto& [type, name] : names) {
    if ((types & type) != 0) result.emplace_back(name);
  }
  if ((types & configuration::integer) != 0 && result.empty()) result.emplace_back("integer");
  return result;
}

class SchemaText {
 public:
  std::string object(const std::string& path, const std::string& indent) const {
    const std::string inner = indent + "  ";
    std::vector<std::string> properties, required;
    for (const auto& name : configuration::child_names(path)) {
      const std::string child = path.empty() ? name : path + "." + name;
      const SchemaEntry& entry = *configuration::find_entry(child);
      properties.push_back(
          fmt::format("{}  {}: {}", inner, json_text(name), value(entry, inner + "  ")));
      if (entry.required) required.push_back(name);
    }
    const SchemaEntry* any = configuration::find_entry(path + ".*");
    return fmt::format(
        "{0}\"properties\": {{\n{1}\n{0}}},\n{0}\"required\": {2},\n"
        "{0}\"additionalProperties\": {3}",
        inner, core::join(properties, ",\n"), json_list(required, json_text),
        any != nullptr && any->path.ends_with("*") ? value(*any, inner) : "false");
  }

 private:
  std::string value(const SchemaEntry& entry, const std::string& indent) const {
    const std::string inner = indent + "  ";
    std::string text =
        fmt::format("{{\n{}\"description\": {}", inner, json_text(entry.documentation));
    const auto add = [&](const std::string& more) { text += ",\n" + inner + more; };
    const unsigned others = entry.types & ~static_cast<unsigned>(configuration::text);
    if (entry.choices.empty()) {
      add(fmt::format("\"type\": {}", json_list(types_of(entry.types), json_text)));
    } else if (others == 0) {
      add(fmt::format("\"enum\": {}", json_list(entry.choices, json_text)));
    } else {
      add(fmt::format("\"anyOf\": [{{\"enum\": {}}}, {{\"type\": {}}}]",
                      json_list(entry.choices, json_text), json_list(types_of(others), json_text)));
    }
    if (std::isfinite(entry.minimum)) {
      add(fmt::format("\"{}\": {}", entry.minimum_excluded ? "exclusiveMinimum" : "minimum",
                      entry.minimum));
    }
    if (std::isfinite(entry.maximum)) add(fmt::format("\"maximum\": {}", entry.maximum));
    if ((entry.types & configuration::list) != 0) {
      if (const auto* items = configuration::find_entry(entry.path + "[]")) {
        add("\"items\": " + value(*items, inner));
      }
    }
    if ((entry.types & configuration::map) != 0) text += ",\n" + object(entry.path, indent);
    return text + "\n" + indent + "}";
  }
};

}  // namespace

std::string json_schema() {
  return "{\n  \"$schema\": \"http://json-schema.org/draft-07/schema#\",\n"
         "  \"title\": \"a job of kronwerk\",\n  \"type\": \"object\",\n" +
         SchemaText().object("", "") + "\n}\n";
}

}  // namespace kronwerk::reference
