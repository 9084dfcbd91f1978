#include "application/report/stages.hpp"

#include <fmt/format.h>
#include <petscsys.h>

#include <cstdio>

#include "application/command_line/json_text.hpp"
#include "application/command_line/terminal.hpp"
#include "application/session/signals.hpp"
#include "kronwerk/core/progress.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/operators/petsc/petsc.hpp"

namespace kronwerk::application {
namespace {

Progress::Shown shown(bool root, bool quiet) {
  using enum Progress::Shown;
  if (!root) return nowhere;
  if (quiet || output_style() == OutputStyle::json) return log_is_open() ? in_log : nowhere;
  return output_is_watched() ? in_place : in_lines;
}

}  // namespace

Stages::Stages(const communication::Communicator& comm, bool quiet, bool startup)
    : comm_(&comm),
      quiet_(quiet),
      progress_(shown(comm.is_root(), quiet)),
      ledger_(measure_usage, startup) {
  core::set_progress_listener([this](std::string_view unit, core::Index done, core::Index total) {
    progress_.set_within(std::string(unit), done, total);
  });
}

Stages::~Stages() {
  core::set_progress_listener({});
}

Stages::Running::Running(Stages& stages, const std::string& name) : stages_(stages) {
  check_termination(*stages.comm_);
  operators::check_petsc(PetscLogStagePush(stages.petsc_stage(name)));
  stages.progress_.begin(name);
  stages.ledger_.enter(name);
}

Stages::Running::~Running() {
  stages_.ledger_.leave();
  stages_.progress_.end();
  PetscLogStagePop();
}

Stages::Repeating::Repeating(Stages& stages, bool again) : stages_(stages) {
  stages_.again_ = again;
  stages_.ledger_.begin_repeat();
}

Stages::Repeating::~Repeating() {
  stages_.ledger_.end_repeat();
  stages_.again_ = false;
}

Stages::Apart::Apart(Stages& stages, const communication::Communicator& group)
    : stages_(stages), all_(stages.comm_) {
  stages_.apart_ = &group != all_;
  stages_.comm_ = &group;
}

Stages::Apart::~Apart() {
  stages_.comm_ = all_;
  stages_.apart_ = false;
}

int Stages::petsc_stage(const std::string& name) {
  // Another job of this process may have registered it.
  int stage = 0;
  operators::check_petsc(PetscLogStageGetId(name.c_str(), &stage));
  if (stage < 0) operators::check_petsc(PetscLogStageRegister(name.c_str(), &stage));
  return stage;
}

void Stages::report(const std::string& name, const std::string& detail) {
  ledger_.settle();
  const double slowest = comm_->max(ledger_.of(ledger_.find_or_add(name)).elapsed);
  if (output_style() == OutputStyle::json) {
    return print_object(fmt::format("{{\"stage\": {}, \"seconds\": {}, \"detail\": {}}}",
                                    json_text(name), json_number(slowest), json_text(detail)));
  }
  print(fmt::format("{:<11} {:>9}   {}", name, core::format_seconds(slowest), detail));
}

void Stages::print(const std::string& text) {
  const bool json = output_style() == OutputStyle::json;
  print_object(json ? fmt::format("{{\"text\": {}}}", json_text(text)) : text);
}

void Stages::print_object(const std::string& line) {
  if (silent_ || again_ || apart_ || !comm_->is_root()) return;
  if (quiet_) {
    print_to_log(line + "\n");
  } else {
    print_now(line + "\n");
  }
}

void Stages::warn(const std::string& text) {
  if (again_ || apart_ || !comm_->is_root()) return;
  print_now();
  const std::string line = fmt::format("kronwerk: warning: {}\n", text);
  std::fputs(line.c_str(), stderr);
  print_to_log(line);
}

StageTable Stages::table() {
  ledger_.settle();
  return make_stage_table(*comm_, ledger_.stages());
}

std::vector<StageTable> Stages::repeat_tables() const {
  std::vector<StageTable> tables;
  for (const auto& repeat : ledger_.repeats()) tables.push_back(make_stage_table(*comm_, repeat));
  return tables;
}

double Stages::total_seconds() {
  ledger_.settle();
  return ledger_.total().elapsed;
}

}  // namespace kronwerk::application
