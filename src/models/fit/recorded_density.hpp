#pragma once

#include <exception>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "kronwerk/models/fit/fit.hpp"

namespace kronwerk::models {

/// The log density, with every call kept until it is said to be done with, and calls of an earlier
/// run used again for as long as the same points are asked for.
class RecordedDensity {
 public:
  /// @param log_density  must outlive this
  explicit RecordedDensity(const DensityFunction& log_density) : log_density_(&log_density) {}

  const std::vector<RecordedEvaluation>& calls() const { return calls_; }
  /// Whether the next call may be a repeated one.
  bool repeating() const { return next_ < calls_.size(); }
  std::exception_ptr failure() const { return failure_; }
  void take_up(std::vector<RecordedEvaluation> calls) { calls_ = std::move(calls); }
  void forget() {
    calls_.clear();
    next_ = 0;
  }

  /// Absent where it is not defined. `on_new` is called after a call that was not repeated.
  std::optional<Evaluation> operator()(std::span<const double> parameters,
                                       const std::function<void()>& on_new);

  /// Neither kept nor repeated.
  std::optional<Evaluation> call(std::span<const double> parameters);

 private:
  const DensityFunction* log_density_;
  std::vector<RecordedEvaluation> calls_;
  std::size_t next_ = 0;
  std::exception_ptr failure_;
};

}  // namespace kronwerk::models
