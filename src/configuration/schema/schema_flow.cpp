#include "configuration/schema/schema_entries.hpp"

namespace kronwerk::configuration {

std::vector<SchemaEntry> flow_entries() {
  const std::vector<Task> fitting{Task::fit};
  const std::vector<Task> all{Task::sample, Task::predict, Task::fit, Task::posterior,
                              Task::effects};
  return {
      {.path = "filter",
       .types = text,
       .tasks = all,
       .documentation =
           "instead of `covariance`: the filter A of a flow model, quoted; an operator "
           "formula over origins and destinations with unknown parameters"},
      {.path = "family",
       .types = text,
       .default_value = "gaussian",
       .choices = {"gaussian", "poisson", "negative_binomial"},
       .tasks = all,
       .documentation = "of a flow model"},
      {.path = "acts_on",
       .types = text,
       .default_value = "response",
       .choices = {"response", "errors"},
       .tasks = all,
       .documentation = "of a flow model: A y = Zδ + ε, or A (y - Zδ) = ε"},
      {.path = "exposure",
       .types = map,
       .tasks = all,
       .documentation = "of counts: their mean is exposure · exp(η), A η = Zδ"},
      {.path = "exposure.file",
       .types = text,
       .tasks = all,
       .documentation = "HDF5 file of the exposures, relative to the configuration file"},
      {.path = "exposure.dataset",
       .types = text,
       .tasks = all,
       .documentation = "dataset of the exposures"},
      {.path = "sigma2",
       .types = number,
       .default_value = "that of `parameters.file`",
       .minimum = 0,
       .minimum_excluded = true,
       .tasks = {Task::sample},
       .documentation = "of a gaussian flow model: the variance of ε"},
      {.path = "theta",
       .types = number,
       .default_value = "that of `parameters.file`",
       .minimum = 0,
       .minimum_excluded = true,
       .tasks = {Task::sample},
       .documentation = "of negative binomial flows: their variance is λ + λ²/θ"},
      {.path = "attribute",
       .types = text,
       .default_value = "required",
       .tasks = {Task::effects},
       .documentation = "the vector in the columns of the mean whose effects are asked"},
      {.path = "on",
       .types = text,
       .default_value = "linear_predictor",
       .choices = {"linear_predictor", "mean"},
       .tasks = {Task::effects},
       .documentation = "of counts: effects on η, or on their means exposure · exp(η)"},
      {.path = "jacobian",
       .types = boolean,
       .default_value = "false",
       .tasks = {Task::logpdf, Task::fit},
       .documentation =
           "the log density, of a flow model `/log_likelihood`, is of the observations "
           "before their transform"},
  };
}

}  // namespace kronwerk::configuration
