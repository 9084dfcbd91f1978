#pragma once

#include <vector>

#include "kronwerk/models/fit/fit.hpp"
#include "kronwerk/models/fit/transform.hpp"

namespace kronwerk::models {

/// Draws of a random start before it is given up.
constexpr Index start_attempts = 20;

/// One parameter and its free coordinate.
struct Coordinate {
  FitParameter parameter;
  Support support;
  Scale scale = Scale::identity;

  bool allows(double x) const;
  /// The range over which an unscaled coordinate may move in one iteration.
  double longest_step() const;
  double draw(std::uint64_t seed, Index number) const;
};

/// @throws ConfigurationError for an initial value outside the support, or without parameters
std::vector<Coordinate> coordinates_of(const std::vector<FitParameter>& parameters);

/// Where start number `start` begins: the initial values, or random ones that are allowed.
std::vector<double> beginning_of(const std::vector<Coordinate>& coordinates, std::uint64_t seed,
                                 Index start, Index attempt);

}  // namespace kronwerk::models
