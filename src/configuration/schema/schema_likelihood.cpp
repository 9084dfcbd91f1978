// Declared in configuration/schema/schema_entries.hpp.
#include "configuration/schema/schema_entries.hpp"

namespace kronwerk::configuration {

std::vector<SchemaEntry> likelihood_entries() {
  const std::vector<Task> tasks{Task::logpdf, Task::sample, Task::predict, Task::fit,
                                Task::posterior};
  const std::vector<Task> predicting{Task::predict};
  std::vector<SchemaEntry> entries{
      {.path = "likelihood",
       .types = map,
       .tasks = tasks,
       .documentation = "observations that are not Gaussian, given the field: `covariance` and "
                        "`mean` are those of a latent field f, by Laplace's method"},
      {.path = "likelihood.family",
       .types = text,
       .required = true,
       .choices = {"poisson", "negative_binomial", "binomial", "bernoulli"},
       .tasks = tasks,
       .documentation = "counts with the mean exposure · exp(f); or of trials, with the "
                        "probability 1 / (1 + exp(-f))"},
      {.path = "likelihood.exposure",
       .types = number | map,
       .default_value = "1",
       .tasks = tasks,
       .documentation = "of counts, positive: a number, or a dataset of the grid"}};
  add_dataset(entries, "likelihood.exposure", tasks, "the exposures");
  entries.push_back({.path = "likelihood.trials",
                     .types = number | map,
                     .default_value = "required for binomial",
                     .tasks = tasks,
                     .documentation = "of binomial counts: a number, or a dataset of the grid"});
  add_dataset(entries, "likelihood.trials", tasks, "the trials");
  entries.push_back({.path = "likelihood.theta",
                     .types = number | text,
                     .default_value = "required for negative_binomial",
                     .tasks = tasks,
                     .documentation = "of negative binomial counts, whose variance is λ + λ²/θ: a "
                                      "number, or the name of a parameter"});
  entries.push_back({.path = "likelihood.quantiles",
                     .types = list,
                     .default_value = "[]",
                     .tasks = predicting,
                     .documentation = "of the observations that are predicted"});
  entries.push_back({.path = "likelihood.quantiles[]",
                     .types = number,
                     .minimum = 0,
                     .maximum = 1,
                     .minimum_excluded = true,
                     .tasks = predicting,
                     .documentation = "a probability below 1"});
  return entries;
}

}  // namespace kronwerk::configuration
