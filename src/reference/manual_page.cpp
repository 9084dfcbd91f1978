// Declared in reference/installed_texts.hpp.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "application/command_line/version.hpp"
#include "kronwerk/configuration/schema.hpp"
#include "reference/installed_texts.hpp"

namespace kronwerk::reference {
namespace {

// A backslash is an escape, and a line must not begin with a dot or an apostrophe.
std::string plain(const std::string& text) {
  std::string result = text.starts_with('.') || text.starts_with('\'') ? "\\&" : "";
  for (const char letter : text) {
    if (letter == '\\') result += '\\';
    if (letter == '-') result += '\\';
    if (letter != '`') result += letter;
    if (letter == '\\') result += '\\';
  }
  return result;
}

void add_options(const CLI::App& app, std::string& page) {
  for (const CLI::Option* option : app.get_options()) {
    const std::string name = option->get_name(option->get_positional(), true);
    page += fmt::format(".TP\n.B {}\n{}\n", plain(name), plain(option->get_description()));
  }
}

void add_commands(const CLI::App& app, const std::string& prefix, std::string& page) {
  for (const CLI::App* command : app.get_subcommands({})) {
    const std::string name = prefix + command->get_name();
    page += fmt::format(".SS kronwerk {}\n{}\n", plain(name), plain(command->get_description()));
    add_options(*command, page);
    add_commands(*command, name + " ", page);
  }
}

}  // namespace

std::string manual_page(const CLI::App& program) {
  std::string page = fmt::format(
      ".TH KRONWERK 1 \"\" \"kronwerk {}\"\n.SH NAME\nkronwerk \\- distributed solver for "
      "Kronecker\\-structured and kernel matrices\n.SH SYNOPSIS\n.B kronwerk\n.I "
      "command\n[options]\n"
      ".br\n.B mpirun \\-n 4 kronwerk run\n.I job.yaml\n.SH COMMANDS\n",
      application::version());
  add_commands(program, "", page);
  page += ".SH KEYS OF A JOB\nA name of the user's choice is *, items of a list are [].\n";
  for (const auto& entry : configuration::schema()) {
    const std::string start = entry.required ? "required" : entry.default_value;
    page += fmt::format(".TP\n.B {}\n{} ({}{})\n", plain(entry.path), plain(entry.documentation),
                        plain(entry.type_text()), start.empty() ? "" : "; " + plain(start));
  }
  page +=
      ".SH EXIT STATUS\n0 success; 2 wrong configuration, command line or data; 3 did not "
      "converge; "
      "4 not enough memory, shared memory or disk; 143 terminated; 130 interrupted; 1 anything "
      "else.\n";
  return page;
}

}  // namespace kronwerk::reference
