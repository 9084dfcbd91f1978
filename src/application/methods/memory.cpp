#include "application/methods/memory.hpp"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <set>
#include <sstream>

#include "application/determinants/log_determinant.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::application {
namespace {

using configuration::Task;
using core::Index;

constexpr double block_bytes = 256e6;
constexpr double unlimited = std::numeric_limits<double>::infinity();

double read_number(const std::filesystem::path& file) {
  std::ifstream stream(file);
  double value = 0;
  return stream >> value ? value : unlimited;  // "max" is no number
}

/// What a control group and all above it leave: limit minus usage.
double control_group_room(const std::filesystem::path& root, std::filesystem::path group,
                          const char* limit, const char* usage) {
  double room = unlimited;
  while (true) {
    const auto directory = root / group.relative_path();
    const double most = read_number(directory / limit);
    const double used = read_number(directory / usage);
    // Version 1 writes "no limit" as a number near 2^63.
    if (most < 1e18 && used < unlimited) room = std::min(room, std::max(0.0, most - used));
    if (!group.has_relative_path()) return room;
    group = group.parent_path();
  }
}

double control_groups_room() {
  std::ifstream groups("/proc/self/cgroup");
  double room = unlimited;
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (controllers.empty()) {
      room = std::min(room,
                      control_group_room("/sys/fs/cgroup", group, "memory.max", "memory.current"));
    } else if (controllers.find("memory") != std::string::npos) {
      room = std::min(room, control_group_room("/sys/fs/cgroup/memory", group,
                                               "memory.limit_in_bytes", "memory.usage_in_bytes"));
    }
  }
  return room;
}

double available_memory() {
  std::ifstream information("/proc/meminfo");
  for (std::string line; std::getline(information, line);) {
    std::istringstream words(line);
    std::string name;
    double kilobytes = 0;
    if (words >> name >> kilobytes && name == "MemAvailable:") return kilobytes * 1024;
  }
  return unlimited;
}

/// Whether an application solves with a factor.
bool solves_inside(const Problem& problem) {
  const auto inverts = [](const expressions::FactorNodePtr& factor) {
    return std::ranges::any_of(factor->links, [](const auto& link) { return link.inverse; });
  };
  return std::ranges::any_of(problem.sum.terms, [&](const auto& term) {
    return std::ranges::any_of(term.factors, inverts) ||
           std::ranges::any_of(term.steps, [&](const auto& step) {
             return std::ranges::any_of(step.factors, inverts);
           });
  });
}

/// Blocks of vectors that are alive at once beside the exchange's.
double blocks_alive(const Problem& problem, std::optional<MethodKind> method, Index batch) {
  const auto& job = problem.job;
  // A solve that must be refined takes one more.
  double own = job.gradient || job.tangent ? 4 : job.task == Task::solve ? 3 : 2;
  // A judged solve keeps both sides, hands them on, and may be refined.
  if (job.task == Task::apply && solves_inside(problem)) own += 5;
  if (method != MethodKind::krylov) return own;
  // Alone, a vector may be solved for by GMRES, which keeps 30 directions before it restarts.
  return own + 1 +
         static_cast<double>(operators::KrylovSolver::vectors_kept(
             batch > 1 ? operators::KrylovMethod::bicgstab : operators::KrylovMethod::gmres));
}

/// The sum as one product: a mode costs what its distinct factors cost together.
std::vector<distribution::ModeCost> combined_modes(const Problem& problem,
                                                   std::optional<MethodKind> method) {
  std::vector<distribution::ModeCost> modes;
  std::vector<std::set<std::string>> seen(problem.sum.row_extents.size());
  for (const auto& term : problem.sum.terms) {
    const auto costs =
        expressions::estimate_modes(term, problem.symbols, method == MethodKind::product);
    modes.resize(costs.size(), {.identity = true});
    for (std::size_t k = 0; k < costs.size(); ++k) {
      modes[k].rows = costs[k].rows;
      modes[k].cols = costs[k].cols;
      if (costs[k].identity || !seen[k].insert(term.factors[k]->text).second) continue;
      modes[k].identity = false;
      const auto n = static_cast<double>(costs[k].rows);
      // Into the basis of eigenvectors and out of it, however many factors share the basis.
      modes[k].flops_per_fibre = method == MethodKind::spectral
                                     ? 4 * n * n
                                     : modes[k].flops_per_fibre + costs[k].flops_per_fibre;
    }
  }
  return modes;
}

