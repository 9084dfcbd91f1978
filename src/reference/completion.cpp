// Declared in reference/installed_texts.hpp.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "kronwerk/configuration/schema.hpp"
#include "kronwerk/core/text.hpp"
#include "reference/installed_texts.hpp"

namespace kronwerk::reference {
namespace {

std::string options_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  return core::join(names, " ");
}

std::string names_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return core::join(names, " ");
}

/// Keys that stand for themselves, with "=" behind them for --set.
std::string keys(const char* end) {
  std::vector<std::string> names;
  for (const auto& entry : configuration::schema()) {
    if (entry.path.find_first_of("*[") == std::string::npos) names.push_back(entry.path + end);
  }
  return core::join(names, " ");
}

void add_cases(const CLI::App& app, const std::string& prefix, std::string& text) {
  for (const CLI::App* command : app.get_subcommands({})) {
    const std::string name = prefix + command->get_name();
    text += fmt::format("    \"{}\") options=\"{}\" ;;\n", name, options_of(*command));
    add_cases(*command, name + " ", text);
  }
}

}  // namespace

std::string bash_completion(const CLI::App& program) {
  std::string cases;
  add_cases(program, "", cases);
  const auto tasks = configuration::task_names();
  return fmt::format(
      R"bash(# bash completion of kronwerk
_kronwerk() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}"
  local command="${{COMP_WORDS[1]}}" options="" words=""
  if [ "$COMP_CWORD" -gt 2 ] && [ "$command" = import ]; then command="import ${{COMP_WORDS[2]}}"; fi
  case "$command" in
{}  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="{} --help --version"
  elif [ "$before" = --set ]; then
    words="{}"
    compopt -o nospace 2>/dev/null
  elif [ "$command" = import ] && [ "$COMP_CWORD" -eq 2 ]; then
    words="{}"
  elif [ "$command" = new ] && [ "$COMP_CWORD" -eq 2 ]; then
    words="{}"
  elif [ "$command" = help ] && [ "$COMP_CWORD" -eq 2 ]; then
    words="{}"
  elif [[ "$word" == -* ]]; then
    words="$options"
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
    compopt -o filenames 2>/dev/null
    return
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}}
complete -F _kronwerk kronwerk
)bash",
      cases, names_of(program), keys("="), names_of(*program.get_subcommand("import")),
      core::join(std::vector<std::string>(tasks.begin(), tasks.end()), " "), keys(""));
}

}  // namespace kronwerk::reference
