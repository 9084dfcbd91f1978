#pragma once

#include <span>

#include "kronwerk/factors/base/mode_view.hpp"

namespace kronwerk::operators {

struct WeightedView {
  double weight = 1;
  factors::ConstView view;
};

/// y = Σ weight_s x_s, or y += Σ weight_s x_s; y = 0 (or unchanged) for none. Views of the same
/// shape; y may be one of the sources. Local.
void combine(std::span<const WeightedView> sources, factors::View y, bool accumulate);

}  // namespace kronwerk::operators