std::vector<distribution::ModeCost> batched_modes(const Problem& problem,
                                                  std::optional<MethodKind> method, Index batch) {
  auto modes = combined_modes(problem, method);
  if (batch > 1) {
    modes.insert(modes.begin(),
                 {.rows = batch, .cols = batch, .flops_per_fibre = 0, .identity = true});
  }
  return modes;
}

}  // namespace

MemoryLimits read_memory_limits() {
  MemoryLimits limits;
  limits.bytes = std::min(available_memory(), control_groups_room());
  struct statvfs information = {};
  limits.shared_bytes =
      statvfs("/dev/shm", &information) == 0
          ? static_cast<double>(information.f_bavail) * static_cast<double>(information.f_frsize)
          : 0;
  return limits;
}

std::optional<MethodKind> foresee_kind(const Problem& problem, Index count, int ranks) {
  if (problem.job.task != Task::solve) return std::nullopt;
  return foresee_method(problem, count, ranks, {}).kind;
}

Index choose_batch(const Problem& problem, Index count, int ranks) {
  if (!configuration::works_on_vectors(problem.job.task)) return 1;
  const Index all = std::max<Index>(count, 1);
  if (problem.job.batch) return std::clamp<Index>(*problem.job.batch, 1, all);
  const double points = static_cast<double>(
      std::max(core::product(problem.sum.row_extents), core::product(problem.sum.col_extents)));
  double block = 8 * points / ranks;
  // An iteration keeps several vectors per right-hand side.
  if (foresee_kind(problem, count, ranks) == MethodKind::krylov) block *= 4;
  const double fitting = block_bytes / std::max(1.0, block);
  return std::clamp<Index>(static_cast<Index>(std::min(fitting, 1e15)), 1, all);
}

distribution::ProductEstimate estimate_operator(const Problem& problem, const MemoryNeeds& needs) {
  return distribution::choose_split(batched_modes(problem, needs.method, needs.batch), needs.ranks);
}

namespace {

double estimate_factors(const Problem& problem, std::optional<MethodKind> method) {
  const bool inverses = problem.job.task == Task::logdet || method == MethodKind::product;
  double bytes = 0;
  for (const auto& term : problem.sum.terms) {
    bytes += expressions::estimate_factor_bytes(term, problem.symbols, inverses);
  }
  const bool dense = problem.job.task == Task::eigenvalues || problem.job.task == Task::expm ||
                     (problem.job.task == Task::logdet && problem.sum.terms.size() > 1);
  if (method != MethodKind::spectral && !dense) return bytes;
  // Eigenvectors and their inverse, or as much beside an exponential, for every distinct matrix; of
  // a pair S, T, Q and Z, and S and T once more for either direction.
  std::set<std::string> seen;
  for (const auto& mode : expressions::find_structure(problem.sum, {}).modes) {
    if (!mode.first) continue;
    const std::string name =
        mode.first->text + (mode.second ? " and " + mode.second->text : std::string());
    if (!seen.insert(name).second) continue;
    const auto n = static_cast<double>(mode.first->rows);
    bytes += (mode.second ? 8 : 3) * 8 * n * n;
  }
  return bytes;
}

/// What a log determinant takes beside the factors.
void add_determinant(const Problem& problem, int ranks, MemoryNeeds& needs) {
  const auto kind = foresee_determinant(problem, ranks).kind;
  if (kind == DeterminantKind::dense) {
    const DenseDeterminantBytes bytes = dense_determinant_bytes(problem, ranks);
    needs.factor_bytes_per_node += bytes.per_node;
    needs.vector_bytes_per_rank += bytes.per_rank;
  } else if (kind == DeterminantKind::estimated) {
    // The directions of both sides of a Lanczos process, and its work.
    const double vectors = 2 * static_cast<double>(operators::StochasticSettings{}.directions) + 8;
    const auto points = static_cast<double>(core::product(problem.sum.row_extents));
    needs.vector_bytes_per_rank = vectors * 8 * points / ranks;
  }
}

}  // namespace

