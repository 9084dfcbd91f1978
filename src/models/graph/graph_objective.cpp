// See src/MATHEMATICS.md, "Graphs of every mode".
#include "models/graph/graph_objective.hpp"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "factors/spectra/eigen_distributed.hpp"
#include "kronwerk/core/interruption.hpp"
#include "models/graph/entries.hpp"
#include "models/graph/spectrum_fit.hpp"
#include "models/graph/symmetric.hpp"

namespace kronwerk::models {
namespace {

std::size_t square(Index n) {
  return static_cast<std::size_t>(core::multiply(n, n));
}

std::string name_of(const GraphBlock& block) {
  return fmt::format("precision of mode {}", block.mode + 1);
}

}  // namespace

/// What all ranks need to decompose a matrix together.
struct GraphObjective::Shared {
  Shared(const communication::Communicator& comm, Index entries)
      : leaders(comm), matrix(comm, entries) {}
  factors::NodeLeaders leaders;
  communication::SharedArray<double> matrix;
};

GraphObjective::GraphObjective(const communication::Communicator& comm, const GraphProblem& problem,
                               Index large_extent)
    : comm_(&comm),
      extents_(problem.extents),
      blocks_(find_blocks(comm, problem, large_extent)),
      unit_(unit_of(problem)) {
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    if (blocks_[b].owner == comm.rank()) own_.push_back(b);
  }
  communication::collectively(comm, [&] {
    resize(grams_);
    resize(penalties_);
    for (std::size_t b = 0; b < own_.size(); ++b) {
      const GraphBlock& block = own_block(b);
      const Index n = extents_[block.mode];
      const auto& gram = problem.grams[block.mode];
      const double scale = scale_of(problem, block.mode) / unit_;
      std::size_t at = 0;
      for (const Index i : block.rows) {
        for (const Index j : block.rows) {
          // The lower triangle counts.
          if (j <= i) grams_[b][at] = scale * gram[static_cast<std::size_t>(i * n + j)];
          penalties_[b][at] = i == j ? 0 : penalty_of(problem, block.mode, i, j) / unit_;
          ++at;
        }
      }
      for_pairs(block.extent(),
                [&](std::size_t below, std::size_t above) { grams_[b][above] = grams_[b][below]; });
    }
  });
  Index largest = 0;
  for (const GraphBlock& block : blocks_) {
    if (block.distributed) largest = std::max(largest, block.extent());
  }
  if (largest > 0) shared_ = std::make_unique<Shared>(comm, core::multiply(largest, largest));
}

GraphObjective::~GraphObjective() = default;

void GraphObjective::resize(BlockMatrices& matrices) const {
  matrices.resize(own_.size());
  for (std::size_t b = 0; b < own_.size(); ++b) matrices[b].resize(square(own_block(b).extent()));
}

std::vector<double> GraphObjective::of_all_blocks(std::span<const double> own,
                                                  std::size_t width) const {
  std::vector<double> all(blocks_.size() * width, 0.0);
  for (std::size_t b = 0; b < own_.size(); ++b) {
    for (std::size_t i = 0; i < width; ++i) all[own_[b] * width + i] = own[b * width + i];
  }
  comm_->sum(std::span(all));
  return all;
}

double GraphObjective::sum_blocks(std::span<const double> own) const {
  const std::vector<double> all = of_all_blocks(own);
  return std::accumulate(all.begin(), all.end(), 0.0);
}

ModeVectors GraphObjective::gather(const std::vector<std::vector<double>>& own,
                                   std::vector<double>* numbers) const {
  std::vector<double> all(
      static_cast<std::size_t>(std::accumulate(extents_.begin(), extents_.end(), Index{0})), 0.0);
  std::vector<std::size_t> begins{0};
  for (const Index extent : extents_)
    begins.push_back(begins.back() + static_cast<std::size_t>(extent));
  for (std::size_t b = 0; b < own_.size(); ++b) {
    const GraphBlock& block = own_block(b);
    std::ranges::copy(own[b],
                      all.begin() + static_cast<std::ptrdiff_t>(begins[block.mode]) + block.offset);
  }
  const std::size_t entries = all.size();
  if (numbers != nullptr) {
    all.resize(entries + blocks_.size(), 0.0);
    for (std::size_t b = 0; b < own_.size(); ++b) all[entries + own_[b]] = (*numbers)[b];
  }
  comm_->sum(std::span(all));
  if (numbers != nullptr) {
    numbers->assign(all.begin() + static_cast<std::ptrdiff_t>(entries), all.end());
  }
  ModeVectors result;
  for (std::size_t k = 0; k < extents_.size(); ++k) {
    result.emplace_back(all.begin() + static_cast<std::ptrdiff_t>(begins[k]),
                        all.begin() + static_cast<std::ptrdiff_t>(begins[k + 1]));
  }
  return result;
}

