#pragma once

namespace kronwerk::models {

/// How a parameter becomes a free coordinate of an optimiser: x = exp(u) where the parameter is
/// positive, x = u otherwise. Bounds become bounds of u, so that an optimum on a bound is reached
/// and not only approached.
enum class Scale { identity, log };

/// Log where `lower` allows no negative values.
Scale choose_scale(double lower);

/// u of x. Bounds map as well: log 0 is -∞.
double to_free(Scale scale, double x);
/// x of u.
double from_free(Scale scale, double u);
/// dx/du, as a function of x.
double derivative_of(Scale scale, double x);

}  // namespace kronwerk::models
