#pragma once

#include <functional>
#include <string>
#include <vector>

#include "application/flow/flow_job.hpp"
#include "kronwerk/models/fit/gradient_fit.hpp"
#include "kronwerk/models/flow_determinants/filter_constraints.hpp"

namespace kronwerk::application {

/// What a fit of a flow model maximises.
struct FlowLikelihood {
  std::vector<std::string> variables;  ///< the filter's parameters first
  /// The log likelihood; asked only within the constraints. Collective.
  models::NewtonFunction evaluate;
  /// The variables where a start begins, from the filter's parameters there. Collective.
  std::function<std::vector<double>(const std::vector<double>& parameters)> begin;
  /// The same by gradients alone (fits_by_gradients), for models that have that. Collective.
  models::NewtonFunction gradient{};
  std::function<models::GradientBeginning(const std::vector<double>& parameters)> begin_plainly{};
};

/// The likelihood with the priors, maximised from every start: the table of iterations, and the
/// checkpoint, from which it goes on if there is one. Collective.
/// @throws what models::fit_by_newton throws
models::NewtonFitResult maximise(FlowContext& context, const FlowLikelihood& likelihood,
                                 const models::FilterConstraints& constraints);

/// /objective, /history and /starts. Collective.
void write_course(FlowContext& context, const models::NewtonFitResult& fit);

/// /log_likelihood, /aic and /bic. Collective.
/// @param free   how many numbers were estimated beside fixed effects
/// @param cells  how many observations there are
void write_criteria(FlowContext& context, double log_likelihood, std::size_t free, Index cells);

/// Warns of estimates on the border of the feasible region, and marks the report.
void report_border(FlowContext& context, const std::vector<std::string>& at_border);

/// How the fit ended, as attributes of the report.
/// @param method    in words
/// @param rejected  why something besides was not accepted; empty if all was
/// @return why the job did not converge; empty if it did
std::string report_end(FlowContext& context, const models::NewtonFitResult& fit,
                       const std::string& method, const std::string& rejected);

}  // namespace kronwerk::application
