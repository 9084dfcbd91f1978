#pragma once

namespace kronwerk::models {

/// What was applied to observations x before they were taken to be Gaussian: z = x, log(x),
/// log(1 + x), √x, x² of x >= 0, or exp(x).
enum class OriginalScale { same, log, log1p, sqrt, square, exp };

/// Whether every z belongs to an x: not those below 0 to squares and exponentials.
bool is_everywhere_invertible(OriginalScale scale);

/// Mean and variance of x for z ~ N(mean, variance), in closed form. Infinite where they overflow.
/// @param scale  everywhere invertible; x has no moments where z may belong to none
struct OriginalMoments {
  double mean = 0;
  double variance = 0;
};
OriginalMoments original_moments(OriginalScale scale, double mean, double variance);

/// The quantile of x for z ~ N(mean, variance): that of z on the scale of x where x grows with z,
/// NaN if it belongs to no x; of x = z² (where z may be negative) by its own distribution, to
/// rounding.
/// @param level  probability, 0 < level < 1
double original_quantile(OriginalScale scale, double mean, double variance, double level);

}  // namespace kronwerk::models
