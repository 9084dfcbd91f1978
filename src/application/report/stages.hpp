#pragma once

#include <string>
#include <utility>
#include <vector>

#include "application/report/progress.hpp"
#include "application/report/stage_ledger.hpp"
#include "application/report/stage_table.hpp"
#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::application {

/// The stages of a job: their seconds, their lines on the terminal, their names in PETSc's log, and
/// the points at which a job can be terminated.
class Stages {
 public:
  /// @param comm     must outlive the stages
  /// @param startup  whether all that the process has done until now is its start-up
  Stages(const communication::Communicator& comm, bool quiet, bool startup = false);
  Stages(const Stages&) = delete;
  Stages& operator=(const Stages&) = delete;
  ~Stages();

  /// Runs `work` as a part of stage `name` and adds up what it uses; a stage within another takes
  /// its own part away from that one. Collective.
  /// @throws Terminated before the work if SIGTERM has reached any rank
  template <typename Work>
  void run(const std::string& name, Work&& work) {
    const Running running(*this, name);
    std::forward<Work>(work)();
  }

  /// Prints the line of a stage: its seconds so far on the slowest rank, and what it did.
  /// Collective.
  void report(const std::string& name, const std::string& detail);
  /// Prints one line on rank 0; unless the job is quiet, to the log only.
  void print(const std::string& text);
  /// The same of a line that is an object of JSON where that is asked for.
  void print_object(const std::string& line);
  /// Whether lines are held back although the job is not quiet.
  void silence(bool silent) noexcept { silent_ = silent; }
  /// Runs `work`, which is what the job computes, as a repeat: its stages are also kept by
  /// themselves. Collective.
  /// @param again  it has run before: its lines and warnings are held back
  template <typename Work>
  void repeat(bool again, Work&& work) {
    const Repeating repeating(*this, again);
    std::forward<Work>(work)();
  }
  /// Runs `work`, in which groups of the ranks do the same side by side: its stages are collective
  /// on this rank's group, and its lines and warnings held back. Must not throw on one rank alone.
  template <typename Work>
  void apart(const communication::Communicator& group, Work&& work) {
    const Apart alone(*this, group);
    std::forward<Work>(work)();
  }
  /// Whether what runs now has run before.
  bool runs_again() const noexcept { return again_; }
  /// Prints to stderr on rank 0, quiet or not.
  void warn(const std::string& text);

  /// What all stages have used until now. Collective.
  StageTable table();
  /// Of every repeat, all with the same stages. Collective.
  std::vector<StageTable> repeat_tables() const;
  /// Seconds of this rank until now, its start-up included. Local.
  double total_seconds();
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
  };
  class Repeating {
   public:
    Repeating(Stages& stages, bool again);
    Repeating(const Repeating&) = delete;
    Repeating& operator=(const Repeating&) = delete;
    ~Repeating();

   private:
    Stages& stages_;
  };
  class Apart {
   public:
    Apart(Stages& stages, const communication::Communicator& group);
    Apart(const Apart&) = delete;
    Apart& operator=(const Apart&) = delete;
    ~Apart();

   private:
    Stages& stages_;
    const communication::Communicator* all_;
  };
  int petsc_stage(const std::string& name);

  const communication::Communicator* comm_;
  bool quiet_;
  bool silent_ = false;
  bool again_ = false;
  bool apart_ = false;
  Progress progress_;
  StageLedger ledger_;
};

}  // namespace kronwerk::application
