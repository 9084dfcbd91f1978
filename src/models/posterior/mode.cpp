// Declared in kronwerk/models/posterior/posterior_density.hpp.
#include <cmath>
#include <limits>

#include "kronwerk/core/error.hpp"
#include "kronwerk/models/posterior/posterior_density.hpp"
#include "models/fit/information.hpp"
#include "models/fit/minimise.hpp"
#include "models/fit/small_dense.hpp"

namespace kronwerk::models {
namespace {

// Only the neighbourhood of the mode is wanted.
constexpr double mode_tolerance = 0.05;
constexpr Index most_iterations = 100;
constexpr double longest_step = 4;  // in standard deviations, as far as they are known
constexpr double smallest_pivot = 1e-12;
constexpr int most_rounds = 5;
constexpr double tighter = 0.02;

std::vector<double> identity(std::size_t n) {
  std::vector<double> matrix(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) matrix[i * n + i] = 1;
  return matrix;
}

/// L of L Lᵀ = A, or of its diagonal; absent where A is not positive definite.
std::optional<std::vector<double>> root_of(std::vector<double> matrix, std::size_t n,
                                           bool diagonal) {
  for (std::size_t i = 0; diagonal && i < matrix.size(); ++i) {
    if (i / n != i % n) matrix[i] = 0;
  }
  return cholesky_root(matrix, n);
}

/// L of the inverse of an information matrix; the identity where that is none.
std::vector<double> scale_of(const std::vector<double>& information, std::size_t n, bool diagonal) {
  if (information.empty()) return identity(n);
  const SmallCholesky factor(information, n, smallest_pivot);
  if (factor.dependent()) return identity(n);
  return root_of(factor.inverse(), n, diagonal).value_or(identity(n));
}

/// A B of lower triangles.
std::vector<double> product(const std::vector<double>& a, const std::vector<double>& b,
                            std::size_t n) {
  std::vector<double> result(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k <= i; ++k) {
      for (std::size_t j = 0; j <= k; ++j) result[i * n + j] += a[i * n + k] * b[k * n + j];
    }
  }
  return result;
}

}  // namespace

std::vector<double> Coordinates::at(std::span<const double> v) const {
  std::vector<double> u = centre;
  const std::size_t n = u.size();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) u[i] += factor[i * n + j] * v[j];
  }
  return u;
}

TargetDensity Coordinates::transformed(TargetDensity target) const {
  return [coordinates = *this,
          target = std::move(target)](std::span<const double> v) -> std::optional<TargetPoint> {
    auto point = target(coordinates.at(v));
    if (!point) return std::nullopt;
    const std::size_t n = v.size();
    std::vector<double> gradient(n, 0.0);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        gradient[j] += coordinates.factor[i * n + j] * point->gradient[i];
      }
    }
    point->gradient = std::move(gradient);
    return point;
  };
}

namespace {

/// Climbs in one set of coordinates; what was reached becomes their centre.
class Climb {
 public:
  Climb(const communication::Communicator& comm, const TargetDensity& target, bool diagonal,
        Coordinates coordinates)
      : comm_(&comm), target_(&target), diagonal_(diagonal), coordinates_(std::move(coordinates)) {}

  const Coordinates& coordinates() const { return coordinates_; }

  void climb(double tolerance) {
    const std::size_t n = coordinates_.centre.size();
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const auto scaled = coordinates_.transformed(*target_);
    const Function negative = [&](std::span<const double> v) -> std::optional<MinimisePoint> {
      auto point = scaled(v);
      if (!point) return std::nullopt;
      for (double& slope : point->gradient) slope = -slope;
      return MinimisePoint{{v.begin(), v.end()}, -point->value, std::move(point->gradient), 0};
    };
    const auto first = negative(std::vector<double>(n, 0.0));
    if (!first) {
      throw core::DataError(
          "the posterior density is not defined where it is to begin: give 'parameters' others, "
          "at which the covariance is positive definite, or the filter is feasible");
    }
    MinimiseSettings settings;
    settings.lower.assign(n, -infinity);
    settings.upper.assign(n, infinity);
    settings.longest_step.assign(n, longest_step);
    settings.tolerance = tolerance;
    settings.max_iterations = most_iterations;
    const auto outcome = minimise(*comm_, negative, *first, settings);
    coordinates_.centre = coordinates_.at(outcome.point.free);
  }

  /// Makes the coordinates those of the second derivatives here; false where these are not of a
  /// maximum.
  bool rescale() {
    const std::size_t n = coordinates_.centre.size();
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const auto scaled = coordinates_.transformed(*target_);
    const Gradient gradient = [&](std::span<const double> v) -> std::optional<std::vector<double>> {
      auto point = scaled(v);
      if (!point) return std::nullopt;
      return std::move(point->gradient);
    };
    const std::vector<DifferenceAxis> axes(n, {"", 1, -infinity, infinity, false});
    const auto found = observed_information(gradient, std::vector<double>(n, 0.0), axes);
    if (found.covariance.empty()) return false;
    const auto root = root_of(found.covariance, n, diagonal_);
    if (!root) return false;
    coordinates_.factor = product(coordinates_.factor, *root, n);
    return true;
  }

  /// Whether the gradient is that of the neighbourhood of a mode, in the present coordinates.
  bool arrived() const {
    const std::vector<double> here(coordinates_.centre.size(), 0.0);
    const auto point = coordinates_.transformed(*target_)(here);
    if (!point) return false;
    for (const double slope : point->gradient) {
      if (std::abs(slope) > near) return false;
    }
    return true;
  }

 private:
  static constexpr double near = 0.3;

  const communication::Communicator* comm_;
  const TargetDensity* target_;
  bool diagonal_;
  Coordinates coordinates_;
};

}  // namespace

PosteriorMode find_mode(const communication::Communicator& comm, const TargetDensity& target,
                        std::vector<double> start, const std::vector<double>& information,
                        bool diagonal) {
  const std::size_t n = start.size();
  const Coordinates before{std::move(start), scale_of(information, n, diagonal)};
  Climb climb(comm, target, diagonal, before);
  double tolerance = mode_tolerance;
  for (int round = 0; round < most_rounds; ++round) {
    climb.climb(tolerance);
    // Where the scale was wrong, what looked flat was not yet a maximum.
    if (!climb.rescale()) {
      tolerance *= tighter;
    } else if (climb.arrived()) {
      return {climb.coordinates(), true, ""};
    }
  }
  return {before, false, "no maximum with second derivatives was found nearby"};
}

}  // namespace kronwerk::models
