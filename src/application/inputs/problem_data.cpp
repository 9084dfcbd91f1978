#include "application/inputs/problem_data.hpp"

namespace kronwerk::application {
namespace {

std::map<std::string, factors::FactorPtr> load_matrices(const communication::Communicator& comm,
                                                        const Problem& problem) {
  std::map<std::string, factors::FactorPtr> matrices;
  for (const auto& [name, info] : problem.data) {
    if (!problem.factor_names.contains(name)) continue;
    matrices[name] = load_matrix(comm, problem.job, name, info).front().factor;
  }
  return matrices;
}

}  // namespace

ProblemData::ProblemData(const communication::Communicator& comm, const Problem& problem)
    : methods::OperatorData(comm, load_matrices(comm, problem), problem.data),
      kernels_(comm, problem.kernels) {
  add_kernels(problem);
}

void ProblemData::add_kernels(const Problem& problem) {
  for (const auto& [name, use] : problem.kernel_factors) {
    if (matrices().contains(name)) continue;
    add(name, kernels_.make(use.kernel, use.parameter, problem.parameters()));
  }
}

}  // namespace kronwerk::application
