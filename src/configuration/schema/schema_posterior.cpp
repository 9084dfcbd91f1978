// Declared in configuration/schema/schema_entries.hpp.
#include "configuration/schema/schema_entries.hpp"

namespace kronwerk::configuration {

const char* const prior_texts =
    "`normal(mean, sd)`, `lognormal(mean, sd)` of the logarithm, `gamma(shape, rate)`, "
    "`half_normal(sd)`, `uniform(lower, upper)`, `inverse_gamma(shape, scale)`, "
    "`exponential(rate)` or `student_t(df, mean, scale)`";

std::vector<SchemaEntry> posterior_entries() {
  const std::vector<Task> sampling{Task::posterior};
  return {
      {.path = "posterior",
       .types = map,
       .default_value = "required",
       .tasks = sampling,
       .documentation = "what to sample, and how"},
      {.path = "posterior.parameters",
       .types = map,
       .required = true,
       .tasks = sampling,
       .documentation = "the parameters that vary; the others keep their values. `theta` of the "
                        "family negative_binomial and `sigma2` of gaussian flows are among them"},
      {.path = "posterior.parameters.*",
       .types = map,
       .tasks = sampling,
       .documentation = "one of them; chains begin around its value in `parameters`"},
      {.path = "posterior.parameters.*.lower",
       .types = number,
       .default_value = "0, unless a prior or `upper` allows less; of a flow model none but the "
                        "feasible region",
       .tasks = sampling,
       .documentation = "lower bound"},
      {.path = "posterior.parameters.*.upper",
       .types = number,
       .default_value = "none",
       .tasks = sampling,
       .documentation = "upper bound"},
      {.path = "posterior.parameters.*.prior",
       .types = text,
       .default_value = "flat between the bounds or in the feasible region, else required",
       .tasks = sampling,
       .documentation = prior_texts},
      {.path = "posterior.coefficient_prior",
       .types = text,
       .default_value = "flat",
       .tasks = sampling,
       .documentation = "of every coefficient of the mean, one of these; flat and normal ones are "
                        "integrated out on grids. Not of gaussian flows nor with a `likelihood`, "
                        "whose coefficients are integrated out under a flat one"},
      {.path = "posterior.chains",
       .types = integer,
       .default_value = "4",
       .minimum = 1,
       .maximum = 1000,
       .tasks = sampling,
       .documentation = "chains, each with random numbers of its own"},
      {.path = "posterior.warmup",
       .types = integer,
       .default_value = "1000",
       .minimum = 0,
       .maximum = 100'000'000,
       .tasks = sampling,
       .documentation = "iterations of every chain that adapt the step size and the metric"},
      {.path = "posterior.draws",
       .types = integer,
       .default_value = "1000",
       .minimum = 1,
       .maximum = 100'000'000,
       .tasks = sampling,
       .documentation = "draws of every chain after that"},
      {.path = "posterior.seed",
       .types = integer,
       .default_value = "1",
       .minimum = 0,
       .tasks = sampling,
       .documentation = "of the random numbers"},
      {.path = "posterior.target_acceptance",
       .types = number,
       .default_value = "0.8",
       .minimum = 0,
       .maximum = 1,
       .minimum_excluded = true,
       .tasks = sampling,
       .documentation = "mean acceptance that the step size is adapted to; nearer to 1 for fewer "
                        "divergences"},
      {.path = "posterior.max_depth",
       .types = integer,
       .default_value = "10",
       .minimum = 1,
       .maximum = 30,
       .tasks = sampling,
       .documentation = "trajectories have at most 2^max_depth - 1 steps"},
      {.path = "posterior.metric",
       .types = text,
       .default_value = "dense",
       .choices = {"diagonal", "dense"},
       .tasks = sampling,
       .documentation = "what is adapted to: a variance of every parameter, or their covariance"},
      {.path = "posterior.log_likelihood",
       .types = boolean,
       .default_value = "false",
       .tasks = sampling,
       .documentation =
           "of flows of counts: write the log likelihood of every count at every draw, "
           "`/log_likelihood/flows`"},
  };
}

}  // namespace kronwerk::configuration
