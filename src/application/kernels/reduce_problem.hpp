#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "application/inputs/point_variables.hpp"
#include "kronwerk/kernels/reductions/block_sparse.hpp"
#include "kronwerk/kernels/reductions/reduce.hpp"
#include "kronwerk/methods/memory.hpp"

namespace kronwerk::application {

/// A job of the task `reduce`, understood against the metadata of its points.
struct ReduceProblem {
  kernels::ReductionSetup reduction;
  PointVariables variables;
  std::map<std::string, double> parameters;
  Index rows = 0;
  Index columns = 0;
  std::optional<kernels::BlockSparsity> sparsity;
  std::vector<std::string> wanted;  ///< names of the gradient
  std::string note;                 ///< what is legal and perhaps not meant; may be empty

  /// "sum, argmin of exp(…) over 20,000 j for 300 i"
  std::string text() const;
};

/// Collective. @throws ConfigurationError (with a caret in formulas), DataError on every rank
ReduceProblem analyse_reduce(const communication::Communicator& comm,
                             const configuration::Job& job);

methods::MemoryNeeds estimate_reduce_memory(const ReduceProblem& problem, int ranks, int nodes);

}  // namespace kronwerk::application
