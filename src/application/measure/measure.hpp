#pragma once

#include <string>

#include "application/measure/bench.hpp"

namespace kronwerk::application {

// The parts of a machine file, each some hundred milliseconds. Collective, all of them.

/// Memory that nobody has used for a while; to be measured before everything else, since what a
/// process has given back it gets again from the cache.
void measure_first_touch(const Bench& bench, configuration::Machine& machine);
/// Products and solves along modes, as the operators of jobs do them; sparse factorisations.
void measure_products(const Bench& bench, configuration::Machine& machine);
/// BLAS and eigenvectors.
void measure_decompositions(const Bench& bench, configuration::Machine& machine);
/// Memory, redistributions, random numbers, statistics, kernels.
void measure_memory(const Bench& bench, configuration::Machine& machine);
void measure_messages(const Bench& bench, configuration::Machine& machine);
/// @param folder  where a file of some megabytes is written and removed
void measure_files(const Bench& bench, const std::string& folder, configuration::Machine& machine);

}  // namespace kronwerk::application
