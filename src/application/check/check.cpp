// `kronwerk check`; declared in check.hpp and commands.hpp.
#include "application/check/check.hpp"

#include <fmt/format.h>

#include "application/command_line/commands.hpp"
#include "application/command_line/json_text.hpp"
#include "application/command_line/terminal.hpp"
#include "application/command_line/version.hpp"
#include "application/session/session.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::application {
namespace {

using communication::Communicator;

bool in_json() {
  return output_style() == OutputStyle::json;
}

/// For people alone.
void print(const Communicator& comm, const std::string& text) {
  if (comm.is_root() && !in_json()) print_now(text);
}

/// The rest of a check's line, or its object. Local.
void print_outcome(const Check& check, bool passed, const std::string& text) {
  if (in_json()) {
    std::vector<std::pair<std::string, std::string>> members{{"check", json_text(check.name)},
                                                             {"passed", passed ? "true" : "false"},
                                                             {"text", json_text(text)}};
    if (!passed) members.emplace_back("advice", json_text(check.advice));
    return print_now(json_object(members) + "\n");
  }
  print_now(passed ? fmt::format("ok      {}\n", text)
                   : fmt::format("FAILED  {}\n{:<20}{}\n", text, "", check.advice));
}

const char* plural(int count) {
  return count == 1 ? "" : "s";
}

}  // namespace

void require(bool right, const std::string& what) {
  if (!right) throw core::InternalError(what);
}

const std::vector<Check>& all_checks() {
  static const std::vector<Check> checks = {
      {"program", check_program,
       "install the same kronwerk and libraries on every host, or on a file system that all see"},
      {"blas", check_blas,
       "see which library 'kronwerk --version' names; let LD_LIBRARY_PATH and modules not bring "
       "another than that it was built with"},
      {"messages", check_messages,
       "run a program of MPI's own on the same hosts; look at the network that MPI chooses (Open "
       "MPI: OMPI_MCA_btl_tcp_if_include; MPICH: FI_PROVIDER) and at firewalls between the hosts"},
      {"memory", check_shared_memory,
       "make /dev/shm of each node larger (mount -o remount,size=…; --shm-size in containers)"},
      {"files", check_files,
       "give --folder a directory that every host sees and that you may write to; some network "
       "file systems need locks (HDF5_USE_FILE_LOCKING=FALSE does without)"},
      {"factorise", check_decompositions,
       "build again with -DKRONWERK_ELPA=OFF or -DKRONWERK_SCALAPACK=OFF, or with those libraries "
       "made for the same MPI and BLAS"},
      {"solve", check_solve, "report it with the output of 'kronwerk --version'"},
  };
  return checks;
}

int run_checks(const Communicator& comm, const Communicator& failures, const std::string& folder) {
  int failed = 0;
  for (const Check& check : all_checks()) {
    // The name comes first, so that one sees which does not return.
    print(comm, fmt::format("{:<12}", check.name));
    std::string found;
    const Outcome outcome = agree_on_outcome(failures, [&] { found = check.run(comm, folder); });
    if (outcome.code == static_cast<int>(core::ExitCode::terminated)) {
      throw core::Terminated("the checks were terminated");
    }
    if (outcome.code == 0) {
      if (comm.is_root()) print_outcome(check, true, found);
      continue;
    }
    ++failed;
    // By the lowest rank that failed.
    if (!outcome.message.empty()) print_outcome(check, false, outcome.message);
  }
  return failed;
}

void check_installation(const Communicator& comm, const Communicator& failures,
                        const CommandLine& line) {
  print(comm, fmt::format("{} on {} rank{}, {} node{}\n", version_text(), comm.size(),
                          plural(comm.size()), comm.node_count(), plural(comm.node_count())));
  const int failed = run_checks(comm, failures, line.folder);
  const auto count = static_cast<int>(all_checks().size());
  if (failed == 0) return print(comm, fmt::format("all {} checks passed\n", count));
  throw core::InternalError(fmt::format("{} of {} checks failed", failed, count));
}

}  // namespace kronwerk::application
