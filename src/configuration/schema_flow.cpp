#include "configuration/schema_entries.hpp"

namespace kronwerk::configuration {

std::vector<SchemaEntry> flow_entries() {
  const std::vector<Task> fitting{Task::fit};
  return {
      {.path = "filter",
       .types = text,
       .tasks = fitting,
       .documentation =
           "instead of `covariance`: the filter A of a flow model, quoted; an operator "
           "formula over origins and destinations with unknown parameters"},
      {.path = "family",
       .types = text,
       .default_value = "gaussian",
       .choices = {"gaussian", "poisson", "negative_binomial"},
       .tasks = fitting,
       .documentation = "of a flow model"},
      {.path = "acts_on",
       .types = text,
       .default_value = "response",
       .choices = {"response", "errors"},
       .tasks = fitting,
       .documentation = "of a flow model: A y = Zδ + ε, or A (y - Zδ) = ε"},
      {.path = "exposure",
       .types = map,
       .tasks = fitting,
       .documentation = "of counts: their mean is exposure · exp(η), A η = Zδ"},
      {.path = "exposure.file",
       .types = text,
       .tasks = fitting,
       .documentation = "HDF5 file of the exposures, relative to the configuration file"},
      {.path = "exposure.dataset",
       .types = text,
       .tasks = fitting,
       .documentation = "dataset of the exposures"},
      {.path = "jacobian",
       .types = boolean,
       .default_value = "false",
       .tasks = fitting,
       .documentation = "of a flow model: `/log_likelihood` is of the observations before their "
                        "transform"},
  };
}

}  // namespace kronwerk::configuration
