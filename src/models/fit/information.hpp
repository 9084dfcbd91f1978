#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::models {

using core::Index;

/// A coordinate of the differences.
struct DifferenceAxis {
  std::string name;
  double scale = 1;  ///< a first guess of the range over which the function changes
  double lower = 0;
  double upper = 0;
  bool fixed = false;  ///< takes no part
};

struct Information {
  std::vector<std::optional<double>> standard_errors;
  std::vector<double> covariance;  ///< (n, n), zero where fixed; empty if there is none
  std::string problem;             ///< why there is none
};

/// The gradient at a point; absent where the function is not defined. Collective.
using Gradient = std::function<std::optional<std::vector<double>>(std::span<const double>)>;

/// Minus the matrix of second derivatives by central differences of the gradient (steps of about a
/// hundredth of a standard error where the scale's guess was far off), inverted.
Information observed_information(const Gradient& gradient, std::span<const double> point,
                                 std::span<const DifferenceAxis> axes);

}  // namespace kronwerk::models
