#pragma once

#include <cstdint>
#include <string>

#include "kronwerk/core/extents.hpp"
#include "kronwerk/formulas/source.hpp"

namespace kronwerk::models {

using core::Index;

/// A prior density of one parameter.
///
/// | text                   | density of x, up to a factor                  | support  |
/// |------------------------|-----------------------------------------------|----------|
/// | normal(mean, sd)       | exp(-(x - mean)² / (2 sd²))                   | all      |
/// | lognormal(mean, sd)    | exp(-(log x - mean)² / (2 sd²)) / x           | x > 0    |
/// | gamma(shape, rate)     | x^(shape - 1) exp(-rate x)                    | x > 0    |
/// | half_normal(sd)        | exp(-x² / (2 sd²))                            | x ≥ 0    |
/// | uniform(lower, upper)  | 1                                             | [lower, upper] |
/// | inverse_gamma(shape, scale) | x^(-shape - 1) exp(-scale / x)           | x > 0    |
/// | exponential(rate)      | exp(-rate x)                                  | x ≥ 0    |
/// | student_t(df, mean, scale) | (1 + z²/df)^(-(df + 1)/2), z = (x - mean)/scale | all |
class Prior {
 public:
  enum class Kind {
    normal,
    lognormal,
    gamma,
    half_normal,
    uniform,
    inverse_gamma,
    exponential,
    student_t
  };

  /// @param second, third  ignored by those with fewer arguments
  /// @throws ConfigurationError for arguments that are not finite, a standard deviation, shape,
  /// rate or scale that is not positive, and an empty interval
  Prior(Kind kind, double first, double second = 0, double third = 0);
  /// "lognormal(0, 0.5)". @throws ConfigurationError with the place under a caret
  static Prior parse(const formulas::Source& source);

  Kind kind() const noexcept { return kind_; }
  /// The arguments, in the order of the text.
  double first() const noexcept { return first_; }
  double second() const noexcept { return second_; }
  /// Log of the normalised density; -∞ outside the support.
  double log_density(double x) const;
  /// d log_density / dx; 0 outside the support.
  double derivative(double x) const;
  /// d² log_density / dx²; 0 outside the support.
  double second_derivative(double x) const;
  /// Ends of the support; infinite where there is none.
  double lower() const;
  double upper() const;
  bool contains(double x) const;
  /// Half the width of where most of the mass is: a standard deviation, or half the interval.
  double spread() const;
  /// Number `draw` of the counter-based sequence `seed`: the same on every rank.
  double sample(std::uint64_t seed, Index draw) const;
  /// "lognormal(0, 0.5)"
  std::string to_text() const;

 private:
  double standardised(double x) const;  ///< of student_t

  Kind kind_;
  double first_;
  double second_;
  double third_;
};

}  // namespace kronwerk::models
