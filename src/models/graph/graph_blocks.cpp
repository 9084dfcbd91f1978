// See src/MATHEMATICS.md, "Graphs of every mode".
#include "models/graph/graph_blocks.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "factors/base/work_split.hpp"
#include "kronwerk/distribution/node_map.hpp"
#include "kronwerk/factors/base/distributed_libraries.hpp"

namespace kronwerk::models {
namespace {

// As factors::SpectrumLimits: of P ranks on one decomposition, compared with P at once.
constexpr double distributed_efficiency = 0.8;

/// Sets that are joined (Tarjan 1975).
class DisjointSets {
 public:
  explicit DisjointSets(Index count) : parent_(static_cast<std::size_t>(count)) {
    std::iota(parent_.begin(), parent_.end(), std::size_t{0});
  }
  std::size_t find(std::size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  /// False if they were one set before.
  bool join(std::size_t i, std::size_t j) {
    const std::size_t a = find(i), b = find(j);
    parent_[std::max(a, b)] = std::min(a, b);
    return a != b;
  }

 private:
  std::vector<std::size_t> parent_;
};

double mean_diagonal(const GraphProblem& problem, std::size_t mode) {
  const Index n = problem.extents[mode];
  double trace = 0;
  for (Index i = 0; i < n; ++i) {
    trace += problem.grams[mode][static_cast<std::size_t>(i * (n + 1))];
  }
  return trace / static_cast<double>(n);
}

void find_blocks_of_mode(const GraphProblem& problem, std::size_t mode,
                         std::vector<GraphBlock>& blocks) {
  const Index n = problem.extents[mode];
  DisjointSets sets(n);
  const double* gram = problem.grams[mode].data();
  const double scale = scale_of(problem, mode);
  Index count = n;  // of sets
  for (Index i = 1; i < n && count > 1; ++i) {
    for (Index j = 0; j < i && count > 1; ++j) {
      const double value = scale * std::abs(gram[i * n + j]);
      if (value > 0 && value > penalty_of(problem, mode, i, j)) {
        count -= sets.join(static_cast<std::size_t>(i), static_cast<std::size_t>(j)) ? 1 : 0;
      }
    }
  }
  // A set's root is its least member, so that blocks come in the order of their first rows.
  std::vector<std::size_t> block_of(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < block_of.size(); ++i) {
    const std::size_t root = sets.find(i);
    if (root == i) {
      block_of[i] = blocks.size();
      blocks.push_back({mode, {}, 0, 0, false});
    }
    block_of[i] = block_of[root];
    blocks[block_of[i]].rows.push_back(static_cast<Index>(i));
  }
}

}  // namespace

double unit_of(const GraphProblem& problem) {
  return mean_diagonal(problem, 0);
}

double scale_of(const GraphProblem& problem, std::size_t mode) {
  constexpr double rounding = 1e-12;
  const double scale = unit_of(problem) / mean_diagonal(problem, mode);
  return std::abs(scale - 1) > rounding ? scale : 1;
}

double penalty_of(const GraphProblem& problem, std::size_t mode, Index i, Index j) {
  const double penalty = problem.penalties[mode];
  if (problem.weights.empty() || problem.weights[mode].empty()) return penalty;
  const double weight =
      problem.weights[mode][static_cast<std::size_t>(i * problem.extents[mode] + j)];
  return std::isinf(weight) ? weight : penalty * weight;
}

std::vector<GraphBlock> find_blocks(const communication::Communicator& comm,
                                    const GraphProblem& problem, Index large_extent) {
  std::vector<GraphBlock> blocks;
  for (std::size_t k = 0; k < problem.extents.size(); ++k) {
    const std::size_t first = blocks.size();
    find_blocks_of_mode(problem, k, blocks);
    Index offset = 0;
    for (std::size_t b = first; b < blocks.size(); ++b) {
      blocks[b].offset = offset;
      offset += blocks[b].extent();
    }
  }
  const auto work = [](const GraphBlock& block) {
    return std::pow(static_cast<double>(block.extent()), 3);
  };
  std::vector<GraphBlock*> by_size;
  for (GraphBlock& block : blocks) by_size.push_back(&block);
  std::ranges::stable_sort(
      by_size, [](const GraphBlock* a, const GraphBlock* b) { return a->extent() > b->extent(); });
  std::vector<double> large;
  for (const GraphBlock* block : by_size) {
    if (block->extent() >= large_extent) large.push_back(work(*block));
  }
  const bool together = factors::has_scalapack() &&
                        factors::faster_together(large, comm.size(), distributed_efficiency);
  factors::WorkSplit split(comm.size());
  const auto& ranks = comm.nodes().by_turns();
  for (GraphBlock* block : by_size) {
    block->distributed = together && block->extent() >= large_extent;
    block->owner = ranks[static_cast<std::size_t>(split.assign(work(*block)))];
  }
  return blocks;
}

}  // namespace kronwerk::models
