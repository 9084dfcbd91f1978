// Declared in configuration/schema/schema_entries.hpp.
#include "configuration/schema/schema_entries.hpp"

namespace kronwerk::configuration {

std::vector<SchemaEntry> graph_entries() {
  const std::vector<Task> graph{Task::graph};
  std::vector<SchemaEntry> entries{
      {.path = "centre",
       .types = text,
       .default_value = "none",
       .choices = {"none", "mean", "samples"},
       .tasks = graph,
       .documentation = "what is taken from the samples: the mean of everything, or at every point "
                        "of the grid the mean over the samples (then the divisor is m - 1)"},
      {.path = "penalty",
       .types = number | text | list,
       .default_value = "required",
       .tasks = graph,
       .documentation = "λ, a number or a formula of parameters, in units of the mean diagonal of "
                        "the Grams; a list has one for each mode"},
      {.path = "penalty[]",
       .types = number | text,
       .tasks = graph,
       .documentation = "that of one mode"},
      {.path = "grams",
       .types = map,
       .tasks = graph,
       .documentation = "the mode-wise Grams instead of `input`, such as `project` writes"},
  };
  add_dataset(entries, "grams", graph, "the Grams: a group of matrices named 1, …, K");
  entries.push_back({.path = "grams.samples",
                     .types = integer,
                     .default_value = "1",
                     .minimum = 1,
                     .tasks = graph,
                     .documentation = "how many samples they are means over"});
  entries.push_back({.path = "weights",
                     .types = map,
                     .tasks = graph,
                     .documentation = "what multiplies the penalty of each pair, 0 for a pair "
                                      "without one; modes without a matrix have 1 everywhere"});
  add_dataset(entries, "weights", graph, "the weights: a group of matrices named 1, …, K");
  entries.push_back({.path = "held_out",
                     .types = map,
                     .tasks = graph,
                     .documentation = "further samples, whose log density is reported and decides "
                                      "which point of a sweep is selected"});
  add_dataset(entries, "held_out", graph, "these samples");
  add_transform(entries, "held_out", graph);
  entries.push_back({.path = "ebic_gamma",
                     .types = number,
                     .default_value = "0.5",
                     .minimum = 0,
                     .maximum = 1,
                     .tasks = graph,
                     .documentation = "γ of the extended BIC"});
  return entries;
}

}  // namespace kronwerk::configuration
