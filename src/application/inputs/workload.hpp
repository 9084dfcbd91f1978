#pragma once

#include "application/inputs/problem.hpp"
#include "kronwerk/methods/operator_memory.hpp"

namespace kronwerk::application {

/// What the job does with its operator. @param count  number of right-hand sides
methods::Workload workload_of(const Problem& problem, core::Index count);

}  // namespace kronwerk::application
