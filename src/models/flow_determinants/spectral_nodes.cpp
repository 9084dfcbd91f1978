#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kronwerk/models/flow_determinants/bilinear_determinant.hpp"

namespace kronwerk::models {
namespace {

using Complex = std::complex<double>;

double cross(Complex from, Complex a, Complex b) {
  return (a.real() - from.real()) * (b.imag() - from.imag()) -
         (a.imag() - from.imag()) * (b.real() - from.real());
}

/// The upper side of the convex hull of the points and their conjugates (Andrew 1979), from left
/// to right.
std::vector<Complex> upper_hull(std::vector<Complex> points) {
  std::sort(points.begin(), points.end(), [](Complex a, Complex b) {
    return a.real() < b.real() || (a.real() == b.real() && a.imag() > b.imag());
  });
  std::vector<Complex> hull;
  for (const Complex point : points) {
    while (hull.size() >= 2 && cross(hull[hull.size() - 2], hull.back(), point) >= 0) {
      hull.pop_back();
    }
    hull.push_back(point);
  }
  return hull;
}

/// Weights of the Chebyshev nodes cos((i + ½) π / n) that integrate T_k to moments[k], k < n.
std::vector<double> weights_of(std::span<const double> moments) {
  const auto n = static_cast<double>(moments.size());
  std::vector<double> weights;
  for (std::size_t i = 0; i < moments.size(); ++i) {
    double sum = 0.5 * moments[0];
    for (std::size_t k = 1; k < moments.size(); ++k) {
      const auto turns = static_cast<double>((k * (2 * i + 1)) % (4 * moments.size()));
      sum += moments[k] * std::cos(std::numbers::pi * turns / (2 * n));
    }
    weights.push_back(2 * sum / n);
  }
  return weights;
}

}  // namespace

SpectralNodes nodes_of(std::span<const Complex> eigenvalues, const std::string& name) {
  SpectralNodes result;
  result.extent = static_cast<Index>(eigenvalues.size());
  for (const Complex value : eigenvalues) {
    if (value.imag() == 0) result.real.push_back(value.real());
    if (value.imag() > 0) result.pairs.push_back(value);
  }
  std::sort(result.real.begin(), result.real.end());
  result.outline = result.pairs;
  if (!result.real.empty()) {
    result.outline.emplace_back(result.real.front());
    result.outline.emplace_back(result.real.back());
  }
  result.outline = upper_hull(result.outline);
  result.description = fmt::format("{} eigenvalues of {}", result.extent, name);
  return result;
}

SpectralNodes nodes_of(factors::ChebyshevMoments moments, const std::string& name,
                       std::optional<Index> count) {
  SpectralNodes result;
  const auto used =
      static_cast<std::size_t>(std::min(count.value_or(moments.size()), moments.size()));
  result.extent = static_cast<Index>(std::lround(moments.values.at(0)));
  result.weights = weights_of(std::span(moments.values).first(used));
  const auto n = static_cast<double>(used);
  for (std::size_t i = 0; i < used; ++i) {
    const double node = std::cos(std::numbers::pi * (static_cast<double>(i) + 0.5) / n);
    result.real.push_back(moments.centre + moments.half_width * node);
  }
  std::reverse(result.real.begin(), result.real.end());
  std::reverse(result.weights.begin(), result.weights.end());
  result.outline = upper_hull(moments.extent.outline);
  result.description = fmt::format("{} Chebyshev moments of {} ({}) from {} sparse factorisations",
                                   used, name, result.extent, moments.factorisations);
  result.moments = std::move(moments);
  return result;
}

SpectralNodes nodes_of(const factors::SpectrumExtent& extent, Index rows) {
  SpectralNodes result;
  result.extent = rows;
  result.outline = upper_hull(extent.outline);
  return result;
}

}  // namespace kronwerk::models
