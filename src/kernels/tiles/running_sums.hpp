#pragma once

#include <cmath>
#include <vector>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::kernels {

/// Sums that tiles' sums are added to, with what rounding lost (Neumaier 1974).
class RunningSums {
 public:
  explicit RunningSums(core::Index count)
      : sums_(static_cast<std::size_t>(count), 0.0), lost_(sums_) {}

  void add(core::Index at, double term) {
    double& sum = sums_[static_cast<std::size_t>(at)];
    const double next = sum + term;
    lost_[static_cast<std::size_t>(at)] +=
        std::abs(sum) >= std::abs(term) ? (sum - next) + term : (term - next) + sum;
    sum = next;
  }
  void scale(core::Index at, double factor) {
    if (!std::isfinite(sums_[static_cast<std::size_t>(at)])) return;
    sums_[static_cast<std::size_t>(at)] *= factor;
    lost_[static_cast<std::size_t>(at)] *= factor;
  }
  double operator[](core::Index at) const {
    const double sum = sums_[static_cast<std::size_t>(at)];
    return std::isfinite(sum) ? sum + lost_[static_cast<std::size_t>(at)] : sum;
  }

 private:
  std::vector<double> sums_;
  std::vector<double> lost_;
};

}  // namespace kronwerk::kernels
