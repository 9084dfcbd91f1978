#include "application/report/stage_ledger.hpp"

#include <algorithm>

namespace kronwerk::application {
namespace {

// Indices of the stages that are always there.
constexpr std::size_t startup_stage = 0;
constexpr std::size_t other_stage = 1;

}  // namespace

StageLedger::StageLedger(Meter meter, bool startup)
    : meter_(std::move(meter)), stages_{{"startup", {}}, {"other", {}}} {
  const Usage now = meter_();
  if (startup) stages_[startup_stage].second = now;
  settled_ = now;
}

std::size_t StageLedger::find_or_add(const std::string& stage) {
  const auto found = std::ranges::find(
      stages_, stage, [](const auto& each) -> const auto& { return each.first; });
  if (found != stages_.end()) return static_cast<std::size_t>(found - stages_.begin());
  stages_.emplace_back(stage, Usage{});
  return stages_.size() - 1;
}

void StageLedger::settle() {
  const Usage now = meter_();
  stages_[open_.empty() ? other_stage : open_.back()].second += now - settled_;
  settled_ = now;
}

std::size_t StageLedger::enter(const std::string& stage) {
  const std::size_t index = find_or_add(stage);
  settle();
  open_.push_back(index);
  return index;
}

void StageLedger::leave() {
  settle();
  open_.pop_back();
}

void StageLedger::begin_repeat() {
  settle();
  before_repeat_ = stages_;
}

void StageLedger::end_repeat() {
  settle();
  Stages repeat = stages_;
  for (std::size_t s = 0; s < before_repeat_.size(); ++s) {
    repeat[s].second = repeat[s].second - before_repeat_[s].second;
  }
  repeats_.push_back(std::move(repeat));
}

std::vector<std::vector<std::pair<std::string, Usage>>> StageLedger::repeats() const {
  std::vector<Stages> result = repeats_;
  for (Stages& repeat : result) {
    // Stages that began after it.
    for (std::size_t s = repeat.size(); s < stages_.size(); ++s) {
      repeat.emplace_back(stages_[s].first, Usage{});
    }
    repeat = in_order(std::move(repeat));
  }
  return result;
}

std::vector<std::pair<std::string, Usage>> StageLedger::stages() const {
  return in_order(stages_);
}

StageLedger::Stages StageLedger::in_order(Stages stages) {
  std::rotate(stages.begin() + other_stage, stages.begin() + other_stage + 1, stages.end());
  return stages;
}

Usage StageLedger::total() const {
  Usage sum;
  for (const auto& [name, usage] : stages_) sum += usage;
  return sum;
}

}  // namespace kronwerk::application
