#pragma once

namespace kronwerk::models {

enum class CountFamily {
  poisson,
  negative_binomial,  ///< variance λ + λ²/θ
};

/// log p(y | λ = exp(η)) + log y! and its derivatives by η and by log θ.
struct CountTerms {
  double value = 0;
  double score = 0;      ///< ∂/∂η
  double weight = 0;     ///< -∂²/∂η²
  double by_theta = 0;   ///< ∂/∂log θ
  double by_theta2 = 0;  ///< ∂²/∂(log θ)²
  double by_both = 0;    ///< ∂²/∂η∂log θ
};

/// Of the Poisson distribution; y ≥ 0. Local.
CountTerms poisson_terms(double y, double eta);

/// Of the negative binomial distribution with mean λ and variance λ + λ²/θ (Cameron and Trivedi
/// 2013, equation 3.26), without cancellation for large θ. Local.
CountTerms negative_binomial_terms(double y, double eta, double theta);

}  // namespace kronwerk::models
