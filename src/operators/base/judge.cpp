// See src/MATHEMATICS.md, "Judging a solve".
#include "kronwerk/operators/base/judge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kronwerk/operators/base/random.hpp"

namespace kronwerk::operators {
namespace {

// Refinement that gains anything gains more than this in every step.
constexpr double gain = 0.5;
constexpr Index most_refinements = 20;
// Rounding level: this many units of roundoff, normwise.
constexpr double rounding = 10 * std::numeric_limits<double>::epsilon();
constexpr int power_steps = 10;

}  // namespace

VectorMap map_of(OperatorPtr op) {
  return [op = std::move(op)](std::span<const double> x, std::span<double> y, bool transposed,
                              bool accumulate) {
    if (transposed) {
      op->apply_transposed(x, y, accumulate);
    } else {
      op->apply(x, y, accumulate);
    }
  };
}

std::size_t Verdict::worst_column() const {
  std::size_t worst = 0;
  for (std::size_t c = 1; c < residuals.size(); ++c) {
    if (!(residuals[c] <= residuals[worst]) && !std::isnan(residuals[worst])) worst = c;
  }
  return worst;
}

double Verdict::worst() const {
  return residuals.empty() ? 0 : residuals[worst_column()];
}

std::string Verdict::reason(Index first, Index all) const {
  if (accepted) return {};
  const auto above = std::ranges::count_if(
      residuals, [this](double residual) { return !(residual <= tolerance); });
  std::string text = "the true relative residual";
  if (std::max(all, std::ssize(residuals)) > 1) {
    text += fmt::format(" of right-hand side {}", first + static_cast<Index>(worst_column()));
  }
  text += fmt::format(" is {:.2g}, above {:.2g}", worst(), tolerance);
  if (above > 1) text += fmt::format(" (as are {} more)", above - 1);
  if (refined) {
    text += fmt::format("; {} steps of refinement led no further, and rounding does not explain it",
                        refinements);
  }
  return text;
}

/// Of every column.
struct SolveJudge::Lengths {
  std::vector<double> right;
  std::vector<double> residual;

