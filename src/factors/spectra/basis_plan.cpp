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

namespace kronwerk::factors {

using communication::Communicator;
using communication::SharedArray;

namespace {

// The matrix (row-major), as LAPACK or ELPA shall see it.
void stage(const SpectrumTask& task, std::span<double> target) {
  std::fill(target.begin(), target.end(), 0.0);
  task.matrix->add_to_dense(1.0, target);
  if (task.transposed) transpose_in_place(task.extent, target.data());
  if (task.kind == BasisKind::eigenvectors || task.kind == BasisKind::generalised_schur) return;
  std::vector<double> scale(static_cast<std::size_t>(task.extent), 1.0);
  for (std::size_t i = 0; i < task.root.size(); ++i) scale[i] = task.root[i] * task.root[i];
  symmetrise(task.extent, scale, target.data());
}

// `first` holds Vᵀ of D^½ A D^-½ = V Λ Vᵀ: makes it Vᵀ D^½, and `second` Vᵀ D^-½.
void unscale(const SpectrumTask& task, double* first, double* second) {
  const Index n = task.extent;
  for (Index k = 0; k < n; ++k) {
    for (Index i = 0; i < n; ++i) {
      const double value = first[k * n + i];
      const double root = task.root[static_cast<std::size_t>(i)];
      first[k * n + i] = value * root;
      second[k * n + i] = value / root;
    }
  }
}

void stage_partner(const SpectrumTask& task, std::span<double> target) {
  std::fill(target.begin(), target.end(), 0.0);
  task.partner->add_to_dense(1.0, target);
  if (task.partner_transposed) transpose_in_place(task.extent, target.data());
  if (task.kind == BasisKind::generalised_schur) return;
  const std::vector<double> ones(static_cast<std::size_t>(task.extent), 1.0);
  symmetrise(task.extent, ones, target.data());
}

void finish_scaled(SpectrumTask& task) {
  task.spectrum.kind = BasisKind::scaled;
  const auto [least, greatest] = std::minmax_element(task.root.begin(), task.root.end());
  task.spectrum.condition = *greatest / *least;
}

void compute_generalised(SpectrumTask& task, std::span<double> first) {
  if (task.vectors) {
    const std::span<double> second = task.second.mutable_span();
    stage_partner(task, second);
    task.spectrum = generalised_schur(
        task.extent, first.data(), second.data(), task.third.mutable_span().data(),
        task.fourth.mutable_span().data(), task.name, task.partner_name);
    return;
  }
  std::vector<double> partner(first.size());
  stage_partner(task, partner);
  task.spectrum = generalised_eigenvalues(task.extent, first.data(), partner.data(), task.name,
                                          task.partner_name);
}

// On the owning rank only.
void compute(SpectrumTask& task) {
  const auto entries = static_cast<std::size_t>(core::multiply(task.extent, task.extent));
  std::vector<double> values(task.vectors ? 0 : entries);
  const std::span<double> first = task.vectors ? task.first.mutable_span() : std::span(values);
  stage(task, first);
  switch (task.kind) {
    case BasisKind::symmetric:
    case BasisKind::scaled:
      if (task.vectors) {
        task.spectrum = symmetric_eigen(task.extent, first.data(), task.name);
      } else {
        std::vector<double> eigenvalues(static_cast<std::size_t>(task.extent));
        symmetric_eigenvalues(task.extent, first.data(), eigenvalues.data(), task.name);
        task.spectrum.eigenvalues.assign(eigenvalues.begin(), eigenvalues.end());
      }
      if (task.kind == BasisKind::scaled) {
        finish_scaled(task);
        if (task.vectors) unscale(task, first.data(), task.second.mutable_span().data());
      }
      break;
    case BasisKind::pair: {
      std::vector<double> partner(entries);
      stage_partner(task, partner);
      task.spectrum = pair_eigen(task.extent, first.data(), partner.data(), task.vectors, task.name,
                                 task.partner_name);
      break;
    }
    case BasisKind::generalised_schur:
      compute_generalised(task, first);
      break;
    default:
      task.spectrum =
          task.vectors ? general_eigen(task.extent, first.data(), task.second.mutable_span().data(),
                                       task.schur_allowed, task.name)
                       : general_eigenvalues(task.extent, first.data(), task.name);
  }
}

void compute_distributed(const Communicator& comm, const NodeLeaders& leaders, SpectrumTask& task,
                         int block) {
  double* first = task.first.mutable_span().data();
  communication::collectively(comm, [&] {
    if (!comm.node().is_root()) return;
    stage(task, task.first.mutable_span());
    if (task.kind == BasisKind::pair) stage_partner(task, task.second.mutable_span());
  });
  task.first.publish();
  if (task.kind == BasisKind::pair) {
    task.spectrum =
        distributed_pair_eigen(comm, leaders, task.extent, first, task.second.mutable_span().data(),
                               task.vectors, task.name, task.partner_name, block);
  } else {
    task.spectrum = distributed_symmetric_eigen(comm, leaders, task.extent, first, task.vectors,
                                                task.name, block);
  }
  if (task.kind == BasisKind::scaled) {
    finish_scaled(task);
    if (task.vectors && comm.node().is_root()) {
      unscale(task, first, task.second.mutable_span().data());
    }
  }
  task.first.publish();
}

// What the owner found, on every rank and every node.
void share(const Communicator& comm, const NodeLeaders& leaders, SpectrumTask& task) {
  Spectrum& spectrum = task.spectrum;
  double summary[] = {static_cast<double>(spectrum.kind),
                      static_cast<double>(spectrum.pairs),
                      spectrum.condition,
                      spectrum.log_abs_det,
                      static_cast<double>(spectrum.eigenvalues.size()),
                      static_cast<double>(spectrum.partner_eigenvalues.size()),
                      static_cast<double>(spectrum.determinant_sign)};
  comm.broadcast(std::span<double>(summary), task.owner);
  spectrum.kind = static_cast<BasisKind>(static_cast<int>(summary[0]));
  spectrum.pairs = static_cast<Index>(summary[1]);
  spectrum.condition = summary[2];
  spectrum.log_abs_det = summary[3];
  spectrum.eigenvalues.resize(static_cast<std::size_t>(summary[4]));
  comm.broadcast(std::span(reinterpret_cast<double*>(spectrum.eigenvalues.data()),
                           2 * spectrum.eigenvalues.size()),
                 task.owner);
  spectrum.partner_eigenvalues.resize(static_cast<std::size_t>(summary[5]));
  comm.broadcast(std::span(spectrum.partner_eigenvalues), task.owner);
  spectrum.determinant_sign = static_cast<int>(summary[6]);
  spectrum.why_not = comm.broadcast(std::move(spectrum.why_not), task.owner);
  if (!spectrum.why_not.empty() || !task.vectors || task.distributed) return;
  // What is combined between nodes must be zero on all but the owner's.
  const bool here = !leaders.several_nodes() || comm.node().any(task.owner == comm.rank());
  for (SharedArray<double>* array : {&task.first, &task.second, &task.third, &task.fourth}) {
    if (array->size() == 0) continue;
    const auto values = array->mutable_span();
    if (!here && comm.node().is_root()) std::fill(values.begin(), values.end(), 0.0);
    array->publish();
    leaders.combine(values);
    array->publish();
  }
}

}  // namespace

int SpectrumTask::arrays() const {
  if (distributed && kind == BasisKind::pair) return 2;
  if (!vectors) return distributed ? 1 : 0;
  if (kind == BasisKind::generalised_schur) return 4;
  return kind == BasisKind::symmetric || kind == BasisKind::pair ? 1 : 2;
}

// In units of a symmetric decomposition; the ratios are those of LAPACK's flop counts and rates.
double SpectrumTask::work() const {
  const double cube = std::pow(static_cast<double>(extent), 3);
  if (kind == BasisKind::eigenvectors) return 6 * cube;
  if (kind == BasisKind::generalised_schur) return 15 * cube;
  return kind == BasisKind::pair ? 1.5 * cube : cube;
}

void plan_tasks(std::span<SpectrumTask> tasks, int ranks, const SpectrumLimits& limits) {
  std::vector<SpectrumTask*> by_size;
  for (SpectrumTask& task : tasks) by_size.push_back(&task);
  std::stable_sort(by_size.begin(), by_size.end(),
                   [](const auto* a, const auto* b) { return a->work() > b->work(); });
  std::vector<SpectrumTask*> large;
  std::vector<double> works;
  for (SpectrumTask* task : by_size) {
    const bool local =
        task->kind == BasisKind::eigenvectors || task->kind == BasisKind::generalised_schur;
    if (local || task->extent < limits.symmetric) continue;
    large.push_back(task);
    works.push_back(task->work());
  }
  if (faster_together(works, ranks, ranks, limits.distributed_efficiency)) {
    for (SpectrumTask* task : large) task->distributed = true;
  }
  WorkSplit split(ranks);
  for (SpectrumTask* task : by_size) {
    task->owner = task->distributed ? 0 : split.assign(task->work());
  }
}

void run_tasks(const Communicator& comm, std::span<SpectrumTask> tasks,
               const SpectrumLimits& limits) {
  if (tasks.empty()) return;
  const NodeLeaders leaders(comm);
  for (SpectrumTask& task : tasks) {
    const Index entries = core::multiply(task.extent, task.extent);
    if (task.arrays() > 0) task.first = SharedArray<double>(comm, entries);
    if (task.arrays() > 1) task.second = SharedArray<double>(comm, entries);
    if (task.arrays() < 4) continue;
    task.third = SharedArray<double>(comm, entries);
    task.fourth = SharedArray<double>(comm, entries);
  }
  for (SpectrumTask& task : tasks) {
    if (task.distributed) compute_distributed(comm, leaders, task, limits.block);
  }
  communication::collectively(comm, [&] {
    for (SpectrumTask& task : tasks) {
      if (task.distributed || task.owner != comm.rank()) continue;
      try {
        compute(task);
      } catch (const std::bad_alloc&) {
        throw core::ResourceError(fmt::format(
            "memory is short for the decomposition of '{}' ({} x {}); run fewer ranks per node or "
            "on nodes with more memory",
            task.name, task.extent, task.extent));
      }
    }
  });
  for (SpectrumTask& task : tasks) share(comm, leaders, task);
}

}  // namespace kronwerk::factors
