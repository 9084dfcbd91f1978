#include "application/session/stage_ledger.hpp"

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

std::vector<std::pair<std::string, Usage>> StageLedger::stages() const {
  auto result = stages_;
  std::rotate(result.begin() + other_stage, result.begin() + other_stage + 1, result.end());
  return result;
}

Usage StageLedger::total() const {
  Usage sum;
  for (const auto& [name, usage] : stages_) sum += usage;
  return sum;
}

}  // namespace kronwerk::application
