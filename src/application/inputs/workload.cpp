#include "application/inputs/workload.hpp"

namespace kronwerk::application {
namespace {

using configuration::Task;

methods::Workload::Kind kind_of(Task task) {
  switch (task) {
    case Task::apply:
      return methods::Workload::Kind::apply;
    case Task::solve:
      return methods::Workload::Kind::solve;
    case Task::logdet:
      return methods::Workload::Kind::determinant;
    case Task::eigenvalues:
    case Task::expm:
      return methods::Workload::Kind::decompose;
    case Task::assemble:
    case Task::trace:
    case Task::diagonal:
      return methods::Workload::Kind::inspect;
    case Task::project:
    case Task::graph:
    case Task::logpdf:
    case Task::sample:
    case Task::predict:
    case Task::fit:
    case Task::posterior:
    case Task::effects:
    case Task::reduce:
      break;
  }
  throw core::InternalError("a task without an operator has no work with one");
}

}  // namespace

methods::Workload workload_of(const Problem& problem, core::Index count) {
  const configuration::Job& job = problem.job;
  return {.kind = kind_of(job.task),
          .in_blocks = configuration::works_on_vectors(job.task),
          .count = count,
          .batch = job.batch,
          .derivatives = job.gradient || job.tangent,
          .method = job.solver.method};
}

}  // namespace kronwerk::application
