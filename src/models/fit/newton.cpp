#include "kronwerk/models/fit/newton.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "models/fit/small_dense.hpp"

namespace kronwerk::models {
namespace {

constexpr Index most_halvings = 40;
// Of a step, at which the function must have grown by this part of what its slope promises.
constexpr double sufficient = 1e-4;
// Points between the ends of a step at which constraints that are not linear are looked at.
constexpr int points_between = 8;
// Distance at which a function that cannot be told to grow is at its maximum up to rounding.
constexpr double rounding_distance = 1e-3;
// A constraint this far below zero is on its bound, up to rounding.
constexpr double slack = 1e-12;
// Corrections of a step that ends beyond constraints that bend, or are missed by rounding.
constexpr int most_corrections = 8;
// Of the function's size: what of its growth is rounding.
constexpr double value_rounding = 1e-13;
// Of a step: so little of it is taken where the function is not what its derivatives say.
constexpr double small_part = 1.0 / 16;

/// max gᵀd - ½ dᵀBd where a + J d ≥ 0, a ≥ 0.
class QuadraticProblem {
 public:
  QuadraticProblem(std::span<const double> gradient, std::span<const double> matrix,
                   const SmallCholesky& inverse, const NewtonConstraints& constraints)
      : n_(gradient.size()),
        gradient_(gradient),
        matrix_(matrix),
        inverse_(inverse),
        constraints_(constraints),
        step_(n_, 0.0) {}

  void solve() {
    const std::size_t most = 20 * (n_ + constraints_.values.size() + 1);
    for (std::size_t i = 0; i < most; ++i) {
      const auto direction = find_direction();
      const auto [length, blocking] = longest(direction);
      for (std::size_t k = 0; k < n_; ++k) step_[k] += length * direction[k];
      if (blocking) {
        working_.push_back(*blocking);
      } else if (!drop_one()) {
        return;
      }
    }
  }

  /// The step, moved back to where the working constraints hold by what they miss at its end.
  std::vector<double> corrected(const ConstraintFunction& constraints,
                                std::span<const double> x) const {
    std::vector<double> step = step_;
    if (working_.empty()) return step;
    const Responses responses = respond();
    if (responses.factor.dependent()) return step;
    for (int i = 0; i < most_corrections; ++i) {
      std::vector<double> end(x.begin(), x.end());
      for (std::size_t k = 0; k < n_; ++k) end[k] += step[k];
      const auto values = constraints(end).values;
      std::vector<double> missed;
      double worst = 0;
      for (const std::size_t r : working_) {
        missed.push_back(values[r]);
        worst = std::max(worst, std::abs(values[r]));
      }
      if (!(worst > slack / 10)) break;
      responses.factor.solve(missed);
      for (std::size_t a = 0; a < missed.size(); ++a) {
        for (std::size_t k = 0; k < n_; ++k) step[k] -= missed[a] * responses.images[a][k];
      }
    }
    return step;
  }

  const std::vector<double>& step() const { return step_; }
  const std::vector<std::size_t>& working() const { return working_; }

 private:
  std::span<const double> row(std::size_t r) const {
    return std::span(constraints_.jacobian).subspan(r * n_, n_);
  }

  struct Responses {
    std::vector<std::vector<double>> images;  ///< B⁻¹ Jᵀ of the working constraints
    SmallCholesky factor;                     ///< of J B⁻¹ Jᵀ
  };
  Responses respond() const {
    const std::size_t m = working_.size();
    std::vector<std::vector<double>> images;
    for (const std::size_t r : working_) {
      const auto gradient = row(r);
      images.push_back(inverse_.solved({gradient.begin(), gradient.end()}));
    }
    std::vector<double> schur(m * m);
    for (std::size_t a = 0; a < m; ++a) {
      for (std::size_t b = 0; b < m; ++b) schur[a * m + b] = inner(row(working_[a]), images[b]);
    }
    return {std::move(images), SmallCholesky(schur, m, 1e-14)};
  }

  /// To the maximum where the working constraints stay as they are; sets their multipliers.
  std::vector<double> find_direction() {
    std::vector<double> direction = multiply(matrix_, step_);
    for (std::size_t k = 0; k < n_; ++k) direction[k] = gradient_[k] - direction[k];
    inverse_.solve(direction);
    multipliers_.assign(working_.size(), 0.0);
    if (working_.empty()) return direction;
    const std::size_t m = working_.size();
    const Responses responses = respond();
    for (std::size_t a = 0; a < m; ++a) multipliers_[a] = -inner(row(working_[a]), direction);
    if (responses.factor.dependent()) {  // the newest repeats the others
      working_.pop_back();
      return find_direction();
    }
    responses.factor.solve(multipliers_);
    for (std::size_t a = 0; a < m; ++a) {
      for (std::size_t k = 0; k < n_; ++k) {
        direction[k] += multipliers_[a] * responses.images[a][k];
      }
    }
    return direction;
  }

  std::pair<double, std::optional<std::size_t>> longest(std::span<const double> direction) const {
    double length = 1;
    std::optional<std::size_t> blocking;
    for (std::size_t r = 0; r < constraints_.values.size(); ++r) {
      if (std::ranges::find(working_, r) != working_.end()) continue;
      const double slope = inner(row(r), direction);
      if (!(slope < 0)) continue;
      const double room = std::max(0.0, constraints_.values[r] + inner(row(r), step_));
      if (room < -slope * length) {
        length = room / -slope;
        blocking = r;
      }
    }
    return {length, blocking};
  }

