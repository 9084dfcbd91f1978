#include "application/restart/kept_blocks.hpp"

#include <fmt/format.h>

#include "kronwerk/core/text.hpp"

namespace kronwerk::application {
namespace {

constexpr const char* finished = "finished";

std::string name_of(std::size_t statistics) {
  return fmt::format("statistics {}", statistics);
}

}  // namespace

KeptBlocks::KeptBlocks(const JobContext& context, std::string things, core::Index count,
                       std::vector<Dataset> datasets, std::vector<Statistics*> statistics)
    : context_(context),
      things_(std::move(things)),
      count_(count),
      datasets_(std::move(datasets)),
      statistics_(std::move(statistics)) {}

core::Index KeptBlocks::resume() {
  const Checkpoint& checkpoint = context_.checkpoint;
  const auto* number = checkpoint.numbers(finished);
  const io::HeldResult* result = checkpoint.result();
  if (number == nullptr || result == nullptr) return 0;
  const auto things = static_cast<core::Index>(number->at(0));
  context_.stages.run("resume", [&] {
    for (const Dataset& each : datasets_) {
      context_.file.take_over(*result, each.path, 0, things * each.values);
    }
  });
  for (std::size_t s = 0; s < statistics_.size(); ++s) {
    const auto* totals = checkpoint.numbers(name_of(s));
    if (totals != nullptr && context_.comm.is_root()) statistics_[s]->add_totals(*totals);
  }
  context_.checkpoint.keep_result();
  context_.checkpoint.goes_on_with(
      fmt::format("{} of {} {}", core::format_count(things), core::format_count(count_), things_));
  return things;
}

void KeptBlocks::finish(core::Index things) {
  if (!context_.checkpoint.keeps()) return;
  context_.checkpoint.keep_result();
  for (std::size_t s = 0; s < statistics_.size(); ++s) {
    context_.checkpoint.set(name_of(s), statistics_[s]->totals(context_.comm));
  }
  context_.checkpoint.set(finished, {static_cast<double>(things)});
  if (things < count_) context_.checkpoint.save_if_due(Checkpoint::Cost::large);
}

}  // namespace kronwerk::application