  double relative(std::size_t c) const {
    return right[c] == 0 && residual[c] == 0 ? 0 : residual[c] / right[c];
  }
  bool fits(std::size_t c, double tolerance) const { return relative(c) <= tolerance; }
  bool fit(double tolerance) const {
    for (std::size_t c = 0; c < right.size(); ++c) {
      if (!fits(c, tolerance)) return false;
    }
    return true;
  }
};

/// b becomes Op x - b.
void SolveJudge::find_residual(std::span<double> b, std::span<const double> x, bool transposed,
                               Lengths& lengths) const {
  for (double& value : b) value = -value;
  system_.product(x, b, transposed, true);
  lengths.residual = system_.columns.norms(b);
}

Verdict SolveJudge::judge(std::span<double> b, std::span<double> x, bool transposed,
                          const RightSides& again) {
  Verdict verdict;
  Lengths lengths;
  lengths.right = system_.columns.norms(b);
  find_residual(b, x, transposed, lengths);
  if (!lengths.fit(system_.tolerance) && system_.inverse) {
    std::vector<double> correction;
    // Every rank learns whether there is room on all.
    communication::collectively(system_.columns.comm(), [&] { correction.resize(b.size()); });
    refine(b, x, correction, transposed, again, lengths, verdict);
    if (!lengths.fit(system_.tolerance)) accept_rounding(b, x, correction, lengths, verdict);
  }
  conclude(lengths, verdict);
  return verdict;
}

/// A correction is taken where it is seen to leave less of the residual; what it leaves in truth is
/// found from b, since the first residual may be as inaccurate as x was.
void SolveJudge::refine(std::span<double> b, std::span<double> x, std::span<double> correction,
                        bool transposed, const RightSides& again, Lengths& lengths,
                        Verdict& verdict) const {
  while (verdict.refinements < most_refinements && !lengths.fit(system_.tolerance)) {
    // The inverse of Op x - b is the error of x.
    system_.inverse(b, correction, transposed, false);
    for (double& value : correction) value = -value;
    system_.product(correction, b, transposed, true);
    const std::vector<double> expected = system_.columns.norms(b);
    std::vector<char> wanted(expected.size(), 0);
    for (std::size_t c = 0; c < expected.size(); ++c) {
      const bool better = expected[c] < gain * lengths.residual[c];
      wanted[c] = !lengths.fits(c, system_.tolerance) && better ? 1 : 0;
    }
    if (std::ranges::find(wanted, 1) == wanted.end()) return;
    system_.columns.add(wanted, correction, x);
    ++verdict.refinements;
    again(b);
    const std::vector<double> before = lengths.residual;
    find_residual(b, x, transposed, lengths);
    bool gained = false;
    for (std::size_t c = 0; c < before.size(); ++c) {
      gained = gained || (wanted[c] != 0 && lengths.residual[c] < gain * before[c]);
    }
    if (!gained) return;
  }
}

/// The blocks b and correction are not needed any more and give the room for the estimates.
void SolveJudge::accept_rounding(std::span<double> b, std::span<const double> x,
                                 std::span<double> correction, const Lengths& lengths,
                                 Verdict& verdict) {
  const std::vector<double> solutions = system_.columns.norms(x);
  const double norm = operator_norm(correction, b);
  RoundingLevel level;
  for (std::size_t c = 0; c < solutions.size(); ++c) {
    if (lengths.fits(c, system_.tolerance)) continue;
    const double scale = norm * solutions[c] + lengths.right[c];
    // Without a right-hand side the solution is zero, and nothing excuses another.
    if (!(lengths.right[c] > 0) || !(lengths.residual[c] <= rounding * scale)) return;
    level.backward_error = std::max(level.backward_error, lengths.residual[c] / scale);
  }
  const double inverse = inverse_norm(correction, b);
  level.condition = norm * inverse;
  for (std::size_t c = 0; c < solutions.size(); ++c) {
    if (!(solutions[c] > 0)) continue;
    level.error = std::max(level.error, inverse * (lengths.residual[c] / solutions[c]));
  }
  verdict.rounding = level;
}

void SolveJudge::conclude(const Lengths& lengths, Verdict& verdict) const {
  for (std::size_t c = 0; c < lengths.right.size(); ++c) {
    verdict.residuals.push_back(lengths.relative(c));
  }
  verdict.tolerance = system_.tolerance;
  verdict.refined = static_cast<bool>(system_.inverse);
  verdict.accepted = lengths.fit(system_.tolerance) || verdict.rounding.has_value();
}

/// The root of the largest eigenvalue of MᵀM, from below.
double SolveJudge::norm_of(const VectorMap& map, std::span<double> v, std::span<double> w) const {
  fill_random(RandomKind::normal, 1, system_.first_entry, v);
  double result = 0;
  double length = system_.columns.norm(v);
  for (int step = 0; step < power_steps; ++step) {
    if (!(length > 0) || !std::isfinite(length)) return result;
    for (double& value : v) value /= length;
    map(v, w, false, false);
    const double image = system_.columns.norm(w);
    if (!(image > 0) || !std::isfinite(image)) return result;
    result = std::max(result, image);
    for (double& value : w) value /= image;
    map(w, v, true, false);
    length = system_.columns.norm(v);
    if (std::isfinite(length)) result = std::max(result, length);
  }
  return result;
}

double SolveJudge::operator_norm(std::span<double> v, std::span<double> w) {
  if (!operator_norm_) operator_norm_ = norm_of(system_.product, v, w);
  return *operator_norm_;
}

double SolveJudge::inverse_norm(std::span<double> v, std::span<double> w) {
  if (!inverse_norm_) inverse_norm_ = norm_of(system_.inverse, v, w);
  return *inverse_norm_;
}

}  // namespace kronwerk::operators
