#pragma once

namespace kronwerk::models {

/// Regularised incomplete functions, relative accuracy about 1e-13 (Abramowitz and Stegun 1972,
/// 6.5.29, 6.5.31 and 26.5.8; continued fractions by Lentz's method). Local.

/// Q(a, x) = Γ(a, x) / Γ(a): the probability that a Poisson variable with mean x is below a.
double upper_gamma(double a, double x);
/// I_x(a, b), 0 ≤ x ≤ 1.
double incomplete_beta(double a, double b, double x);

}  // namespace kronwerk::models
