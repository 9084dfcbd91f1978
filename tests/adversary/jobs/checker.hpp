#pragma once

// Comparisons with bounds; what is wrong is collected in words.

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <vector>

#include "adversary/jobs/job.hpp"

namespace kronwerk::adversary {

/// A modest multiple of the rounding error that a bound of first order gives: for the accumulation
/// over terms and for regrouping.
inline constexpr Real slack = 300;
/// Beyond these, numbers over- and underflow in double precision somewhere on the way.
inline constexpr Real largest = 1e290L;
inline constexpr Real smallest = 1e-290L;

class Checker {
 public:
  void complain(const std::string& what) {
    if (complaints_.size() < 6) complaints_.push_back(what);
  }

  /// ‖found - expected‖ <= bound.
  /// @param scale  what the numbers are measured by: a bound near it makes the comparison vague
  void near(const std::string& what, const Vector& found, const Vector& expected, Real bound,
            Real scale) {
    if (found.size() == expected.size() && scale > 0 && bound > 0.1L * scale) vague_ = true;
    compare(what, found, expected, bound);
  }
  void near(const std::string& what, const Vector& found, const Vector& expected, Real bound) {
    near(what, found, expected, bound, expected.norm());
  }
  void near(const std::string& what, const Vector& found, Real expected, Real bound) {
    near(what, found, Vector::Constant(1, expected), bound, std::abs(expected));
  }
  /// A number with |found - expected| <= bound, which means something whatever it is.
  void within(const std::string& what, Real found, Real expected, Real bound) {
    compare(what, Vector::Constant(1, found), Vector::Constant(1, expected), bound);
  }

  bool clean() const { return complaints_.empty(); }

  Judgement judgement() const {
    if (complaints_.empty()) return {vague_ ? Verdict::vague : Verdict::right, ""};
    return {Verdict::wrong, fmt::format("{}", fmt::join(complaints_, "\n  "))};
  }

 private:
  void compare(const std::string& what, const Vector& found, const Vector& expected, Real bound) {
    if (found.size() != expected.size()) {
      return complain(
          fmt::format("{} has {} values; expected {}", what, found.size(), expected.size()));
    }
    if (!std::isfinite(bound) || !expected.allFinite() || bound > largest ||
        expected.norm() > largest) {
      vague_ = true;
      return;
    }
    const Real error = (found - expected).norm();
    if (error <= bound + smallest) return;
    Index worst = 0;
    (found - expected).cwiseAbs().maxCoeff(&worst);
    complain(fmt::format(
        "{}: error {:.3e}, allowed {:.3e}, norm {:.3e}; entry {} is {:.17g}, expected {:.17g}",
        what, error, bound, expected.norm(), worst, found(worst), expected(worst)));
  }

  std::vector<std::string> complaints_;
  bool vague_ = false;
};

}  // namespace kronwerk::adversary
