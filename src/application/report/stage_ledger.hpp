#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "application/report/usage.hpp"

namespace kronwerk::application {

/// Keeps the books of what a rank uses: whatever it uses is charged to exactly one stage, to the
/// innermost of those that are open, to "startup" before the first job of a process and to "other"
/// outside of all. So the stages always add up to the total. Local.
class StageLedger {
 public:
  using Meter = std::function<Usage()>;

  /// @param meter    says what the rank has used so far
  /// @param startup  whether what it used until now is charged to "startup", or to nobody
  explicit StageLedger(Meter meter, bool startup = true);

  /// From here on until leave() the stage is charged, one entered before is not. @return its index
  std::size_t enter(const std::string& stage);
  void leave();

  /// Charges what was used up to now.
  void settle();
  /// Index of a stage, which is added if it is not there.
  std::size_t find_or_add(const std::string& stage);
  const Usage& of(std::size_t stage) const { return stages_[stage].second; }
  /// From here on a repeat is charged beside the stages.
  void begin_repeat();
  /// It ends. What was used since its beginning is kept by itself.
  void end_repeat();
  /// Every repeat in the order of stages(), which they all have.
  std::vector<std::vector<std::pair<std::string, Usage>>> repeats() const;
  /// In the order of their beginning; "startup" first, "other" last. As of the last settle().
  std::vector<std::pair<std::string, Usage>> stages() const;
  /// Of all stages together, as of the last settle().
  Usage total() const;

 private:
  using Stages = std::vector<std::pair<std::string, Usage>>;
  /// Puts "other" last.
  static Stages in_order(Stages stages);

  Meter meter_;
  Usage settled_;  ///< what the meter said then
  Stages stages_;
  Stages before_repeat_;
  std::vector<Stages> repeats_;
  std::vector<std::size_t> open_;
};

}  // namespace kronwerk::application
