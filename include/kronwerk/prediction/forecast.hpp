#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kronwerk/prediction/pricing.hpp"

namespace kronwerk::prediction {

/// One stage of a job, called as in the report of a run.
struct Stage {
  std::string name;
  Cost once;
  Cost per_unit{};  ///< of each iteration or evaluation, whose number is not known
  Cost first{};     ///< what the first computation pays beside: memory touched for the first time
};

/// What a job costs, for any number of ranks.
struct Model {
  std::string why_not;  ///< names what cannot be predicted; the rest is empty then
  std::string unit;     ///< "iteration", "evaluation", or "" if all is known
  double units = 0;     ///< so many are assumed
  std::function<std::vector<Stage>(const Pricing&)> stages;
  std::vector<std::string> assumptions;
};

struct Forecast {
  Ranks ranks;
  double units = 0;
  std::vector<Stage> stages;

  Cost of(const Stage& stage) const { return stage.once + stage.first + units * stage.per_unit; }
  double total() const;
  /// But for the start of the program, which is before a job's own work.
  double after_start() const;
};

Forecast forecast(const Model& model, const configuration::Machine& machine, Ranks ranks);

/// Where more ranks lead, the start of the program left out.
struct Outlook {
  int best = 1;  ///< ranks with the least time
  double best_seconds = 0;
  int enough = 1;  ///< fewest ranks within `gain` of that: more gain nothing
  double enough_seconds = 0;
  int efficient = 1;  ///< most ranks with half of the ideal speed-up
  static constexpr double gain = 0.05;
};

/// Looks at the powers of two and the numbers between, up to `most`.
/// @param per_node  ranks of a full node
Outlook find_outlook(const Model& model, const configuration::Machine& machine, int per_node,
                     int threads, int most);

/// What hardly shrinks from some ranks to twice as many.
struct Obstacle {
  std::string stage;
  std::string what;  ///< "latency of messages and reductions", …
  double seconds = 0;
  double share = 0;  ///< of the total
};

/// Those of at least a hundredth of the total, the largest first.
std::vector<Obstacle> find_obstacles(const Forecast& present, const Forecast& doubled);

}  // namespace kronwerk::prediction
