#include "models/flow/moment_error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kronwerk::models {
namespace {

using Complex = std::complex<double>;

/// The largest z over the boundary of the hull of the b, where it is taken by the maximum
/// principle: the edges are sampled.
double slowest_decay(const factors::ChebyshevMoments& moments, const std::vector<Complex>& outline,
                     const Bilinear& q) {
  constexpr int samples = 8;
  double z = 0;
  const auto visit = [&](Complex b) {
    const Complex slope = q.c10 + q.c11 * b;
    if (slope == 0.0) return;
    const Complex pole = -(q.c00 + q.c01 * b) / slope;
    const Complex x = (pole - moments.centre) / moments.half_width;
    const Complex root = std::sqrt(x * x - 1.0);
    z = std::max(z, 1.0 / std::max(std::abs(x + root), std::abs(x - root)));
  };
  for (std::size_t i = 0; i < outline.size(); ++i) {
    const Complex from = outline[i];
    const Complex to = i + 1 < outline.size() ? outline[i + 1] : std::conj(outline[i]);
    for (int step = 0; step < samples; ++step) {
      visit(from + (to - from) * (static_cast<double>(step) / samples));
    }
  }
  // From the leftmost vertex down to its conjugate.
  if (!outline.empty()) visit(outline.front().real());
  return z;
}

}  // namespace

MomentError::MomentError(const SpectralNodes& a, const SpectralNodes& b, const Bilinear& q)
    : moments_(&*a.moments),
      n_a_(static_cast<double>(a.extent)),
      n_b_(static_cast<double>(b.extent)),
      z_(slowest_decay(*a.moments, b.outline, q)),
      // Interpolation at Chebyshev nodes amplifies by less than this (Rivlin 1990, 1.3).
      amplification_(b.moments ? 1 + 0.64 * std::log(static_cast<double>(b.moments->size())) : 1) {}

double MomentError::with(Index count) const {
  const double growth = z_ * moments_->ellipse;
  if (!(growth < 1)) return std::numeric_limits<double>::infinity();
  double error = 0;
  double power = 1;
  for (std::size_t k = 1; k < static_cast<std::size_t>(count); ++k) {
    power *= z_;
    error += 2 * power / static_cast<double>(k) * moments_->errors[k];
  }
  const auto last = static_cast<double>(count);
  // The rest is left out, and again as much of it is folded onto the terms that are not.
  const double rest = 4 * std::pow(growth, last) / (last * (1 - growth));
  return amplification_ * n_b_ * (error + n_a_ * rest);
}

}  // namespace kronwerk::models