  /// Lets go of the constraint that holds the step back most.
  bool drop_one() {
    const auto least = std::ranges::min_element(multipliers_);
    if (least == multipliers_.end() || *least >= 0) return false;
    working_.erase(working_.begin() + (least - multipliers_.begin()));
    return true;
  }

  std::size_t n_;
  std::span<const double> gradient_;
  std::span<const double> matrix_;
  const SmallCholesky& inverse_;
  const NewtonConstraints& constraints_;
  std::vector<double> step_;
  std::vector<std::size_t> working_;
  std::vector<double> multipliers_;
};

/// Minus the Hessian, with enough on its diagonal to be positive definite.
std::vector<double> curvature(const NewtonPoint& point) {
  const std::size_t n = point.x.size();
  std::vector<double> matrix(n * n);
  double largest = std::numeric_limits<double>::min();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      matrix[i * n + j] = -0.5 * (point.hessian[i * n + j] + point.hessian[j * n + i]);
    }
    largest = std::max(largest, std::abs(matrix[i * n + i]));
  }
  double shift = 0;
  std::vector<double> shifted = matrix;
  while (SmallCholesky(shifted, n, 1e-13).dependent()) {
    shift = shift == 0 ? 1e-3 : 4 * shift;
    shifted = matrix;
    for (std::size_t i = 0; i < n; ++i) {
      shifted[i * n + i] += shift * std::max(std::abs(matrix[i * n + i]), 1e-3 * largest);
    }
  }
  return shifted;
}

std::vector<double> moved(std::span<const double> x, std::span<const double> step, double part) {
  std::vector<double> result(x.begin(), x.end());
  for (std::size_t i = 0; i < result.size(); ++i) result[i] += part * step[i];
  return result;
}

bool holds(const NewtonConstraints& constraints) {
  return std::ranges::all_of(constraints.values, [](double value) { return value >= -slack; });
}

bool within(const ConstraintFunction& constraints, std::span<const double> x,
            std::span<const double> step, double part, bool linear) {
  if (!holds(constraints(moved(x, step, part)))) return false;
  for (int i = 1; !linear && i < points_between; ++i) {
    if (!holds(constraints(moved(x, step, part * i / points_between)))) return false;
  }
  return true;
}

}  // namespace

NewtonOutcome maximise(const NewtonFunction& function, const ConstraintFunction& constraints,
                       const NewtonPoint& start, const NewtonSettings& settings) {
  NewtonOutcome outcome{start, 0, {}, false, 0, ""};
  double length = 0;
  for (;; ++outcome.iterations) {
    NewtonPoint& point = outcome.point;
    NewtonConstraints limits = constraints(point.x);
    const auto matrix = curvature(point);
    const SmallCholesky inverse(matrix, point.x.size(), 0);
    QuadraticProblem problem(point.gradient, matrix, inverse, limits);
    problem.solve();
    const double before = outcome.distance;
    std::vector<double> step = problem.step();
    outcome.distance = std::sqrt(std::max(0.0, inner(step, multiply(matrix, step))));
    outcome.active.assign(limits.values.size(), 0);
    for (const std::size_t r : problem.working()) {
      outcome.active[r] = limits.values[r] <= slack ? 1 : 0;
    }
    if (settings.on_iteration) settings.on_iteration(point, outcome.distance, length);
    if (outcome.distance <= settings.tolerance) {
      outcome.converged = true;
      outcome.reason = "the distance to the maximum is below the tolerance";
      return outcome;
    }
    if (outcome.iterations >= settings.max_iterations) {
      outcome.reason = "the iterations allowed were not enough";
      return outcome;
    }
    // Where growth is lost in the function's rounding, steps are taken while they shrink.
    const double blur = value_rounding * std::abs(point.value);
    const bool blurred = inner(point.gradient, step) <= blur;
    if (blurred && outcome.iterations > 0 && outcome.distance > before / 2 &&
        outcome.distance <= rounding_distance) {
      outcome.converged = true;
      outcome.reason = "the function does not grow beyond its rounding";
      return outcome;
    }
    step = problem.corrected(constraints, point.x);
    const double slope = inner(point.gradient, step);
    std::optional<NewtonPoint> next;
    double part = 1;
    for (Index halving = 0; halving < most_halvings && !next; ++halving, part /= 2) {
      if (!within(constraints, point.x, step, part, settings.linear_constraints)) continue;
      next = function(moved(point.x, step, part));
      const double least = point.value + (blurred ? -blur : sufficient * part * slope);
      if (next && !(next->value >= least)) next.reset();
    }
    if (!next) {
      outcome.converged = outcome.distance <= rounding_distance;
      outcome.reason = "no step along the Newton direction makes the function grow";
      return outcome;
    }
    // Where the function is not what its derivatives say, parts of steps or whole ones, which do
    // not shrink, lead nowhere. 2 part is what the loop left behind.
    const bool useless = next->value - point.value <= 10 * blur;
    const bool stays = outcome.iterations > 0 && outcome.distance > before / 2;
    if (useless && (stays || 2 * part <= small_part) && outcome.distance <= rounding_distance) {
      outcome.converged = true;
      outcome.reason = "the function does not grow beyond its rounding";
      return outcome;
    }
    length = 0;
    for (std::size_t i = 0; i < step.size(); ++i) {
      length = std::max(length, std::abs(next->x[i] - point.x[i]));
    }
    point = std::move(*next);
  }
}

}  // namespace kronwerk::models
