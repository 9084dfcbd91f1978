#include "models/posterior/warmup.hpp"

#include <algorithm>
#include <cmath>

namespace kronwerk::models {

using core::Index;

void StepSize::restart(double value) {
  value_ = value;
  centre_ = std::log(10 * value);
  error_ = 0;
  average_ = 0;
  count_ = 0;
}

void StepSize::learn(double acceptance) {
  constexpr double gamma = 0.05;
  constexpr double offset = 10;
  constexpr double kappa = 0.75;
  ++count_;
  const auto count = static_cast<double>(count_);
  const double weight = 1 / (count + offset);
  error_ = (1 - weight) * error_ + weight * (target_ - std::min(1.0, acceptance));
  const double step = centre_ - error_ * std::sqrt(count) / gamma;
  const double forget = std::pow(count, -kappa);
  average_ = (1 - forget) * average_ + forget * step;
  value_ = std::exp(step);
}

void StepSize::finish() {
  if (count_ > 0) value_ = std::exp(average_);
}

Windows::Windows(Index warmup) : warmup_(warmup) {
  constexpr Index shortest = 20;
  if (warmup < shortest) {
    first_ = warmup;  // too short for any window
    last_ = 0;
    length_ = 0;
  } else if (first_ + length_ + last_ > warmup) {
    first_ = 15 * warmup / 100;
    last_ = warmup / 10;
    length_ = warmup - first_ - last_;
  }
  end_ = first_ + length_ - 1;
}

bool Windows::within(Index iteration) const {
  return iteration >= first_ && iteration < warmup_ - last_;
}

bool Windows::ends(Index iteration) {
  if (!within(iteration) || iteration != end_) return false;
  const Index last = warmup_ - last_ - 1;
  if (end_ == last) return true;
  length_ *= 2;
  end_ = iteration + length_;
  // A window that would leave less than the next one for it takes that over.
  if (end_ != last && end_ + 2 * length_ >= warmup_ - last_) end_ = last;
  return true;
}

}  // namespace kronwerk::models
