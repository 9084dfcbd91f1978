#include "application/session/session.hpp"

#include <fmt/format.h>
#include <petscsys.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <thread>

#include "application/command_line/terminal.hpp"
#include "application/session/petsc_options.hpp"
#include "kronwerk/operators/petsc/petsc_options.hpp"

namespace kronwerk::application {
namespace {

void print_error(const std::string& message) {
  print_now();
  const std::string text = fmt::format("kronwerk: {}\n", message);
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
  print_to_log(text);
}

/// True if all ranks arrived in time.
bool wait(MPI_Request& request, bool patient) {
  if (patient) return MPI_Wait(&request, MPI_STATUS_IGNORE) == MPI_SUCCESS;
  constexpr auto limit = std::chrono::seconds(60);  // a busy disk holds one up for long
  const auto start = std::chrono::steady_clock::now();
  int done = 0;
  while (MPI_Test(&request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && done == 0) {
    if (std::chrono::steady_clock::now() - start > limit) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return done != 0;
}

}  // namespace

MpiSession::MpiSession(int* argc, char*** argv) {
  // Without mpirun, Open MPI 4 would start a daemon and wait for it, which only processes that
  // start others by MPI need: half of the time of a short command.
  ::setenv("OMPI_MCA_ess_singleton_isolated", "1", 0);
  int provided = 0;
  communication::check_mpi(MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided));
}

MpiSession::~MpiSession() {
  MPI_Finalize();
}

PetscSession::PetscSession(std::vector<std::string> options) {
  check_option_words(options);
  options.insert(options.begin(), {"kronwerk", "-skip_petscrc"});
  std::vector<char*> words;
  for (std::string& option : options) words.push_back(option.data());
  words.push_back(nullptr);
  int count = static_cast<int>(options.size());
  char** arguments = words.data();
  const bool given = options.size() > 2;
  if (const auto code = PetscInitialize(&count, &arguments, nullptr, nullptr); code != 0 && given) {
    throw core::ConfigurationError(fmt::format(
        "PETSc does not begin with the options given (its error {}); check the key 'petsc' and "
        "what stands behind '--'",
        static_cast<int>(code)));
  } else {
    operators::check_petsc(code);
  }
  operators::check_petsc(operators::keep_inner_products_alike());
  // Errors become exceptions and are printed once; PETSc would print them on every rank.
  operators::check_petsc(PetscPushErrorHandler(operators::remember_petsc_error, nullptr));
  // Consumed here, so that -options_left does not list what the user did not give.
  PetscBool skipped = PETSC_FALSE;
  operators::check_petsc(PetscOptionsGetBool(nullptr, nullptr, "-skip_petscrc", &skipped, nullptr));
}

PetscSession::~PetscSession() {
  PetscPopErrorHandler();
  PetscFinalize();
}

Outcome agree_on_outcome(const communication::Communicator& failures,
                         const std::function<void()>& work) {
  const std::optional<communication::Failure> failure =
      communication::failure_of(work, failures.rank());
  // The lowest failing rank decides; its exit code travels with its number.
  constexpr long long no_failure = 1LL << 60;
  const long long own =
      failure ? failures.rank() * 1000LL + static_cast<int>(core::exit_code(failure->kind))
              : no_failure;
  long long lowest = no_failure;
  MPI_Request request = MPI_REQUEST_NULL;
  if (MPI_Iallreduce(&own, &lowest, 1, MPI_LONG_LONG, MPI_MIN, failures.get(), &request) !=
          MPI_SUCCESS ||
      !wait(request, !failure)) {
    print_error(fmt::format("rank {} failed alone and the job is aborted: {}", failures.rank(),
                            failure ? failure->message : "communication broke down"));
    const auto code = failure ? core::exit_code(failure->kind) : core::ExitCode::failure;
    MPI_Abort(MPI_COMM_WORLD, static_cast<int>(code));
  }
  if (lowest == no_failure) return {};
  Outcome outcome{static_cast<int>(lowest % 1000), ""};
  if (lowest / 1000 == failures.rank() && failure) outcome.message = failure->message;
  return outcome;
}

int agree_on_exit_code(const communication::Communicator& failures,
                       const std::function<void()>& work) {
  const Outcome outcome = agree_on_outcome(failures, work);
  if (!outcome.message.empty()) print_error(outcome.message);
  return outcome.code;
}

}  // namespace kronwerk::application
