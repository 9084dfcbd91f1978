#include "nearest_search.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "kronwerk/kernels/ring.hpp"
#include "nearest_scan.hpp"
#include "partial_results.hpp"

namespace kronwerk::kernels {
namespace {

/// One product is of this many rows and columns: half a megabyte, to stay in the second-level
/// cache until it has been looked at.
constexpr Index row_block = 64;
constexpr Index column_block = 1024;
/// Candidates kept before the worse ones are dropped, beyond the k that are needed.
constexpr Index spare_candidates = 64;

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

}  // namespace

/// Columns as the right-hand side of products: -2 (y - centre), one component after the other, and
/// |y - centre|².
struct NearestSearch::Block {
  Block(const Cloud& points, std::span<const double> centre)
      : count(points.count), values(at((points.dimension + 1) * points.count), 0.0) {
    double* norms = values.data() + points.dimension * count;
    for (int c = 0; c < points.dimension; ++c) {
      const double* from = points.values.data() + c * count;
      double* to = values.data() + c * count;
      for (Index j = 0; j < count; ++j) {
        const double difference = from[j] - centre[at(c)];
        to[j] = -2 * difference;
        norms[j] += difference * difference;
      }
    }
    for (Index j = 0; j < count; ++j) largest_norm = std::max(largest_norm, std::sqrt(norms[j]));
  }

  Index count;
  double largest_norm = 0;
  std::vector<double> values;
};

NearestSearch::NearestSearch(Expression formula, std::string row_variable,
                             std::string column_variable, std::vector<double> centre, Index k,
                             const Side& rows)
    : formula_(std::move(formula)),
      row_variable_(std::move(row_variable)),
      column_variable_(std::move(column_variable)),
      centre_(std::move(centre)),
      k_(k),
      rows_(rows),
      norms_(at(rows.count), 0.0),
      products_(at(row_block * column_block)),
      nearest_{rows.count, k, 1, {}, {}} {
  const Cloud& points = rows.variables.at(row_variable_);
  const Index width = points.dimension + 1;
  centred_.assign(at(rows.count * width), 1.0);
  for (int c = 0; c < points.dimension; ++c) {
    for (Index i = 0; i < rows.count; ++i) {
      const double value = points.values[at(c * rows.count + i)] - centre_[at(c)];
      centred_[at(i * width + c)] = value;
      norms_[at(i)] += value * value;
    }
  }
  for (double& norm : norms_) norm = std::sqrt(norm);
  nearest_.values.assign(at(rows.count * k), std::numeric_limits<double>::infinity());
  nearest_.indices.assign(at(rows.count * k), -1);
}

void NearestSearch::add(const Side& columns, const std::function<void()>& progress) {
  const Block block(columns.variables.at(column_variable_), centre_);
  std::vector<Search> searches(at(row_block));
  for (Index begin = 0; begin < rows_.count; begin += row_block) {
    const Index end = std::min(rows_.count, begin + row_block);
    for (Index i = begin; i < end; ++i) {
      searches[at(i - begin)] = start(i, block.largest_norm);
    }
    search(block, begin, end, searches);
    for (Index i = begin; i < end; ++i) prune(searches[at(i - begin)]);
    rank(columns, begin, end, searches);
    progress();
  }
}

// The product of D + 1 terms, the norms, the moved origin and the direct evaluation that it is
// compared with each err by a few ε times a square that is at most (|x| + |y|)².
NearestSearch::Search NearestSearch::start(Index row, double largest_norm) const {
  const double reach = norms_[at(row)] + largest_norm;
  const auto dimension = static_cast<double>(centre_.size());
  Search search;
  search.margin = (2 * dimension + 16) * std::numeric_limits<double>::epsilon() * reach * reach;
  search.threshold = std::numeric_limits<double>::infinity();
  const std::size_t last = at((row + 1) * k_ - 1);
  if (nearest_.indices[last] >= 0) {
    search.threshold = nearest_.values[last] - norms_[at(row)] * norms_[at(row)] + search.margin;
  }
  return search;
}

void NearestSearch::search(const Block& block, Index begin, Index end,
                           std::vector<Search>& searches) {
  const Index width = static_cast<Index>(centre_.size()) + 1;
  for (Index first = 0; first < block.count; first += column_block) {
    const Index count = std::min(column_block, block.count - first);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, core::narrow<int>(end - begin),
                core::narrow<int>(count), core::narrow<int>(width), 1.0,
                centred_.data() + begin * width, core::narrow<int>(width),
                block.values.data() + first, core::narrow<int>(block.count), 0.0, products_.data(),
                core::narrow<int>(column_block));
    for (Index i = begin; i < end; ++i) {
      scan(products_.data() + (i - begin) * column_block, first, count, searches[at(i - begin)]);
    }
  }
}

void NearestSearch::scan(const double* values, Index first, Index count, Search& search) const {
  Index group = next_group(values, 0, count, search.threshold);
  while (group < count) {
    const Index end = std::min(count, group + scan_group);
    for (Index j = group; j < end; ++j) {
      if (values[j] <= search.threshold) search.candidates.push_back({values[j], first + j});
    }
    if (std::ssize(search.candidates) > 2 * k_ + spare_candidates) prune(search);
    group = next_group(values, end, count, search.threshold);
  }
}

// The k-th of the values with errors is at least the k-th true one less the margin.
void NearestSearch::prune(Search& search) const {
  auto& candidates = search.candidates;
  if (std::ssize(candidates) > k_) {
    const auto kth = candidates.begin() + (k_ - 1);
    std::nth_element(candidates.begin(), kth, candidates.end(),
                     [](const Candidate& a, const Candidate& b) { return a.value < b.value; });
    search.threshold = std::min(search.threshold, kth->value + 2 * search.margin);
  }
  std::erase_if(candidates,
                [&](const Candidate& candidate) { return candidate.value > search.threshold; });
}

// Rows share their candidates: evaluating a few pairs too many costs less than a start per row. In
// ascending order, so that the lowest column wins ties.
void NearestSearch::rank(const Side& columns, Index begin, Index end,
                         const std::vector<Search>& searches) {
  std::vector<Index> chosen;
  for (Index i = begin; i < end; ++i) {
    for (const Candidate& candidate : searches[at(i - begin)].candidates) {
      chosen.push_back(candidate.column);
    }
  }
  if (chosen.empty()) return;
  std::sort(chosen.begin(), chosen.end());
  chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
  std::vector<Index> some_rows;
  for (Index i = begin; i < end; ++i) some_rows.push_back(i);

  const std::vector<ReductionRequest> requests{{ReductionKind::kmin_argkmin, k_, {}}};
  const Side row_side = gather_points(rows_, some_rows, 0);
  LocalReduction direct(formula_, {}, Precision::float64, requests, row_side);
  direct.add(gather_points(columns, chosen, 0));
  std::vector<ReductionResult> found = direct.finish();
  for (std::int64_t& index : found[0].indices) {
    if (index >= 0) index = columns.first + chosen[at(index)];
  }
  std::vector<ReductionResult> known{rows_of(nearest_, begin, end)};
  PartialResults(requests).merge(known, found);
  std::copy(known[0].values.begin(), known[0].values.end(), nearest_.values.begin() + begin * k_);
  std::copy(known[0].indices.begin(), known[0].indices.end(),
            nearest_.indices.begin() + begin * k_);
}

}  // namespace kronwerk::kernels
