#pragma once

#include "kronwerk/core/extents.hpp"

namespace kronwerk::models {

/// Dual averaging of the step size (Nesterov 2009; Hoffman and Gelman 2014, section 3.2.1) with
/// Stan's constants: γ = 0.05, t_0 = 10, κ = 0.75.
class StepSize {
 public:
  explicit StepSize(double target_acceptance = 0.8) : target_(target_acceptance) {}

  double value() const noexcept { return value_; }
  /// From now on averages are taken around ten times this.
  void restart(double value);
  void learn(double acceptance);
  /// Takes the average for the rest of the chain.
  void finish();

  template <typename Visitor>
  void visit(Visitor&& visitor) {
    visitor(value_);
    visitor(centre_);
    visitor(error_);
    visitor(average_);
    visitor(count_);
  }

 private:
  double target_;
  double value_ = 1;
  double centre_ = 0;
  double error_ = 0;
  double average_ = 0;  ///< of log steps
  core::Index count_ = 0;
};

/// Which iterations of a warm-up the metric is estimated from, and after which it is replaced:
/// Stan's windows, in the proportions 15 : 75 : 10 where there are fewer than 150 iterations.
class Windows {
 public:
  explicit Windows(core::Index warmup);

  /// Whether iteration `iteration`, from 0 on, is in a window.
  bool within(core::Index iteration) const;
  /// Whether it is the last of one; what follows then is the next window. To be asked once for each
  /// iteration, in their order.
  bool ends(core::Index iteration);

  template <typename Visitor>
  void visit(Visitor&& visitor) {
    visitor(length_);
    visitor(end_);
  }

 private:
  core::Index warmup_;
  core::Index first_ = 75;   ///< iterations for the step size alone at the beginning
  core::Index last_ = 50;    ///< and at the end
  core::Index length_ = 25;  ///< of the present window
  core::Index end_ = 0;      ///< its last iteration
};

}  // namespace kronwerk::models
