#pragma once

#include <string>
#include <utility>
#include <vector>

#include "application/session/progress.hpp"
#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::application {

/// The stages of a job: their seconds, their lines on the terminal, their names in PETSc's log, and
/// the points at which a job can be terminated.
class Stages {
 public:
  /// @param comm  must outlive the stages
  Stages(const communication::Communicator& comm, bool quiet);

  /// Runs `work` as a part of stage `name` and adds up its seconds. Collective.
  /// @throws Terminated before the work if SIGTERM has reached any rank
  template <typename Work>
  void run(const std::string& name, Work&& work) {
    const Running running(*this, name);
    std::forward<Work>(work)();
  }

  /// Prints the line of a stage: its seconds so far on the slowest rank, and what it did.
  /// Collective.
  void report(const std::string& name, const std::string& detail);
  /// Prints one line on rank 0 unless the job is quiet.
  void print(const std::string& text);
  /// Whether lines are held back although the job is not quiet.
  void silence(bool silent) noexcept { silent_ = silent; }
  /// Prints to stderr on rank 0, quiet or not.
  void warn(const std::string& text);

  /// (stage, seconds of the slowest rank) in the order of their beginning. Collective.
  std::vector<std::pair<std::string, double>> seconds() const;
  Progress& progress() noexcept { return progress_; }

 private:
  class Running {
   public:
    Running(Stages& stages, const std::string& name);
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running();

   private:
    Stages& stages_;
    std::size_t index_;
    double start_;
  };
  struct Stage {
    std::string name;
    double seconds = 0;
    int petsc_stage = 0;
  };
  std::size_t find_or_add(const std::string& name);

  const communication::Communicator* comm_;
  bool quiet_;
  bool silent_ = false;
  Progress progress_;
  std::vector<Stage> stages_;
};

}  // namespace kronwerk::application
