#include "application/session/run_command.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <optional>

#include "application/command_line/command_line.hpp"
#include "application/command_line/commands.hpp"
#include "application/command_line/file_json.hpp"
#include "application/command_line/terminal.hpp"
#include "application/report/progress.hpp"
#include "application/session/petsc_options.hpp"
#include "application/session/session.hpp"
#include "application/session/signals.hpp"
#include "kronwerk/core/progress.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/io/hdf5/show.hpp"

namespace kronwerk::application {
namespace {

using communication::Communicator;

void print_on_root(const Communicator& comm, const std::string& text) {
  if (comm.is_root()) print_now(text);
}

/// Options that were of no use are said on rank 0. Collective.
void report_unused_options(const Communicator& comm) {
  // PETSc's log, which is compared between ranks, counts what this allocates.
  const std::vector<std::string> messages = describe_unused_options();
  for (const std::string& message : messages) {
    if (!comm.is_root()) return;
    std::fputs(fmt::format("kronwerk: warning: {}\n", message).c_str(), stderr);
  }
}

int check_with_petsc(const Communicator& comm, const Communicator& failures,
                     const CommandLine& line) {
  std::optional<PetscSession> petsc;
  const int code = agree_on_exit_code(failures, [&] { petsc.emplace(std::vector<std::string>{}); });
  if (code != 0) return code;
  catch_termination();  // again: PETSc has set its own handlers
  const int result =
      agree_on_exit_code(failures, [&] { check_installation(comm, failures, line); });
  petsc.reset();
  catch_termination();
  return result;
}

int run_with_petsc(const Communicator& comm, const Communicator& failures, const CommandLine& line,
                   const configuration::Job& job, JobClock clock) {
  std::optional<PetscSession> petsc;
  const double before = measure_usage().elapsed;
  const int code =
      agree_on_exit_code(failures, [&] { petsc.emplace(split_options(job.petsc_options)); });
  if (code != 0) return code;
  catch_termination();  // again: PETSc has set its own handlers
  clock.petsc_seconds = measure_usage().elapsed - before;
  const int result = agree_on_exit_code(failures, [&] { run_job(comm, job, line.quiet, clock); });
  if (result == 0 || result == static_cast<int>(core::ExitCode::convergence)) {
    report_unused_options(comm);
  }
  petsc.reset();
  catch_termination();  // PETSc has set the system's: a job that has its result is not ended by
                        // them
  return result;
}

/// What long work of this process says of itself, on the terminal.
class ShownProgress {
 public:
  ShownProgress(bool shown, const std::string& stage)
      : progress_(shown ? Progress::Shown::in_place : Progress::Shown::nowhere) {
    progress_.begin(stage);
    core::set_progress_listener([this](std::string_view unit, core::Index done, core::Index total) {
      progress_.set(std::string(unit), done, total);
    });
  }
  ShownProgress(const ShownProgress&) = delete;
  ShownProgress& operator=(const ShownProgress&) = delete;
  ~ShownProgress() { core::set_progress_listener({}); }

 private:
  Progress progress_;
};

void run_serial(const Communicator& comm, const CommandLine& line) {
  std::string text;
  communication::on_root(comm, [&] {
    const bool import = line.command == Command::import;
    const ShownProgress progress(import && output_is_watched(), "import");
    text = import                               ? io::to_text(line.import())
           : line.command == Command::exporting ? io::to_text(line.exporting())
           : line.json                          ? file_json(io::examine_file(line.file))
                                                : io::describe_file(line.file);
  });
  if (!text.empty() && text.back() != '\n') text += '\n';
  print_on_root(comm, text);
}

}  // namespace

int run_command(const Communicator& comm, const Communicator& failures, int argc, char** argv,
                const JobClock& clock) {
  CommandLine line;
  configuration::Job job;
  const int code = agree_on_exit_code(failures, [&] {
    line = parse_command_line(argc, argv);
    print_on_root(comm, line.text);
    set_output_style(line.json ? OutputStyle::json : OutputStyle::text);
    if (line.command == Command::run || line.command == Command::plan) job = load_job(comm, line);
    communication::on_root(comm, [&] { set_log(line.log); });
  });
  if (code != 0) return code;
  switch (line.command) {
    case Command::nothing:
    case Command::plot:  // by run(), before MPI starts
      return 0;
    case Command::run:
      return run_with_petsc(comm, failures, line, job, clock);
    case Command::plan:
      return agree_on_exit_code(failures, [&] { plan_job(comm, job, line); });
    case Command::measure:
      return agree_on_exit_code(failures, [&] { measure_machine(comm, line, clock); });
    case Command::check:
      return check_with_petsc(comm, failures, line);
    case Command::import:
    case Command::exporting:
    case Command::show:
      return agree_on_exit_code(failures, [&] { run_serial(comm, line); });
  }
  return 0;
}

}  // namespace kronwerk::application
