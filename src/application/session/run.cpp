#include "kronwerk/application/session/run.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "application/command_line/plot_command.hpp"
#include "application/command_line/terminal.hpp"
#include "application/report/process_age.hpp"
#include "application/session/launcher.hpp"
#include "application/session/libraries.hpp"
#include "application/session/run_command.hpp"
#include "application/session/session.hpp"
#include "application/session/signals.hpp"
#include "application/session/start_check.hpp"
#include "application/session/termination_notice.hpp"

namespace kronwerk::application {

using communication::Communicator;

namespace {

/// The file of this program, however it was called.
std::string program_file() {
  std::error_code error;
  const auto file = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::string("kronwerk") : file.string();
}

}  // namespace

int run(int argc, char** argv) {
  try {
    const auto environment = [](const char* name) { return std::getenv(name); };
    const auto command = launch_command(argc, argv, program_file(), environment);
    if (command) return launch(*command);
    if (argc > 1 && std::string_view(argv[1]) == "plot") {
      const auto plot = plot_command(argc, argv, plot_script(), environment);
      if (plot) return draw(*plot);
    }
  } catch (const core::Error& error) {
    std::fputs(fmt::format("kronwerk: {}\n", error.what()).c_str(), stderr);
    return static_cast<int>(core::exit_code(error.kind()));
  }
  JobClock clock;
  clock.first_of_process = true;
  clock.launch_seconds = launch_seconds();
  const double begun = measure_usage().elapsed;
  clock.loading_seconds = begun - clock.launch_seconds;
  const MpiSession session(&argc, &argv);
  clock.mpi_seconds = measure_usage().elapsed - begun;
  const Communicator comm = Communicator::duplicate(MPI_COMM_WORLD);
  const ForeignStart start =
      find_foreign_start(comm.size(), [](const char* name) { return std::getenv(name); });
  if (!start.message.empty()) {
    if (start.first) std::fputs(fmt::format("kronwerk: {}\n", start.message).c_str(), stderr);
    return static_cast<int>(core::ExitCode::configuration);
  }
  const Communicator failures = Communicator::duplicate(MPI_COMM_WORLD);
  catch_termination();
  const TerminationNotice notice(comm);
  const int different =
      agree_on_exit_code(failures, [&] { check_same_program(comm, program_identity()); });
  if (different != 0) return different;
  const int code = run_command(comm, failures, argc, argv, clock);
  const int printed = agree_on_exit_code(failures, require_printed);
  if (code == static_cast<int>(core::ExitCode::terminated)) return notice.exit_code();
  return code != 0 ? code : printed;
}

}  // namespace kronwerk::application
