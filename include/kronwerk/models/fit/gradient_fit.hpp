#pragma once

#include "kronwerk/models/fit/newton_fit.hpp"

namespace kronwerk::models {

/// Where a quasi-Newton fit begins, and in which coordinates it goes on.
struct GradientBeginning {
  std::vector<double> x;
  /// (n, n): about minus the Hessian there, positive definite. Variables become uncorrelated in it,
  /// with unit variances.
  std::vector<double> metric;
};

struct GradientFitSettings : NewtonFitSettings {
  /// In place of `beginning`; the metric of start 0 serves all.
  std::function<GradientBeginning(Index start, Index attempt)> gradient_beginning;
  /// The first variables that have bounds, [lower, upper]: none of them is mixed with others.
  std::vector<std::pair<double, double>> bounds;
};

/// Maximises from several starts by what gradients tell (PETSc's TAO, as models::fit): for many
/// variables, where a Hessian costs more than iterations. The tolerance is for the largest entry of
/// the gradient in the coordinates of the metric, so that it means about what Newton's does. States
/// are in these coordinates, and go on with the numbers of a run that was never stopped.
/// Collective.
/// @param function  its Hessian is not used; only asked where the constraints hold
/// @throws what fit_by_newton throws
NewtonFitResult fit_by_gradient(const communication::Communicator& comm,
                                const NewtonFunction& function,
                                const ConstraintFunction& constraints,
                                const std::vector<std::string>& names,
                                const GradientFitSettings& settings);

}  // namespace kronwerk::models
