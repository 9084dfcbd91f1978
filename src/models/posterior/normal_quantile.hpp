#pragma once

namespace kronwerk::models {

/// Φ⁻¹(p) of the standard normal distribution, 0 < p < 1, to rounding.
double normal_quantile(double p);

}  // namespace kronwerk::models
