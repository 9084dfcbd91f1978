// Declared in configuration/schema_entries.hpp.
#include "configuration/schema_entries.hpp"

namespace kronwerk::configuration {
namespace {

constexpr const char* prior_texts =
    "`normal(mean, sd)`, `lognormal(mean, sd)` of the logarithm, `gamma(shape, rate)`, "
    "`half_normal(sd)`, `uniform(lower, upper)`, `inverse_gamma(shape, scale)`, "
    "`exponential(rate)` or `student_t(df, mean, scale)`";

}  // namespace

std::vector<SchemaEntry> observation_entries() {
  const std::vector<Task> observing{Task::logpdf, Task::predict, Task::fit};
  std::vector<SchemaEntry> entries{
      {.path = "covariance",
       .types = text,
       .default_value = "required",
       .tasks = gaussian_tasks(),
       .documentation = "the covariance formula, quoted: Kronecker products plus noise, a multiple "
                        "of I or a Kronecker product of diagonals"},
      {.path = "mean",
       .types = number | text | map,
       .default_value = "0",
       .tasks = gaussian_tasks(),
       .documentation = "a number, the name of a parameter, or a regression"},
      {.path = "mean.columns",
       .types = list,
       .required = true,
       .tasks = gaussian_tasks(),
       .documentation = "the columns X of a mean Xβ, estimated by generalised least squares"},
      {.path = "mean.columns[]",
       .types = text,
       .tasks = gaussian_tasks(),
       .documentation =
           "one column, such as \"kron(1, trend)\": a vector or 1 for each mode; of a flow model "
           "also "
           "products such as \"kron(1, W*pop)\", \"diagonal(1)\" and \"grid(distance)\", and the "
           "fixed effects \"origin\" and \"destination\""},
      {.path = "mean.coefficients",
       .types = list,
       .tasks = {Task::sample, Task::predict, Task::effects},
       .documentation = "β, one for each column; of a flow model also for `predict` and `effects`, "
                        "and if not given those of `parameters.file`"},
      {.path = "mean.coefficients[]",
       .types = number,
       .tasks = {Task::sample, Task::predict, Task::effects},
       .documentation = "one coefficient"},
      {.path = "mean.per_observation",
       .types = boolean,
       .default_value = "false",
       .tasks = observing,
       .documentation = "every observation has a β of its own; otherwise they share one"},
      {.path = "observations",
       .types = map,
       .default_value = "required",
       .tasks = observing,
       .documentation = "what was observed on the grid, once or several times"}};
  add_dataset(entries, "observations", observing, "the observations");
  entries.push_back({.path = "observations.transform",
                     .types = text,
                     .default_value = "none",
                     .choices = {"none", "log1p", "log", "sqrt", "square", "exp"},
                     .tasks = observing,
                     .documentation = "applied to every value after reading"});
  entries.push_back({.path = "observations.missing",
                     .types = text,
                     .default_value = "refused",
                     .choices = {"refused", "nan"},
                     .tasks = observing,
                     .documentation = "`nan`: cells that are NaN were not observed"});
  entries.push_back({.path = "observations.mask",
                     .types = map,
                     .tasks = observing,
                     .documentation = "cells that are not 0 here were observed, the others not"});
  add_dataset(entries, "observations.mask", observing, "the mask");
  return entries;
}

std::vector<SchemaEntry> prediction_entries() {
  const std::vector<Task> drawing{Task::sample};
  const std::vector<Task> predicting{Task::predict};
  return {
      {.path = "draws",
       .types = integer,
       .default_value = "1 for `sample`, else 0",
       .minimum = 0,
       .tasks = {Task::sample, Task::predict, Task::effects},
       .documentation = "draws from the model, or jointly from the posterior at the new points; of "
                        "`effects` from the estimates' covariance, for standard errors"},
      {.path = "seed",
       .types = integer,
       .default_value = "1",
       .minimum = 0,
       .tasks = {Task::sample, Task::predict, Task::effects},
       .documentation = "of the draws; the same draws for every np"},
      {.path = "new_points",
       .types = map,
       .tasks = predicting,
       .documentation = "where to predict; modes not named here stay at the observed points"},
      {.path = "new_points.*",
       .types = map,
       .tasks = predicting,
       .documentation = "new points of the kernel of this name"},
      {.path = "new_points.*.file",
       .types = text,
       .required = true,
       .tasks = predicting,
       .documentation = "HDF5 file of the points, relative to the configuration file"},
      {.path = "new_points.*.dataset",
       .types = text,
       .required = true,
       .tasks = predicting,
       .documentation = "dataset of shape (n,) or (n, dimension)"},
      {.path = "new_points.*.columns",
       .types = map,
       .tasks = predicting,
       .documentation = "the mean's vectors along the modes of this kernel, by their names"},
      {.path = "new_points.*.columns.*",
       .types = map,
       .tasks = predicting,
       .documentation = "the values of one of them at the new points"},
      {.path = "new_points.*.columns.*.file",
       .types = text,
       .required = true,
       .tasks = predicting,
       .documentation = "HDF5 file of the values, relative to the configuration file"},
      {.path = "new_points.*.columns.*.dataset",
       .types = text,
       .required = true,
       .tasks = predicting,
       .documentation = "dataset of shape (n,), a value for each new point"},
      {.path = "variance",
       .types = boolean,
       .default_value = "true",
       .tasks = predicting,
       .documentation = "also the variance at every new point"},
      {.path = "noise",
       .types = boolean,
       .default_value = "false",
       .tasks = predicting,
       .documentation = "predict observations: the variance (and draws) include the noise"},
      {.path = "factored_covariance",
       .types = boolean,
       .default_value = "false",
       .tasks = predicting,
       .documentation = "also the covariance between the new points, as factors below "
                        "`/covariance`"},
  };
}

std::vector<SchemaEntry> fit_entries() {
  const std::vector<Task> fitting{Task::fit};
  return {
      {.path = "fit",
       .types = map,
       .default_value = "required",
       .tasks = fitting,
       .documentation = "what to estimate, and how"},
      {.path = "fit.parameters",
       .types = map,
       .required = true,
       .tasks = fitting,
       .documentation = "the parameters to estimate; the others keep their values"},
      {.path = "fit.parameters.*",
       .types = map,
       .tasks = fitting,
       .documentation = "one of them; it starts at its value in `parameters`"},
      {.path = "fit.parameters.*.lower",
       .types = number,
       .default_value = "0, unless a prior or `upper` allows less; of a flow model none but the "
                        "feasible region",
       .tasks = fitting,
       .documentation = "lower bound"},
      {.path = "fit.parameters.*.upper",
       .types = number,
       .default_value = "none",
       .tasks = fitting,
       .documentation = "upper bound"},
      {.path = "fit.parameters.*.prior",
       .types = text,
       .default_value = "none",
       .tasks = fitting,
       .documentation = prior_texts},
      {.path = "fit.method",
       .types = text,
       .default_value = "`newton` up to 60 variables",
       .choices = {"newton", "quasi_newton"},
       .tasks = fitting,
       .documentation = "of counts of flows: by second derivatives, or by gradients alone, which "
                        "keeps nothing of the columns"},
      {.path = "fit.starts",
       .types = integer,
       .default_value = "1",
       .minimum = 1,
       .maximum = 1000,
       .tasks = fitting,
       .documentation = "starting points; the first is `parameters`, the others are random"},
      {.path = "fit.seed",
       .types = integer,
       .default_value = "1",
       .minimum = 0,
       .tasks = fitting,
       .documentation = "of the random starts"},
      {.path = "fit.tolerance",
       .types = number,
       .default_value = "1e-3",
       .minimum = 0,
       .minimum_excluded = true,
       .tasks = fitting,
       .documentation = "largest entry of the gradient, in the transformed parameters, at which a "
                        "start has converged; of a flow model the distance to the maximum in "
                        "standard errors (1e-6)"},
      {.path = "fit.max_iterations",
       .types = integer,
       .default_value = "200",
       .minimum = 1,
       .maximum = 1'000'000,
       .tasks = fitting,
       .documentation = "of each start"},
      {.path = "fit.standard_errors",
       .types = boolean,
       .default_value = "true",
       .tasks = fitting,
       .documentation = "from the observed information"},
  };
}

}  // namespace kronwerk::configuration
