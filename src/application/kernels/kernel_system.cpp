#include "application/kernels/kernel_system.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "application/tasks/task.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/expressions/factor_node.hpp"

namespace kronwerk::application {

using configuration::Task;

std::optional<std::map<std::string, double>> kernel_coefficients(
    const expressions::SumOfProducts& sum) {
  std::map<std::string, double> found;
  const auto add = [&](double coefficient, const expressions::FactorNode& factor) {
    if (factor.is_identity()) {
      found[""] += coefficient;
      return true;
    }
    const auto& link = factor.links.front();
    if (factor.links.size() != 1 || link.transposed || link.inverse) return false;
    if (link.leaf->kind == expressions::FactorLeaf::Kind::matrix) {
      found[link.leaf->text] += coefficient;
      return true;
    }
    if (link.leaf->kind != expressions::FactorLeaf::Kind::sum) return false;
    return std::ranges::all_of(link.leaf->terms, [&](const auto& term) {
      const auto& inner = *term.second;
      const bool plain =
          inner.is_identity() ||
          (inner.links.size() == 1 && !inner.links[0].transposed && !inner.links[0].inverse &&
           inner.links[0].leaf->kind == expressions::FactorLeaf::Kind::matrix);
      if (plain)
        found[inner.is_identity() ? "" : inner.links[0].leaf->text] += coefficient * term.first;
      return plain;
    });
  };
  for (const auto& term : sum.terms) {
    if (term.factors.size() != 1 || !term.steps.empty()) return std::nullopt;
    if (!add(term.coefficient, *term.factors.front())) return std::nullopt;
  }
  return found;
}

std::optional<KernelSystem> find_kernel_system(const Problem& problem) {
  const auto& job = problem.job;
  const bool task = job.task == Task::apply || job.task == Task::solve || job.task == Task::logdet;
  if (!task || job.tangent || problem.sum.row_extents.size() != 1) return std::nullopt;
  const auto terms = kernel_coefficients(problem.sum);
  if (!terms) return std::nullopt;
  KernelSystem system;
  for (const auto& [name, coefficient] : *terms) {
    if (name.empty()) {
      system.shift = coefficient;
      continue;
    }
    const auto found = problem.kernel_factors.find(name);
    if (found == problem.kernel_factors.end() || !system.kernel.empty()) return std::nullopt;
    system.kernel = found->second.kernel;
    system.scale = coefficient;
  }
  if (system.kernel.empty()) return std::nullopt;
  const auto storage = problem.kernels.at(system.kernel).storage;
  if (storage == configuration::KernelStorage::stored) return std::nullopt;
  return system;
}

methods::MemoryNeeds estimate_kernel_memory(const Problem& problem, const KernelSystem& system,
                                            Index count, int ranks, int nodes) {
  const KernelMatrix& kernel = problem.kernels.at(system.kernel);
  methods::MemoryNeeds needs;
  needs.ranks = ranks;
  needs.nodes = nodes;
  needs.base_bytes_per_rank = methods::base_bytes_per_rank;
  double numbers = 0;
  for (const auto& [name, variable] : kernel.variables) {
    // Points, their blocks on the way round, and copies in the order of the tiles.
    numbers += 4.0 * static_cast<double>(variable.count) * variable.symbol.dimension;
  }
  const double vectors = problem.job.task == Task::apply ? 4 : 8;
  numbers += vectors * static_cast<double>(count) * static_cast<double>(kernel.rows + kernel.cols);
  needs.vector_bytes_per_rank = 8 * numbers / ranks;
  return needs;
}

Plan plan_kernel_system(const PlanRequest& request, const Problem& problem,
                        const KernelSystem& system) {
  const KernelMatrix& kernel = problem.kernels.at(system.kernel);
  const double stored = 8.0 * static_cast<double>(kernel.rows) * static_cast<double>(kernel.cols);
  Plan plan;
  plan.subject = {
      {"operator", problem.sum.text()},
      {"kernel", fmt::format("{} x {} entries, evaluated where they are needed (a stored matrix "
                             "would take {}; storage: stored)",
                             core::format_count(kernel.rows), core::format_count(kernel.cols),
                             core::format_bytes(stored))}};
  if (problem.job.task == Task::solve) {
    plan.method.emplace_back("method",
                             "conjugate gradients with a low-rank preconditioner, or a dense "
                             "factorisation where that is faster: decided by the points");
  }
  plan.needs = estimate_kernel_memory(problem, system, count_inputs(request.comm, problem),
                                      request.ranks, request.nodes);
  return plan;
}

}  // namespace kronwerk::application
