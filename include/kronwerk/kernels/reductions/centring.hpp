#pragma once

#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/kernels/formula/expression.hpp"
#include "kronwerk/kernels/reductions/reduction.hpp"
#include "kronwerk/kernels/reductions/ring.hpp"

namespace kronwerk::kernels {

/// What formulas make of variables that are all moved by one vector.
struct Translations {
  /// Sets of variables that occur only in differences of each other: moved by the same vector, they
  /// leave every value as it is.
  std::vector<std::set<std::string>> movable;
  /// Sets of which differences are taken, and something else as well.
  std::vector<std::set<std::string>> fixed;
};

/// @param together  pairs of variables that are compared outside of the formulas
Translations find_translations(std::span<const Expression> formulas,
                               std::span<const std::pair<std::string, std::string>> together = {});

/// Points that lie so far from 0 that float32 loses their differences.
struct FloatLoss {
  std::set<std::string> variables;
  double loss = 0;  ///< rounding of a coordinate in float32, relative to the extent of the points
};

/// Moves the movable sets to the middle of their points, in float64, where these are farther from 0
/// than they are wide: what follows may round them to float32. Derivatives by them do not change.
/// Values that are not finite stay where they are. Collective.
/// @returns the fixed sets that lose more than `tolerable`
std::vector<FloatLoss> centre(const communication::Communicator& comm,
                              const Translations& translations, DistributedSide& rows,
                              DistributedSide& columns, Constants& constants,
                              double tolerable = 1e-4);
/// The same for points that every rank has whole. Local.
std::vector<FloatLoss> centre(const Translations& translations, Side& rows, Side& columns,
                              Constants& constants, double tolerable = 1e-4);

}  // namespace kronwerk::kernels
