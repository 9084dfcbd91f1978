#pragma once

#include "kronwerk/models/laplace/cell_likelihood.hpp"

namespace kronwerk::models {

/// What will be observed in a cell whose field is N(mean, variance). All local.
struct CellMoments {
  double mean = 0;
  double variance = 0;
};
/// Mean and variance of y: closed forms with a log link, else by quadrature.
/// @param size  exposure or trials
CellMoments predicted_moments(const CellLikelihood& likelihood, double size, double mean,
                              double variance);

/// The smallest count whose probability and that of all smaller ones is at least `level`, within
/// (0, 1); by quadrature over the field to some 1e-6 of the probability.
double predicted_quantile(const CellLikelihood& likelihood, double size, double mean,
                          double variance, double level);

/// P(y ≤ count | f).
double cumulative(const CellLikelihood& likelihood, double size, double f, double count);

}  // namespace kronwerk::models