std::vector<std::vector<double>> GraphObjective::assemble(const BlockMatrices& matrices) const {
  std::vector<std::vector<double>> result;
  for (const Index extent : extents_) result.emplace_back(square(extent), 0.0);
  for (std::size_t b = 0; b < own_.size(); ++b) {
    const GraphBlock& block = own_block(b);
    std::size_t at = 0;
    for (const Index i : block.rows) {
      for (const Index j : block.rows) {
        result[block.mode][static_cast<std::size_t>(i * extents_[block.mode] + j)] =
            matrices[b][at++];
      }
    }
  }
  for (auto& mode : result) comm_->sum(std::span(mode));
  return result;
}

BlockMatrices GraphObjective::take(const std::vector<std::vector<double>>& matrices) const {
  BlockMatrices result;
  for (const std::size_t b : own_) {
    const GraphBlock& block = blocks_[b];
    auto& values = result.emplace_back();
    for (const Index i : block.rows) {
      for (const Index j : block.rows) {
        values.push_back(
            matrices[block.mode][static_cast<std::size_t>(i * extents_[block.mode] + j)]);
      }
    }
  }
  return result;
}

double GraphObjective::product(const BlockMatrices& x, const BlockMatrices& y) const {
  std::vector<double> products;
  for (std::size_t b = 0; b < own_.size(); ++b) {
    products.push_back(inner_of(x[b], y[b]) / static_cast<double>(extents_[own_block(b).mode]));
  }
  return sum_blocks(products);
}

void GraphObjective::balance(BlockMatrices& x) const {
  std::vector<double> traces;
  for (std::size_t b = 0; b < own_.size(); ++b) {
    const auto step = static_cast<std::size_t>(own_block(b).extent() + 1);
    double trace = 0;
    for (std::size_t i = 0; i < x[b].size(); i += step) trace += x[b][i];
    traces.push_back(trace / static_cast<double>(extents_[own_block(b).mode]));
  }
  traces = of_all_blocks(traces);
  std::vector<double> means(extents_.size(), 0.0);
  for (std::size_t b = 0; b < blocks_.size(); ++b) means[blocks_[b].mode] += traces[b];
  double mean = 0;
  for (const double value : means) mean += value / static_cast<double>(means.size());
  for (std::size_t b = 0; b < own_.size(); ++b) {
    const auto step = static_cast<std::size_t>(own_block(b).extent() + 1);
    for (std::size_t i = 0; i < x[b].size(); i += step) x[b][i] += mean - means[own_block(b).mode];
  }
}

void GraphObjective::decompose(GraphPoint& point,
                               std::vector<std::vector<double>>& eigenvalues) const {
  ++decompositions_;
  eigenvalues.resize(own_.size());
  communication::collectively(*comm_, [&] {
    resize(point.vectors);
    for (std::size_t b = 0; b < own_.size(); ++b) {
      const GraphBlock& block = own_block(b);
      if (block.distributed) continue;
      core::check_interruption();
      if (block.extent() == 1) {
        point.vectors[b] = {1};
        eigenvalues[b] = point.factors[b];
        continue;
      }
      std::ranges::copy(point.factors[b], point.vectors[b].begin());
      const auto spectrum =
          factors::symmetric_eigen(block.extent(), point.vectors[b].data(), name_of(block));
      eigenvalues[b].clear();
      for (const auto& value : spectrum.eigenvalues) eigenvalues[b].push_back(value.real());
    }
  });
  if (!shared_) return;
  std::size_t own = 0;
  for (const GraphBlock& block : blocks_) {
    const bool mine = block.owner == comm_->rank();
    if (block.distributed) {
      const std::size_t entries = square(block.extent());
      const auto matrix = shared_->matrix.mutable_span().first(entries);
      if (mine) std::ranges::copy(point.factors[own], matrix.begin());
      shared_->matrix.publish();
      shared_->leaders.broadcast(std::as_writable_bytes(matrix), block.owner);
      shared_->matrix.publish();
      const auto spectrum = factors::distributed_symmetric_eigen(
          *comm_, shared_->leaders, block.extent(), matrix.data(), true, name_of(block));
      shared_->matrix.publish();
      if (mine) {
        std::ranges::copy(matrix, point.vectors[own].begin());
        eigenvalues[own].clear();
        for (const auto& value : spectrum.eigenvalues) eigenvalues[own].push_back(value.real());
      }
      shared_->matrix.publish();
    }
    own += mine ? 1 : 0;
  }
}

