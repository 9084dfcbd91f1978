#pragma once

#include <vector>

#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::application {

/// Σ over all ranks of what r² is made of.
class Correlation {
 public:
  void add(double x, double y) {
    const double more[] = {1, x, y, x * x, x * y, y * y};
    for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += more[i];
  }
  /// Collective.
  double squared(const communication::Communicator& comm) {
    comm.sum(std::span<double>(sums_));
    const double n = sums_[0];
    const double covariance = sums_[4] - sums_[1] * sums_[2] / n;
    return covariance * covariance /
           ((sums_[3] - sums_[1] * sums_[1] / n) * (sums_[5] - sums_[2] * sums_[2] / n));
  }

 private:
  std::vector<double> sums_ = std::vector<double>(6, 0.0);
};

}  // namespace kronwerk::application
