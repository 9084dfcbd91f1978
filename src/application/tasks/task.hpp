#pragma once

#include <map>
#include <string>
#include <vector>

#include "application/inputs/problem.hpp"
#include "application/inputs/problem_data.hpp"
#include "application/session/job_context.hpp"
#include "kronwerk/methods/method.hpp"

namespace kronwerk::application {

using core::Extents;
using core::Index;
using operators::OperatorPtr;

/// What the tasks of an operator work with besides: the lowered operator and its derivatives.
struct TaskContext : JobContext {
  const Problem& problem;
  ProblemData& data;
  methods::OperatorBuilder builder;
  std::vector<expressions::LoweredProduct> products;
  /// Without terms where the derivative is zero.
  std::map<std::string, std::vector<expressions::LoweredProduct>> derivatives;
  /// Why an iterative solve stopped without convergence; empty if all converged.
  std::string failure{};
};

/// The tasks. Each computes and writes its datasets, sets its report's attributes and summary, and
/// prints a line per stage; collective.
void run_apply(TaskContext& context);
void run_solve(TaskContext& context);
void run_logdet(TaskContext& context);
void run_assemble(TaskContext& context);
void run_trace(TaskContext& context);
void run_diagonal(TaskContext& context);
void run_eigenvalues(TaskContext& context);
void run_expm(TaskContext& context);

/// The number of vectors in the job's input, from metadata alone; 1 for tasks without input.
/// Collective.
core::Index count_inputs(const communication::Communicator& comm, const Problem& problem);

}  // namespace kronwerk::application