MemoryNeeds estimate_memory(const Problem& problem, Index count, int ranks, int nodes) {
  MemoryNeeds needs;
  needs.ranks = ranks;
  needs.nodes = nodes;
  needs.base_bytes_per_rank = base_bytes_per_rank;
  needs.batch = choose_batch(problem, count, ranks);
  const auto method = foresee_kind(problem, count, ranks);
  needs.method = method;
  needs.factor_bytes_per_node = estimate_factors(problem, method);
  if (problem.job.task == Task::logdet) add_determinant(problem, ranks, needs);
  if (!configuration::works_on_vectors(problem.job.task)) return needs;
  const auto estimate = estimate_operator(problem, needs);
  const double block = std::max(estimate.vector_bytes_per_rank, estimate.result_bytes_per_rank);
  const double away = problem.sum.terms.size() > 1 && method != MethodKind::spectral ? 2 : 1;
  needs.vector_bytes_per_rank =
      blocks_alive(problem, method, needs.batch) * block + away * estimate.away_bytes_per_rank;
  return needs;
}

std::string explain_shortage(const MemoryNeeds& needs, const MemoryLimits& limits) {
  const bool shared_short =
      needs.ranks_per_node() > 1 && needs.factor_bytes_per_node > limits.shared_bytes;
  if (needs.bytes_per_node() <= limits.bytes && !shared_short) return "";
  std::string text = fmt::format(
      "the job does not fit: it needs {} per rank and {} per node ({} of vectors per rank, {} of "
      "factors per node, {} ranks per node)",
      core::format_bytes(needs.bytes_per_rank()), core::format_bytes(needs.bytes_per_node()),
      core::format_bytes(needs.vector_bytes_per_rank),
      core::format_bytes(needs.factor_bytes_per_node), needs.ranks_per_node());
  if (shared_short) {
    return text + fmt::format(
                      "; /dev/shm has {} free for the factors: enlarge it, or run one rank per "
                      "node",
                      core::format_bytes(limits.shared_bytes));
  }
  text += fmt::format("; this node has {} free", core::format_bytes(limits.bytes));
  const double room = limits.bytes - needs.factor_bytes_per_node - base_bytes_per_rank;
  if (room <= 0) return text + ", less than the factors alone need";
  const double all_vectors = needs.vector_bytes_per_rank * needs.ranks;
  const double nodes = std::ceil(all_vectors / room);
  const double room_per_rank = limits.bytes - needs.factor_bytes_per_node -
                               needs.base_bytes_per_rank * needs.ranks_per_node();
  if (room_per_rank > 0) {
    const double enough = std::ceil(all_vectors / room_per_rank);
    return text + fmt::format("; {:.0f} such nodes with {} ranks each ({:.0f} ranks) would do",
                              enough, needs.ranks_per_node(), enough * needs.ranks_per_node());
  }
  return text +
         fmt::format("; {:.0f} such nodes with one rank each would do", std::max(1.0, nodes));
}

void check_memory(const communication::Communicator& comm, MemoryNeeds needs) {
  needs.ranks_here = comm.node().size();
  communication::collectively(comm, [&] {
    const std::string shortage = explain_shortage(needs, read_memory_limits());
    if (!shortage.empty()) throw core::ResourceError(shortage);
  });
}

}  // namespace kronwerk::application