bool GraphObjective::evaluate(GraphPoint& point) const {
  std::vector<std::vector<double>> eigenvalues;
  decompose(point, eigenvalues);
  std::vector<double> linear;
  for (std::size_t b = 0; b < own_.size(); ++b) {
    const double* factor = point.factors[b].data();
    const double* gram = grams_[b].data();
    const double* penalty = penalties_[b].data();
    const double sum = sum_of(grams_[b].size(), [=](std::size_t i) {
      // Where entries are kept at zero the penalty is infinite.
      const double term = gram[i] * factor[i] + penalty[i] * std::abs(factor[i]);
      return factor[i] != 0 ? term : 0;
    });
    linear.push_back(sum / static_cast<double>(extents_[own_block(b).mode]));
  }
  point.spectra = gather(eigenvalues, &linear);
  if (!(least_sum(point.spectra) > 0)) return false;
  point.log_determinant = operators::kronecker_sum_determinant(*comm_, point.spectra).log_abs;
  point.objective = std::accumulate(linear.begin(), linear.end(), 0.0) -
                    point.log_determinant / static_cast<double>(points());
  return std::isfinite(point.objective);
}

void compose(Index extent, const std::vector<double>& vectors, const double* weights,
             std::vector<double>& work, std::vector<double>& out) {
  const int n = core::narrow<int>(extent);
  work.resize(vectors.size());
  for (Index i = 0; i < extent; ++i) {
    const double root = std::sqrt(weights[i]);
    const double* from = vectors.data() + i * extent;
    double* to = work.data() + i * extent;
    for (Index j = 0; j < extent; ++j) to[j] = root * from[j];
  }
  cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, n, n, 1.0, work.data(), n, 0.0, out.data(), n);
}

void GraphObjective::differentiate(GraphPoint& point) const {
  point.means = reciprocal_means(*comm_, point.spectra);
  communication::collectively(*comm_, [&] {
    resize(point.gradients);
    std::vector<double> scaled;
    for (std::size_t b = 0; b < own_.size(); ++b) {
      const GraphBlock& block = own_block(b);
      const Index n = block.extent();
      auto& gradient = point.gradients[b];
      compose(n, point.vectors[b], point.means[block.mode].data() + block.offset, scaled, gradient);
      for_pairs(n, [&](std::size_t below, std::size_t above) {
        gradient[below] = gradient[above] = grams_[b][below] - gradient[below];
      });
      for (std::size_t i = 0; i < gradient.size(); i += static_cast<std::size_t>(n + 1)) {
        gradient[i] = grams_[b][i] - gradient[i];
      }
    }
  });
  point.kkt = comm_->max(violation(point));
}

double GraphObjective::violation(const GraphPoint& point) const {
  double result = 0;
  for (std::size_t b = 0; b < own_.size(); ++b) {
    const double* factor = point.factors[b].data();
    const double* gradient = point.gradients[b].data();
    const double* penalty = penalties_[b].data();
    result = std::max(result, largest_of(penalties_[b].size(), [=](std::size_t i) {
                        const double held = std::abs(gradient[i]) - penalty[i];
                        const double free =
                            std::abs(gradient[i] + std::copysign(penalty[i], factor[i]));
                        return factor[i] != 0 ? free : held;
                      }));
  }
  return result;
}

}  // namespace kronwerk::models
