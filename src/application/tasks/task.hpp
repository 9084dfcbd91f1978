#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "application/inputs/problem.hpp"
#include "application/methods/memory.hpp"
#include "application/methods/method.hpp"
#include "application/session/report.hpp"
#include "application/session/stages.hpp"
#include "kronwerk/io/files/result_file.hpp"

namespace kronwerk::application {

/// What every task works with: the lowered operator and its derivatives, and where results go.
struct TaskContext {
  const communication::Communicator& comm;
  const Problem& problem;
  Stages& stages;
  Report& report;
  io::ResultFile& file;
  OperatorData& data;
  OperatorBuilder builder;
  std::vector<expressions::LoweredProduct> products;
  /// Without terms where the derivative is zero.
  std::map<std::string, std::vector<expressions::LoweredProduct>> derivatives;
  /// Why an iterative solve stopped without convergence; empty if all converged.
  std::string failure{};

  const configuration::Job& job() const { return problem.job; }
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

/// Lowers the operator and its derivatives and runs the task; returns why an iterative solve did
/// not converge, or "". Collective.
std::string compute_result(const communication::Communicator& comm, const Problem& problem,
                           Stages& stages, Report& report, io::ResultFile& file, OperatorData& data,
                           std::shared_ptr<operators::Workspace> workspace);

/// The number of vectors in the job's input, from metadata alone; 1 for tasks without input.
/// Collective.
core::Index count_inputs(const communication::Communicator& comm, const Problem& problem);

}  // namespace kronwerk::application
