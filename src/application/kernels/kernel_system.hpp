#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "application/inputs/problem.hpp"
#include "application/session/job_context.hpp"

namespace kronwerk::application {

/// scale * K + shift * I with one kernel K: an operator of one mode, whose entries need not be
/// stored.
struct KernelSystem {
  std::string kernel;
  double scale = 1;
  double shift = 0;
};

/// The coefficients of the matrices of a sum over one mode, by what they are called; "" for I.
/// Nothing if there are products, transposes or inverses of matrices.
std::optional<std::map<std::string, double>> kernel_coefficients(
    const expressions::SumOfProducts& sum);

/// The system that the job's operator is, if its task can do without the stored matrix; nothing if
/// not, or if the kernel's `storage` is `stored`.
std::optional<KernelSystem> find_kernel_system(const Problem& problem);

methods::MemoryNeeds estimate_kernel_memory(const Problem& problem, const KernelSystem& system,
                                            Index count, int ranks, int nodes);

/// `apply`, `solve` or `logdet` with the entries evaluated where they are needed. Collective.
/// @return why an iterative solve did not converge; empty if it did
std::string run_kernel_system(const JobContext& context, const Problem& problem,
                              const KernelSystem& system);
Plan plan_kernel_system(const PlanRequest& request, const Problem& problem,
                        const KernelSystem& system);

}  // namespace kronwerk::application
