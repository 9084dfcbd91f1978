#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kronwerk/models/flow_determinants/bilinear_determinant.hpp"

namespace kronwerk::models {
namespace {

using Complex = std::complex<double>;

std::string to_text(Complex value) {
  if (value.imag() == 0) return fmt::format("{:.6g}", value.real());
  return fmt::format("{:.6g} {} {:.6g}i", value.real(), value.imag() < 0 ? '-' : '+',
                     std::abs(value.imag()));
}

double dot(const std::vector<double>& row, std::span<const double> c) {
  double sum = 0;
  for (std::size_t t = 0; t < row.size(); ++t) sum += row[t] * c[t];
  return sum;
}

}  // namespace

FeasibleRegion find_feasible_region(std::span<const TermPowers> terms,
                                    const std::array<SpectralNodes, 2>& nodes,
                                    const std::array<std::string, 2>& names) {
  FeasibleRegion result;
  const auto add = [&](Complex a, Complex b) {
    std::vector<double> row;
    for (const auto& [k, l] : terms) {
      row.push_back(((k == 0 ? 1.0 : a) * (l == 0 ? 1.0 : b)).real());
    }
    if (std::find(result.rows.begin(), result.rows.end(), row) != result.rows.end()) return;
    result.rows.push_back(std::move(row));
    result.names.push_back(fmt::format("the eigenvalues {} of {} and {} of {}", to_text(a),
                                       names[0], to_text(b), names[1]));
  };
  for (const Complex a : nodes[0].outline) {
    for (const Complex b : nodes[1].outline) {
      add(a, b);
      if (a.imag() != 0 && b.imag() != 0) add(a, std::conj(b));
    }
  }
  return result;
}

double largest_step(const FeasibleRegion& region, std::span<const double> c,
                    std::span<const double> d) {
  double step = std::numeric_limits<double>::infinity();
  for (const auto& row : region.rows) {
    const double slope = dot(row, d);
    if (slope < 0) step = std::min(step, std::max(0.0, -dot(row, c) / slope));
  }
  return step;
}

double margin(const FeasibleRegion& region, std::span<const double> c) {
  double least = std::numeric_limits<double>::infinity();
  for (const auto& row : region.rows) least = std::min(least, dot(row, c));
  return least;
}

}  // namespace kronwerk::models
