#pragma once

#include <string>

namespace kronwerk::models {

/// Distributions of what is observed in a cell, given the latent field f there.
///
/// | family            | mean                  | variance  | size      |
/// |-------------------|-----------------------|-----------|-----------|
/// | poisson           | λ = size · exp(f)     | λ         | exposure  |
/// | negative_binomial | λ = size · exp(f)     | λ + λ²/θ  | exposure  |
/// | binomial          | size · p, p = 1 / (1 + exp(−f)) | size · p (1 − p) | trials |
/// | bernoulli         | p                     | p (1 − p) | 1         |
enum class CellFamily { poisson, negative_binomial, binomial, bernoulli };
std::string to_text(CellFamily family);
/// Whether the mean is exp(f) times an exposure; else f is a logit.
bool has_log_link(CellFamily family);

/// log p(y | f) of one cell, normalised, and its derivatives by f. Concave in every family:
/// weight ≥ 0.
struct CellTerms {
  double value = 0;
  double score = 0;      ///< ∂/∂f
  double weight = 0;     ///< −∂²/∂f²
  double steepness = 0;  ///< (∂³/∂f³) / weight, bounded where the weight underflows
};

/// The distribution of cells, with the parameter that they share.
struct CellLikelihood {
  CellFamily family = CellFamily::poisson;
  double theta = 1;  ///< of the negative binomial

  /// Local. @param size  exposure or trials
  CellTerms terms(double y, double size, double f) const;

  /// Derivatives by θ of the value, the score and the logarithm of the weight (negative binomial;
  /// zero in other families). Local.
  struct ByTheta {
    double value = 0;
    double score = 0;
    double log_weight = 0;
  };
  ByTheta by_theta(double y, double size, double f) const;

  /// Where f would have to be for the mean to be about y: finite for every y. Local.
  double link(double y, double size) const;
  /// Mean and variance of y given f. Local.
  double mean(double size, double f) const;
  double variance(double size, double f) const;
};

}  // namespace kronwerk::models
