#include "adversary/jobs/runner.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <petscsys.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <optional>

#include "application/command_line/command_line.hpp"
#include "application/command_line/commands.hpp"
#include "application/session/session.hpp"
#include "kronwerk/operators/petsc/petsc.hpp"

namespace kronwerk::adversary {
namespace {

/// A job of these sizes takes milliseconds; one that takes this long hangs.
constexpr unsigned patience = 120;
std::array<char, 256> present{};

void give_up(int /*signal*/) {
  const auto ignored = ::write(STDERR_FILENO, present.data(), std::strlen(present.data()));
  static_cast<void>(ignored);
  _exit(1);
}

/// Warnings of thousands of jobs would hide what matters.
class SilentErrors {
 public:
  explicit SilentErrors(const std::string& file) : kept_(::dup(STDERR_FILENO)) {
    std::fflush(stderr);
    const int log = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (log >= 0) ::dup2(log, STDERR_FILENO);
    if (log >= 0) ::close(log);
  }
  SilentErrors(const SilentErrors&) = delete;
  SilentErrors& operator=(const SilentErrors&) = delete;
  ~SilentErrors() {
    std::fflush(stderr);
    ::dup2(kept_, STDERR_FILENO);
    ::close(kept_);
  }

 private:
  int kept_;
};

std::unique_ptr<RandomJob> make_job(Family family, std::uint64_t seed) {
  switch (family) {
    case Family::operators:
      return random_operator_job(seed);
    case Family::models:
      return random_model_job(seed);
    case Family::flows:
      break;
  }
  return random_flow_job(seed);
}

}  // namespace

const char* name_of(Family family) {
  switch (family) {
    case Family::operators:
      return "operators";
    case Family::models:
      return "models";
    case Family::flows:
      break;
  }
  return "flows";
}

Runner::Runner(const std::string& folder)
    : comm_(communication::Communicator::duplicate(MPI_COMM_WORLD)),
      failures_(communication::Communicator::duplicate(MPI_COMM_WORLD)),
      folder_(folder) {
  std::error_code ignored;
  if (comm_.is_root()) std::filesystem::create_directories(folder_, ignored);
  // As the program does: PETSc's errors become exceptions and are not printed.
  operators::check_petsc(PetscPushErrorHandler(PetscReturnErrorHandler, nullptr));
  std::signal(SIGALRM, give_up);
  comm_.barrier();
}

Runner::~Runner() {
  alarm(0);
  PetscPopErrorHandler();
}

Ending Runner::execute(const std::string& configuration) {
  application::CommandLine line;
  line.command = application::Command::run;
  line.file = configuration;
  line.quiet = true;
  const application::Outcome outcome = application::agree_on_outcome(
      failures_, [&] { application::run_job(comm_, application::load_job(comm_, line), true); });
  // The rank that has the message tells the others.
  const int speaker = static_cast<int>(
      comm_.max(outcome.message.empty() ? core::Index{-1} : core::Index{comm_.rank()}));
  return {outcome.code, speaker < 0 ? "" : comm_.broadcast(outcome.message, speaker)};
}

Verdict Runner::run(Family family, std::uint64_t seed) {
  const std::string name = fmt::format("{}-{}-np{}", name_of(family), seed, comm_.size());
  const std::filesystem::path folder = folder_ / name;
  fmt::format_to_n(present.data(), present.size() - 1, "adversary: {} takes too long\n{}",
                   folder.string(), '\0');
  alarm(patience);
  std::unique_ptr<RandomJob> job;
  if (comm_.is_root()) {
    job = make_job(family, seed);
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "job.yaml") << job->yaml();
    job->material().write(folder.string());
  }
  comm_.barrier();
  Ending ending;
  {
    const SilentErrors silent((folder / fmt::format("errors-{}.txt", comm_.rank())).string());
    ending = execute((folder / "job.yaml").string());
  }
  Judgement judgement;
  if (comm_.is_root()) {
    judgement = job->judge(ending, (folder / "result.h5").string());
    ++counts_[{family, judgement.verdict}];
    if (judgement.verdict == Verdict::wrong) {
      findings_.push_back(
          {seed,
           fmt::format("{}\n  {}\n  seed {}, reproduce: mpirun -n {} kronwerk run {}/job.yaml\n{}",
                       job->summary(), judgement.why, seed, comm_.size(), folder.string(),
                       job->yaml())});
    } else {
      std::filesystem::remove_all(folder);
    }
  }
  alarm(0);
  return static_cast<Verdict>(comm_.max(static_cast<core::Index>(judgement.verdict)));
}

int Runner::count(Family family, Verdict verdict) const {
  const auto found = counts_.find({family, verdict});
  return found == counts_.end() ? 0 : found->second;
}

std::string Runner::counts(Family family) const {
  return fmt::format(
      "{}: {} right, {} too badly conditioned to tell, {} refused, {} not converged, "
      "{} wrong",
      name_of(family), count(family, Verdict::right), count(family, Verdict::vague),
      count(family, Verdict::refused), count(family, Verdict::unconverged),
      count(family, Verdict::wrong));
}

}  // namespace kronwerk::adversary
