#pragma once

#include <map>
#include <string>
#include <vector>

#include "kronwerk/kernels/formula/constants.hpp"
#include "kronwerk/kernels/formula/expression.hpp"

namespace kronwerk::kernels {

/// All numbers from low to high.
struct Interval {
  double low;
  double high;
};

/// What is known of all pairs that a formula may be evaluated at.
struct PairRanges {
  /// Every component of every variable that varies with an index.
  std::map<std::string, std::vector<Interval>> variables;
  Index rows = 0;
  Index columns = 0;
  /// The variables whose distance is known, and the distance.
  std::string first_point;
  std::string second_point;
  Interval distance{0, 0};
};

/// Intervals that hold every component of F at all such pairs, to rounding; by interval arithmetic
/// (Moore 1966), so they may be wider than F's values are, and are unbounded where nothing is
/// known.
std::vector<Interval> bound(const Expression& formula, const Constants& constants,
                            const PairRanges& ranges);

}  // namespace kronwerk::kernels
