#include "kronwerk/prediction/forecast.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace kronwerk::prediction {
namespace {

/// What at least remains when the ranks are doubled of what does not shrink.
constexpr double hardly_less = 0.75;
constexpr double worth_naming = 0.01;

using Part = std::pair<double Cost::*, const char*>;
constexpr std::array<Part, 6> parts{{{&Cost::arithmetic, "arithmetic"},
                                     {&Cost::memory, "copies and first touches of memory"},
                                     {&Cost::exchange, "bytes between ranks"},
                                     {&Cost::latency, "latency of messages and reductions"},
                                     {&Cost::files, "bytes to and from files"},
                                     {&Cost::fixed, "work that is not divided"}}};

}  // namespace

double Forecast::total() const {
  double seconds = 0;
  for (const Stage& stage : stages) seconds += of(stage).total();
  return seconds;
}

double Forecast::after_start() const {
  double seconds = total();
  for (const Stage& stage : stages) {
    if (stage.name == "startup") seconds -= of(stage).total();
  }
  return seconds;
}

Forecast forecast(const Model& model, const configuration::Machine& machine, Ranks ranks) {
  const Pricing pricing(machine, ranks);
  return {pricing.ranks(), model.units, model.stages(pricing)};
}

Outlook find_outlook(const Model& model, const configuration::Machine& machine, int per_node,
                     int threads, int most) {
  std::vector<int> candidates;
  for (int power = 1; power <= most; power *= 2) {
    candidates.push_back(power);
    if (power > 1 && power + power / 2 <= most) candidates.push_back(power + power / 2);
    if (power > most / 2) break;
  }
  std::vector<double> seconds;
  for (const int count : candidates) {
    seconds.push_back(
        forecast(model, machine, {count, std::min(count, per_node), threads}).after_start());
  }
  Outlook outlook;
  const auto least = std::ranges::min_element(seconds);
  outlook.best = candidates[static_cast<std::size_t>(least - seconds.begin())];
  outlook.best_seconds = *least;
  for (std::size_t i = candidates.size(); i-- > 0;) {
    if (seconds[i] <= (1 + Outlook::gain) * *least) {
      outlook.enough = candidates[i];
      outlook.enough_seconds = seconds[i];
    }
  }
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const bool half = seconds[i] * candidates[i] <= 2 * seconds.front();
    if (half) outlook.efficient = candidates[i];
  }
  return outlook;
}

std::vector<Obstacle> find_obstacles(const Forecast& present, const Forecast& doubled) {
  const double total = present.total();
  std::vector<Obstacle> obstacles;
  for (std::size_t s = 0; s < present.stages.size() && s < doubled.stages.size(); ++s) {
    const Cost now = present.of(present.stages[s]);
    const Cost then = doubled.of(doubled.stages[s]);
    for (const auto& [part, what] : parts) {
      if (now.*part < worth_naming * total || then.*part < hardly_less * (now.*part)) continue;
      obstacles.push_back({present.stages[s].name, what, now.*part, now.*part / total});
    }
  }
  std::ranges::stable_sort(obstacles, std::greater<>(), &Obstacle::seconds);
  return obstacles;
}

}  // namespace kronwerk::prediction
