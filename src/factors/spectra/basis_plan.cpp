// Which ranks compute which decompositions, and the computation.
#include "factors/spectra/basis_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <new>

#include "factors/base/work_split.hpp"
#include "factors/spectra/eigen_distributed.hpp"
#include "factors/spectra/symmetry.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/distribution/node_map.hpp"
#include "kronwerk/factors/base/distributed_libraries.hpp"

namespace kronwerk::factors {

using communication::Communicator;
using communication::SharedArray;

namespace {

// The matrix (row-major), as LAPACK or ELPA shall see it.
void stage(const EigenProblem& problem, std::span<double> target) {
  std::fill(target.begin(), target.end(), 0.0);
  problem.matrix->add_to_dense(1.0, target);
  if (problem.transposed) transpose_in_place(problem.extent, target.data());
  if (problem.kind == BasisKind::eigenvectors || problem.kind == BasisKind::generalised_schur)
    return;
  std::vector<double> scale(static_cast<std::size_t>(problem.extent), 1.0);
  for (std::size_t i = 0; i < problem.root.size(); ++i)
    scale[i] = problem.root[i] * problem.root[i];
  symmetrise(problem.extent, scale, target.data());
}

// `first` holds Vᵀ of D^½ A D^-½ = V Λ Vᵀ: makes it Vᵀ D^½, and `second` Vᵀ D^-½.
void unscale(const EigenProblem& problem, double* first, double* second) {
  const Index n = problem.extent;
  for (Index k = 0; k < n; ++k) {
    for (Index i = 0; i < n; ++i) {
      const double value = first[k * n + i];
      const double root = problem.root[static_cast<std::size_t>(i)];
      first[k * n + i] = value * root;
      second[k * n + i] = value / root;
    }
  }
}

void stage_partner(const EigenProblem& problem, std::span<double> target) {
  std::fill(target.begin(), target.end(), 0.0);
  problem.partner->add_to_dense(1.0, target);
  if (problem.partner_transposed) transpose_in_place(problem.extent, target.data());
  if (problem.kind == BasisKind::generalised_schur) return;
  const std::vector<double> ones(static_cast<std::size_t>(problem.extent), 1.0);
  symmetrise(problem.extent, ones, target.data());
}

void finish_scaled(EigenProblem& problem) {
  problem.spectrum.kind = BasisKind::scaled;
  const auto [least, greatest] = std::minmax_element(problem.root.begin(), problem.root.end());
  problem.spectrum.condition = *greatest / *least;
}

void compute_generalised(EigenProblem& problem, std::span<double> first) {
  if (problem.vectors) {
    const std::span<double> second = problem.second.mutable_span();
    stage_partner(problem, second);
    problem.spectrum = generalised_schur(
        problem.extent, first.data(), second.data(), problem.third.mutable_span().data(),
        problem.fourth.mutable_span().data(), problem.name, problem.partner_name);
    return;
  }
  std::vector<double> partner(first.size());
  stage_partner(problem, partner);
  problem.spectrum = generalised_eigenvalues(problem.extent, first.data(), partner.data(),
                                             problem.name, problem.partner_name);
}

// On the owning rank only.
void compute(EigenProblem& problem) {
  const auto entries = static_cast<std::size_t>(core::multiply(problem.extent, problem.extent));
  std::vector<double> values(problem.vectors ? 0 : entries);
  const std::span<double> first =
      problem.vectors ? problem.first.mutable_span() : std::span(values);
  stage(problem, first);
  switch (problem.kind) {
    case BasisKind::symmetric:
    case BasisKind::scaled:
      if (problem.vectors) {
        problem.spectrum = symmetric_eigen(problem.extent, first.data(), problem.name);
      } else {
        std::vector<double> eigenvalues(static_cast<std::size_t>(problem.extent));
        symmetric_eigenvalues(problem.extent, first.data(), eigenvalues.data(), problem.name);
        problem.spectrum.eigenvalues.assign(eigenvalues.begin(), eigenvalues.end());
      }
      if (problem.kind == BasisKind::scaled) {
        finish_scaled(problem);
        if (problem.vectors) unscale(problem, first.data(), problem.second.mutable_span().data());
      }
      break;
    case BasisKind::pair: {
      std::vector<double> partner(entries);
      stage_partner(problem, partner);
      problem.spectrum = pair_eigen(problem.extent, first.data(), partner.data(), problem.vectors,
                                    problem.name, problem.partner_name);
      break;
    }
    case BasisKind::generalised_schur:
      compute_generalised(problem, first);
      break;
    default:
      problem.spectrum =
          problem.vectors
              ? general_eigen(problem.extent, first.data(), problem.second.mutable_span().data(),
                              problem.schur_allowed, problem.name)
              : general_eigenvalues(problem.extent, first.data(), problem.name);
  }
}

void compute_distributed(const Communicator& comm, const NodeLeaders& leaders,
                         EigenProblem& problem, int block) {
  double* first = problem.first.mutable_span().data();
  communication::collectively(comm, [&] {
    if (!comm.node().is_root()) return;
    stage(problem, problem.first.mutable_span());
    if (problem.kind == BasisKind::pair) stage_partner(problem, problem.second.mutable_span());
  });
  problem.first.publish();
  if (problem.kind == BasisKind::pair) {
    problem.spectrum = distributed_pair_eigen(comm, leaders, problem.extent, first,
                                              problem.second.mutable_span().data(), problem.vectors,
                                              problem.name, problem.partner_name, block);
  } else {
    problem.spectrum = distributed_symmetric_eigen(comm, leaders, problem.extent, first,
                                                   problem.vectors, problem.name, block);
  }
  if (problem.kind == BasisKind::scaled) {
    finish_scaled(problem);
    if (problem.vectors && comm.node().is_root()) {
      unscale(problem, first, problem.second.mutable_span().data());
    }
  }
  problem.first.publish();
}

// What the owner found, on every rank and every node.
void share(const Communicator& comm, const NodeLeaders& leaders, EigenProblem& problem) {
  Spectrum& spectrum = problem.spectrum;
  double summary[] = {static_cast<double>(spectrum.kind),
                      static_cast<double>(spectrum.pairs),
                      spectrum.condition,
                      spectrum.log_abs_det,
                      static_cast<double>(spectrum.eigenvalues.size()),
                      static_cast<double>(spectrum.partner_eigenvalues.size()),
                      static_cast<double>(spectrum.determinant_sign)};
  comm.broadcast(std::span<double>(summary), problem.owner);
  spectrum.kind = static_cast<BasisKind>(static_cast<int>(summary[0]));
  spectrum.pairs = static_cast<Index>(summary[1]);
  spectrum.condition = summary[2];
  spectrum.log_abs_det = summary[3];
  spectrum.eigenvalues.resize(static_cast<std::size_t>(summary[4]));
  comm.broadcast(std::span(reinterpret_cast<double*>(spectrum.eigenvalues.data()),
                           2 * spectrum.eigenvalues.size()),
                 problem.owner);
  spectrum.partner_eigenvalues.resize(static_cast<std::size_t>(summary[5]));
  comm.broadcast(std::span(spectrum.partner_eigenvalues), problem.owner);
  spectrum.determinant_sign = static_cast<int>(summary[6]);
  spectrum.why_not = comm.broadcast(std::move(spectrum.why_not), problem.owner);
  if (!spectrum.why_not.empty() || !problem.vectors || problem.distributed) return;
  if (!leaders.several_nodes()) {
    problem.first.publish();
    return;
  }
  for (SharedArray<double>* array :
       {&problem.first, &problem.second, &problem.third, &problem.fourth}) {
    if (array->size() == 0) continue;
    array->publish();
    leaders.broadcast(std::as_writable_bytes(array->mutable_span()), problem.owner);
    array->publish();
  }
}

}  // namespace

int EigenProblem::arrays() const {
  if (distributed && kind == BasisKind::pair) return 2;
  if (!vectors) return distributed ? 1 : 0;
  if (kind == BasisKind::generalised_schur) return 4;
  return kind == BasisKind::symmetric || kind == BasisKind::pair ? 1 : 2;
}

// In units of a symmetric decomposition; the ratios are those of LAPACK's flop counts and rates.
double EigenProblem::work() const {
  const double cube = std::pow(static_cast<double>(extent), 3);
  if (kind == BasisKind::eigenvectors) return 6 * cube;
  if (kind == BasisKind::generalised_schur) return 15 * cube;
  return kind == BasisKind::pair ? 1.5 * cube : cube;
}

void plan_problems(std::span<EigenProblem> problems, int ranks, const SpectrumLimits& limits) {
  std::vector<EigenProblem*> by_size;
  for (EigenProblem& problem : problems) by_size.push_back(&problem);
  std::stable_sort(by_size.begin(), by_size.end(),
                   [](const auto* a, const auto* b) { return a->work() > b->work(); });
  std::vector<EigenProblem*> large;
  std::vector<double> works;
  for (EigenProblem* problem : by_size) {
    const bool local =
        problem->kind == BasisKind::eigenvectors || problem->kind == BasisKind::generalised_schur;
    if (local || problem->extent < limits.symmetric) continue;
    large.push_back(problem);
    works.push_back(problem->work());
  }
  if (has_scalapack() && faster_together(works, ranks, limits.distributed_efficiency)) {
    for (EigenProblem* problem : large) problem->distributed = true;
  }
  WorkSplit split(ranks);
  for (EigenProblem* problem : by_size) {
    problem->owner = problem->distributed ? 0 : split.assign(problem->work());
  }
}

void solve_problems(const Communicator& comm, std::span<EigenProblem> problems,
                    const SpectrumLimits& limits) {
  if (problems.empty()) return;
  const NodeLeaders leaders(comm);
  for (EigenProblem& problem : problems) {
    const Index entries = core::multiply(problem.extent, problem.extent);
    if (problem.arrays() > 0) problem.first = SharedArray<double>(comm, entries);
    if (problem.arrays() > 1) problem.second = SharedArray<double>(comm, entries);
    if (problem.arrays() < 4) continue;
    problem.third = SharedArray<double>(comm, entries);
    problem.fourth = SharedArray<double>(comm, entries);
  }
  for (EigenProblem& problem : problems) {
    if (problem.distributed) {
      compute_distributed(comm, leaders, problem, limits.block);
    } else {
      problem.owner = comm.nodes().by_turns()[static_cast<std::size_t>(problem.owner)];
    }
  }
  communication::collectively(comm, [&] {
    for (EigenProblem& problem : problems) {
      if (problem.distributed || problem.owner != comm.rank()) continue;
      try {
        compute(problem);
      } catch (const std::bad_alloc&) {
        throw core::ResourceError(fmt::format(
            "memory is short for the decomposition of '{}' ({} x {}); run fewer ranks per node or "
            "on nodes with more memory",
            problem.name, problem.extent, problem.extent));
      }
    }
  });
  for (EigenProblem& problem : problems) share(comm, leaders, problem);
}

}  // namespace kronwerk::factors
