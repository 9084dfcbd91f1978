#include "kronwerk/factors/spectra/chebyshev_moments.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>

#include "factors/spectra/complex_determinant.hpp"
#include "kronwerk/core/interruption.hpp"
#include "kronwerk/core/progress.hpp"
#include "kronwerk/factors/spectra/bases.hpp"

namespace kronwerk::factors {
namespace {

using Complex = std::complex<double>;

/// The circle is cut into twice as many arcs.
constexpr Index half_arcs = 96;
/// The radius of the circle over the largest on which the determinants are regular: the series ends
/// where its rest is that power of 192, 3e-14.
constexpr double relative_radius = 0.85;
/// Further determinants, at seven tenths of the radius, that the moments must give again.
constexpr double check_angles[] = {0.3, 1.7, 2.9};
constexpr double check_radius = 0.7;

/// Of the factor itself: its transpose has the same spectrum.
StoredEntries entries_of(const Chain& matrix) {
  auto entries = stored_entries({{matrix.front().factor}});
  if (matrix.size() != 1 || matrix.front().inverse) entries.reset();
  if (!entries || rows(matrix) != cols(matrix)) {
    throw core::ShapeError("Chebyshev moments need a sparse square matrix");
  }
  return std::move(*entries);
}

double entry(const StoredEntries& matrix, Index row, Index column) {
  const auto begin = matrix.columns.begin() + matrix.offsets[static_cast<std::size_t>(row)];
  const auto end = matrix.columns.begin() + matrix.offsets[static_cast<std::size_t>(row) + 1];
  const auto place = std::lower_bound(begin, end, column);
  if (place == end || *place != column) return 0.0;
  return matrix.values[static_cast<std::size_t>(place - matrix.columns.begin())];
}

/// tr W and tr W².
std::pair<double, double> traces(const StoredEntries& matrix) {
  double first = 0;
  double second = 0;
  for (Index row = 0; row < matrix.rows(); ++row) {
    for (Index k = matrix.offsets[static_cast<std::size_t>(row)];
         k < matrix.offsets[static_cast<std::size_t>(row) + 1]; ++k) {
      const Index column = matrix.columns[static_cast<std::size_t>(k)];
      const double value = matrix.values[static_cast<std::size_t>(k)];
      if (column == row) first += value;
      second += value * entry(matrix, column, row);
    }
  }
  return {first, second};
}

/// The sum of the half axes of the ellipse with foci ±1 through z.
double ellipse_through(Complex z) {
  const Complex root = std::sqrt(z * z - 1.0);
  return std::max(std::abs(z + root), std::abs(z - root));
}

void describe_spectrum(SpectrumExtent extent, ChebyshevMoments& result) {
  result.centre = 0.5 * (extent.least + extent.greatest);
  result.half_width = 0.5 * (extent.greatest - extent.least);
  if (result.half_width <= 1e-12 * std::abs(result.centre) || result.half_width == 0.0) {
    result.half_width = std::max(1.0, std::abs(result.centre));
  }
  for (const Complex z : extent.outline) {
    const Complex scaled = (z - result.centre) / result.half_width;
    if (!extent.real) result.ellipse = std::max(result.ellipse, ellipse_through(scaled));
  }
  result.extent = std::move(extent);
}

/// log|det((1 + q²) I − 2 q X)|
double determinant_at(const ComplexDeterminant& lu, const ChebyshevMoments& moments, Complex q) {
  const Complex beta = -2.0 * q / moments.half_width;
  return lu.log_abs(1.0 + q * q - beta * moments.centre, beta);
}

/// The same by the moments.
double series_at(const ChebyshevMoments& moments, Complex q) {
  Complex power = 1.0;
  double sum = 0;
  for (std::size_t k = 1; k < moments.values.size(); ++k) {
    power *= q;
    sum -= 2.0 * power.real() * moments.values[k] / static_cast<double>(k);
  }
  return sum;
}

std::vector<Complex> points_of(double radius) {
  std::vector<Complex> points;
  for (Index j = 0; j <= half_arcs; ++j) {
    points.push_back(std::polar(
        radius, std::numbers::pi * static_cast<double>(j) / static_cast<double>(half_arcs)));
  }
  for (const double angle : check_angles)
    points.push_back(std::polar(check_radius * radius, angle));
  return points;
}

/// m_k from the determinants on half a circle; returns |mean of the determinants|, which is that in
/// the middle, 0.
double transform(std::span<const double> on_circle, Index extent, ChebyshevMoments& moments) {
  moments.values.assign(static_cast<std::size_t>(half_arcs), 0.0);
  moments.values[0] = static_cast<double>(extent);
  double mean = 0;
  for (Index k = 0; k < half_arcs; ++k) {
    double sum = 0.5 * (on_circle[0] + (k % 2 == 0 ? 1 : -1) * on_circle[half_arcs]);
    for (Index j = 1; j < half_arcs; ++j) {
      const double angle =
          std::numbers::pi * static_cast<double>((j * k) % (2 * half_arcs)) / half_arcs;
      sum += on_circle[static_cast<std::size_t>(j)] * std::cos(angle);
    }
    sum /= half_arcs;
    if (k == 0) {
      mean = sum;
    } else {
      moments.values[static_cast<std::size_t>(k)] =
          -sum * static_cast<double>(k) * std::pow(moments.radius, -static_cast<double>(k));
    }
  }
  return std::abs(mean);
}

/// Bounds of the errors, from the largest error of a determinant.
void bound_errors(double determinant_error, ChebyshevMoments& moments) {
  const double n = moments.values[0];
  constexpr double arcs = 2.0 * half_arcs;
  for (std::size_t place = 0; place < moments.values.size(); ++place) {
    const auto k = static_cast<double>(place);
    if (place < 3) {  // known from traces
      moments.errors.push_back(4.0 * (k + 1.0) * std::numeric_limits<double>::epsilon() * n);
      continue;
    }
    const double folded = 2.0 * n / (arcs - k) * std::pow(moments.radius, arcs - 2.0 * k) *
                          std::pow(moments.ellipse, arcs - k);
    moments.errors.push_back(k * (determinant_error * std::pow(moments.radius, -k) + folded));
  }
}

}  // namespace

std::optional<MomentEstimate> estimate_chebyshev_moments(const communication::Communicator& comm,
                                                         const Chain& matrix) {
  const auto entries = stored_entries(matrix);
  if (!entries || rows(matrix) != cols(matrix)) return std::nullopt;
  std::vector<double> flops(1);
  communication::on_root(comm, [&] { flops[0] = ComplexDeterminant(*entries).flops(); });
  comm.broadcast(std::span<double>(flops));
  constexpr Index count = half_arcs + 1 + static_cast<Index>(std::size(check_angles));
  // Four multiplications of real numbers for one of complex ones.
  return MomentEstimate{4.0 * flops[0] * static_cast<double>(count), count};
}

ChebyshevMoments chebyshev_moments(const communication::Communicator& comm, const Chain& matrix) {
  const StoredEntries entries = entries_of(matrix);
  const Index extent = entries.rows();
  ChebyshevMoments result;
  describe_spectrum(*find_spectrum_extent(comm, matrix), result);
  result.radius = relative_radius / result.ellipse;
  const std::vector<Complex> points = points_of(result.radius);
  std::vector<double> values(points.size(), 0.0);
  communication::collectively(comm, [&] {
    const ComplexDeterminant lu(entries);
    for (auto j = static_cast<std::size_t>(comm.rank()); j < points.size();
         j += static_cast<std::size_t>(comm.size())) {
      values[j] = determinant_at(lu, result, points[j]);
      core::report_progress("factorisation", static_cast<Index>(j) + 1, std::ssize(points));
      core::check_interruption();
    }
  });
  comm.sum(std::span<double>(values));
  result.factorisations = static_cast<Index>(points.size());

  result.checked = transform(values, extent, result);
  const auto [first, second] = traces(entries);
  const auto n = static_cast<double>(extent);
  const double scaled = (first - n * result.centre) / result.half_width;
  const double squares =
      (second - 2.0 * result.centre * first + n * result.centre * result.centre) /
      (result.half_width * result.half_width);
  const double known[] = {n, scaled, 2.0 * squares - n};
  for (std::size_t k = 1; k < 3; ++k) {
    const double error = std::abs(result.values[k] - known[k]) * 2.0 / static_cast<double>(k) *
                         std::pow(result.radius, static_cast<double>(k));
    result.checked = std::max(result.checked, error);
    result.values[k] = known[k];
  }
  for (std::size_t j = half_arcs + 1; j < points.size(); ++j) {
    result.checked = std::max(result.checked, std::abs(values[j] - series_at(result, points[j])));
  }
  if (!std::isfinite(result.checked)) result.checked = std::numeric_limits<double>::infinity();
  bound_errors(std::max(2.0 * result.checked, 4.0 * std::numeric_limits<double>::epsilon() * n),
               result);
  return result;
}

}  // namespace kronwerk::factors
