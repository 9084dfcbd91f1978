#include "application/command_line/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string_view>

#include "application/command_line/export_command.hpp"
#include "application/command_line/import_command.hpp"
#include "application/reference/reference.hpp"
#include "application/session/libraries.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::application {
namespace {

void add_overrides(CLI::App& app, CommandLine& line) {
  app.add_option("--set", line.overrides, "key=value: override the configuration; may be repeated")
      ->type_name("KEY=VALUE")
      ->take_all()
      ->allow_extra_args(false);
}

void add_log(CLI::App& app, CommandLine& line) {
  app.add_option("--log", line.log, "add what is printed, and how far the work is, to this file");
}

void add_run(CLI::App& program, CommandLine& line) {
  CLI::App& run = *program.add_subcommand("run", "run a job");
  run.add_option("config", line.file, "the configuration")->required();
  add_overrides(run, line);
  run.add_flag("--quiet", line.quiet, "print nothing but warnings and errors");
  add_log(run, line);
  run.add_flag("--json", line.json, "print one object of JSON for each stage, and the report");
  // Taken out before the ranks begin, see launch_command().
  run.add_option("-n,--ranks", line.ranks, "start so many ranks by mpirun, or $KRONWERK_MPIRUN")
      ->check(CLI::Range(1, 100'000'000))
      ->expected(1)
      ->type_name("P");
  run.footer("Options for PETSc stand behind '--'.");
  run.final_callback([&line] { line.command = Command::run; });
}

void add_plan(CLI::App& program, CommandLine& line) {
  CLI::App& plan = *program.add_subcommand(
      "plan", "check a job and say what it will take, without computing anything");
  plan.add_option("config", line.file, "the configuration")->required();
  plan.add_option("--ranks", line.ranks, "number of MPI ranks; several, with --machine: 64,1024")
      ->check(CLI::Range(1, 100'000'000))
      ->delimiter(',')
      ->type_name("P");
  plan.add_option("--nodes", line.nodes, "number of nodes")->check(CLI::Range(1, 100'000'000));
  CLI::Option* machine = plan.add_option(
      "--machine", line.machine, "predict times from this file, which 'kronwerk measure' writes");
  plan.add_option("--threads", line.threads, "BLAS threads per rank, for predictions")
      ->check(CLI::Range(1, 100'000))
      ->needs(machine);
  CLI::Option* csv =
      plan.add_flag("--csv", line.csv, "print the predicted seconds alone, as CSV")->needs(machine);
  plan.add_flag("--json", line.json, "print objects of JSON")->excludes(csv);
  add_log(plan, line);
  add_overrides(plan, line);
  plan.final_callback([&line] { line.command = Command::plan; });
}

void add_measure(CLI::App& program, CommandLine& line) {
  CLI::App& measure = *program.add_subcommand(
      "measure",
      "measure this machine for 'plan --machine', with mpirun on all ranks of its nodes");
  measure.add_option("--output", line.output, "the machine file; without it, it is printed");
  measure.final_callback([&line] { line.command = Command::measure; });
}

void add_check(CLI::App& program, CommandLine& line) {
  CLI::App& check = *program.add_subcommand(
      "check", "test this installation in some seconds, with mpirun on the hosts it is for");
  check.add_option("--folder", line.folder,
                   "where files of some megabytes are written and removed (default: here)");
  check.add_flag("--json", line.json, "print one object of JSON for each part");
  add_log(check, line);
  check.final_callback([&line] { line.command = Command::check; });
}

void add_show(CLI::App& program, CommandLine& line) {
  CLI::App& show = *program.add_subcommand("show", "say what a data or result file holds");
  show.add_option("file", line.file, "the HDF5 file")->required();
  show.add_flag("--json", line.json, "print one object of JSON");
  show.final_callback([&line] { line.command = Command::show; });
}

/// What is given is handed on to the script that draws, see plot_command().
void add_plot(CLI::App& program, CommandLine& line) {
  CLI::App& plot = *program.add_subcommand("plot", "draw what a result file holds");
  plot.add_option("result", line.file, "the result of a job")->required();
  const auto text = [&](const std::string& name, const std::string& help, const std::string& type) {
    plot.add_option_function<std::string>(
            name, [](const std::string&) {}, help)
        ->type_name(type)
        ->expected(1);
  };
  text("--to", "the picture (default: the result's name with .png)", "PICTURE.png");
  text("--dataset", "one dataset of the result, such as /gradient/input", "PATH");
  text("--places", "where regions or ids are, such as data.h5:/longitude,/latitude", "FILE:X,Y");
  text("--labels", "names of a factor's entries, such as data.h5:/ids", "FILE:IDS");
  plot.add_option_function<int>(
          "--point", [](const int&) {}, "of a sweep or of a path of graphs")
      ->check(CLI::Range(1, 100'000'000))
      ->type_name("I");
  plot.add_option_function<int>(
          "--edges", [](const int&) {}, "of a graph, the strongest (default: 400)")
      ->check(CLI::Range(1, 100'000'000))
      ->type_name("N");
  plot.add_option_function<std::string>(
          "--order", [](const std::string&) {}, "of a graph's ids: given, spectral")
      ->check(CLI::IsMember({"given", "spectral"}))
      ->type_name("ORDER");
  plot.footer(
      "Drawn by Python with h5py, matplotlib, Pillow and yaml; KRONWERK_PYTHON names the one.");
  plot.final_callback([&line] { line.command = Command::plot; });
}

void add_new(CLI::App& program, CommandLine& line) {
  CLI::App& command =
      *program.add_subcommand("new", "print a commented job that runs on the examples' data");
  command.add_option("task", line.file, "what it computes: solve, fit, reduce, …")->required();
  command.footer("'kronwerk new solve >job.yaml' begins a job of one's own.");
  command.final_callback([&line] { line.text = new_job(line.file, examples_folder()); });
}

void add_help(CLI::App& program, CommandLine& line) {
  CLI::App& command = *program.add_subcommand("help", "say what a key of a job means");
  command.add_option("key", line.file, "such as solver.tolerance, or tolerance; none: this help");
  command.final_callback([&line] {
    if (!line.file.empty()) {
      line.text = help_of_key(line.file);
      return;
    }
    // One that has parsed nothing, which would give the help of this command.
    CommandLine none;
    CLI::App other("Distributed solver for Kronecker-structured matrices", "kronwerk");
    add_commands(other, none);
    line.text = other.help();
  });
}

std::vector<std::string> names_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

/// CLI11 says of a misspelt command that its arguments were not expected.
void refuse_unknown_command(const CLI::App& program, char** first, char** last) {
  if (last - first < 2 || first[1][0] == '-') return;
  const std::string name = first[1];
  const auto commands = names_of(program);
  if (std::ranges::find(commands, name) == commands.end()) {
    const bool file = name.ends_with(".yaml") || name.ends_with(".yml");
    throw core::ConfigurationError(
        fmt::format("command line: there is no command '{}'{}; commands are {}", name,
                    file ? fmt::format(" (did you mean 'kronwerk run {}'?)", name)
                         : core::suggestion(name, commands),
                    core::join(commands, ", ")));
  }
  if (name != "import" || last - first < 3 || first[2][0] == '-') return;
  const std::string kind = first[2];
  const auto kinds = names_of(*program.get_subcommand("import"));
  if (std::ranges::find(kinds, kind) != kinds.end()) return;
  throw core::ConfigurationError(
      fmt::format("command line: there is no importer '{}'{}; importers are {}", kind,
                  core::suggestion(kind, kinds), core::join(kinds, ", ")));
}

}  // namespace

void add_commands(CLI::App& program, CommandLine& line) {
  program.require_subcommand(1);
  add_run(program, line);
  add_plan(program, line);
  add_new(program, line);
  add_help(program, line);
  add_import_command(program, line);
  add_export_command(program, line);
  add_show(program, line);
  add_plot(program, line);
  add_measure(program, line);
  add_check(program, line);
}

CommandLine parse_command_line(int argc, char** argv) {
  // Everything behind "--" is PETSc's; CLI11 would take it for positional arguments.
  char** const end = argv + argc;
  char** const separator =
      std::find_if(argv, end, [](const char* word) { return std::string_view(word) == "--"; });
  CommandLine line;
  if (separator != end) line.petsc_options.assign(separator + 1, end);

  CLI::App program("Distributed solver for Kronecker-structured matrices", "kronwerk");
  program.set_version_flag("--version", full_version_text());
  add_commands(program, line);
  refuse_unknown_command(program, argv, separator);
  try {
    program.parse(static_cast<int>(separator - argv), argv);
  } catch (const CLI::CallForHelp&) {
    for (const CLI::App* app = &program; app != nullptr;) {
      const auto chosen = app->get_subcommands();
      if (chosen.empty()) {
        line.text = app->help();
        break;
      }
      app = chosen.front();
    }
    return line;
  } catch (const CLI::CallForVersion&) {
    line.text = full_version_text() + "\n";
    return line;
  } catch (const CLI::ParseError& error) {
    throw core::ConfigurationError(std::string("command line: ") + error.what() +
                                   "; 'kronwerk --help' lists what can be given");
  }
  if (!line.petsc_options.empty() && line.command != Command::run) {
    throw core::ConfigurationError("command line: only 'run' takes PETSc options behind '--'");
  }
  return line;
}

}  // namespace kronwerk::application
