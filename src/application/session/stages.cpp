#include "application/session/stages.hpp"

#include <fmt/format.h>
#include <petscsys.h>

#include <algorithm>
#include <cstdio>

#include "application/command_line/terminal.hpp"
#include "application/session/signals.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/operators/petsc/petsc.hpp"

namespace kronwerk::application {

Stages::Stages(const communication::Communicator& comm, bool quiet)
    : comm_(&comm), quiet_(quiet), progress_(comm.is_root() && !quiet && output_is_watched()) {}

Stages::Running::Running(Stages& stages, const std::string& name)
    : stages_(stages), index_(stages.find_or_add(name)), start_(0) {
  check_termination(*stages.comm_);
  operators::check_petsc(PetscLogStagePush(stages.stages_[index_].petsc_stage));
  stages.progress_.begin(name);
  start_ = MPI_Wtime();
}

Stages::Running::~Running() {
  stages_.stages_[index_].seconds += MPI_Wtime() - start_;
  stages_.progress_.end();
  PetscLogStagePop();
}

std::size_t Stages::find_or_add(const std::string& name) {
  const auto found = std::ranges::find(stages_, name, &Stage::name);
  if (found != stages_.end()) return static_cast<std::size_t>(found - stages_.begin());
  Stage stage{name, 0, 0};
  // Another job of this process may have registered it.
  operators::check_petsc(PetscLogStageGetId(name.c_str(), &stage.petsc_stage));
  if (stage.petsc_stage < 0) {
    operators::check_petsc(PetscLogStageRegister(name.c_str(), &stage.petsc_stage));
  }
  stages_.push_back(stage);
  return stages_.size() - 1;
}

void Stages::report(const std::string& name, const std::string& detail) {
  const double slowest = comm_->max(stages_[find_or_add(name)].seconds);
  print(fmt::format("{:<11} {:>9}   {}", name, core::format_seconds(slowest), detail));
}

void Stages::print(const std::string& text) {
  if (quiet_ || silent_ || !comm_->is_root()) return;
  print_now(text + "\n");
}

void Stages::warn(const std::string& text) {
  if (!comm_->is_root()) return;
  print_now();
  std::fputs(fmt::format("kronwerk: warning: {}\n", text).c_str(), stderr);
}

std::vector<std::pair<std::string, double>> Stages::seconds() const {
  std::vector<std::pair<std::string, double>> result;
  for (const Stage& stage : stages_) result.emplace_back(stage.name, comm_->max(stage.seconds));
  return result;
}

}  // namespace kronwerk::application
