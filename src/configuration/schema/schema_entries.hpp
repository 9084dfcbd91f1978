#pragma once

#include <string>
#include <vector>

#include "kronwerk/configuration/schema.hpp"

namespace kronwerk::configuration {

// The table of keys in parts, in the order of configs/keys.md.
std::vector<SchemaEntry> main_entries();
std::vector<SchemaEntry> kernel_entries();
std::vector<SchemaEntry> vector_entries();
std::vector<SchemaEntry> projection_entries();
std::vector<SchemaEntry> graph_entries();
std::vector<SchemaEntry> observation_entries();
std::vector<SchemaEntry> likelihood_entries();
std::vector<SchemaEntry> prediction_entries();
std::vector<SchemaEntry> fit_entries();
std::vector<SchemaEntry> posterior_entries();
std::vector<SchemaEntry> flow_entries();
std::vector<SchemaEntry> derivative_entries();
std::vector<SchemaEntry> sweep_entries();
std::vector<SchemaEntry> initial_guess_entries();
std::vector<SchemaEntry> remaining_entries();

// Groups of tasks.
const std::vector<Task>& operator_tasks();
const std::vector<Task>& gaussian_tasks();
std::vector<Task> together(std::vector<Task> a, const std::vector<Task>& b);
/// The tasks of formulas that name matrices.
const std::vector<Task>& with_matrices();

/// The texts of priors, for the table.
extern const char* const prior_texts;

/// The keys of a vector below `path`: a dataset, or random numbers.
void add_vector_source(std::vector<SchemaEntry>& entries, const std::string& path,
                       const std::vector<Task>& tasks, const std::string& what);
/// The key `transform` below `path`.
void add_transform(std::vector<SchemaEntry>& entries, const std::string& path,
                   const std::vector<Task>& tasks);
/// The keys `file` and `dataset` below `path`.
void add_dataset(std::vector<SchemaEntry>& entries, const std::string& path,
                 const std::vector<Task>& tasks, const std::string& what);
/// The key `transpose` of such a dataset.
void add_transpose(std::vector<SchemaEntry>& entries, const std::string& path,
                   const std::vector<Task>& tasks);

}  // namespace kronwerk::configuration
