#include "kernels/reductions/nearest_points_search.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "kernels/reductions/nearest_points_scan.hpp"
#include "kernels/reductions/partial_results.hpp"
#include "kronwerk/core/interruption.hpp"
#include "kronwerk/kernels/reductions/ring.hpp"

namespace kronwerk::kernels {
namespace {

/// One product is of this many rows and columns: half a megabyte, to stay in the second-level cache
/// until it has been looked at.
constexpr Index row_block = 256;
constexpr Index column_block = 512;
/// Rows that share their candidates.
constexpr Index rank_block = 64;
/// Candidates kept before the worse ones are dropped, beyond the k that are needed.
constexpr Index spare_candidates = 64;

/// Bounds of the relative error of one operation in float32, and of the absolute error of one whose
/// result is too small for that.
constexpr double float_error = 0x1p-24;
constexpr double float_underflow = 0x1p-126;

/// The least float that is not less.
float round_up(double value) {
  const auto rounded = static_cast<float>(value);
  return static_cast<double>(rounded) < value
             ? std::nextafter(rounded, std::numeric_limits<float>::infinity())
             : rounded;
}

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

}  // namespace

/// Columns as the right-hand side of products: -2 scale (y - centre), one component after the
/// other, and scale² |y - centre|².
struct NearestSearch::Block {
  Block(const Cloud& points, std::span<const double> centre, double scale)
      : count(points.count), values(at((points.dimension + 1) * points.count)) {
    std::vector<double> squares(at(count), 0.0);
    for (int c = 0; c < points.dimension; ++c) {
      const double* from = points.values.data() + c * count;
      float* to = values.data() + c * count;
      for (Index j = 0; j < count; ++j) {
        const double difference = scale * (from[j] - centre[at(c)]);
        to[j] = static_cast<float>(-2 * difference);
        squares[at(j)] += difference * difference;
      }
    }
    float* to = values.data() + points.dimension * count;
    for (Index j = 0; j < count; ++j) to[j] = static_cast<float>(squares[at(j)]);
    for (const double square : squares) largest_norm = std::max(largest_norm, std::sqrt(square));
  }

  Index count;
  double largest_norm = 0;
  std::vector<float> values;
};

NearestSearch::NearestSearch(Expression formula, std::string row_variable,
                             std::string column_variable, std::vector<double> centre, double scale,
                             Index k, const Side& rows)
    : formula_(std::move(formula)),
      row_variable_(std::move(row_variable)),
      column_variable_(std::move(column_variable)),
      centre_(std::move(centre)),
      scale_(scale),
      k_(k),
      rows_(rows),
      norms_(at(rows.count), 0.0),
      products_(at(row_block * column_block)),
      nearest_{rows.count, k, 1, {}, {}} {
  const Cloud& points = rows.variables.at(row_variable_);
  const Index width = points.dimension + 1;
  centred_.assign(at(rows.count * width), 1.0F);
  for (int c = 0; c < points.dimension; ++c) {
    for (Index i = 0; i < rows.count; ++i) {
      const double value = scale * (points.values[at(c * rows.count + i)] - centre_[at(c)]);
      centred_[at(i * width + c)] = static_cast<float>(value);
      norms_[at(i)] += value * value;
    }
  }
  for (double& norm : norms_) norm = std::sqrt(norm);
  nearest_.values.assign(at(rows.count * k), std::numeric_limits<double>::infinity());
  nearest_.indices.assign(at(rows.count * k), -1);
}

void NearestSearch::add(const Side& columns, const std::function<void()>& progress) {
  const Block block(columns.variables.at(column_variable_), centre_, scale_);
  std::vector<Search> searches(at(row_block));
  for (Index begin = 0; begin < rows_.count; begin += row_block) {
    const Index end = std::min(rows_.count, begin + row_block);
    for (Index i = begin; i < end; ++i) {
      searches[at(i - begin)] = start(i, block.largest_norm);
    }
    search(block, begin, end, searches);
    for (Index i = begin; i < end; ++i) prune(searches[at(i - begin)]);
    for (Index first = begin; first < end; first += rank_block) {
      const Index count = std::min(rank_block, end - first);
      rank(columns, first, std::span(searches).subspan(at(first - begin), at(count)));
    }
    progress();
  }
}

// Every one of the D + 1 terms has been rounded up to three times, and the sum D times, relative to
// magnitudes that add up to less than (|x| + |y|)² (Higham 2002, section 3.1); the errors of the
// direct evaluation, of the moved origin and of |x|², in float64, are less than one more of these.
NearestSearch::Search NearestSearch::start(Index row, double largest_norm) const {
  const double norm = norms_[at(row)];
  const double reach = norm + largest_norm;
  const double operations = static_cast<double>(centre_.size()) + 8;
  Search search;
  search.room = 2 * k_ + spare_candidates;
  search.margin = operations * (float_error * reach * reach + float_underflow);
  search.threshold = std::numeric_limits<float>::infinity();
  const std::size_t last = at((row + 1) * k_ - 1);
  if (nearest_.indices[last] >= 0) {
    const double farthest = scale_ * scale_ * nearest_.values[last];
    search.threshold = round_up(farthest - norm * norm + search.margin);
  }
  return search;
}

void NearestSearch::search(const Block& block, Index begin, Index end,
                           std::vector<Search>& searches) {
  const Index width = static_cast<Index>(centre_.size()) + 1;
  for (Index first = 0; first < block.count; first += column_block) {
    core::check_interruption();
    const Index count = std::min(column_block, block.count - first);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, core::narrow<int>(end - begin),
                core::narrow<int>(count), core::narrow<int>(width), 1.0F,
                centred_.data() + begin * width, core::narrow<int>(width),
                block.values.data() + first, core::narrow<int>(block.count), 0.0F, products_.data(),
                core::narrow<int>(column_block));
    for (Index i = begin; i < end; ++i) {
      scan(products_.data() + (i - begin) * column_block, first, count, searches[at(i - begin)]);
    }
  }
}

void NearestSearch::scan(const float* values, Index first, Index count, Search& search) const {
  Index group = next_group(values, 0, count, search.threshold);
  while (group < count) {
    const Index end = std::min(count, group + scan_group);
    for (Index j = group; j < end; ++j) {
      if (values[j] <= search.threshold) search.candidates.push_back({values[j], first + j});
    }
    if (std::ssize(search.candidates) > search.room) prune(search);
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
    search.threshold = std::min(search.threshold, round_up(kth->value + 2 * search.margin));
  }
  std::erase_if(candidates,
                [&](const Candidate& candidate) { return candidate.value > search.threshold; });
  search.room = std::max(2 * k_ + spare_candidates, 2 * std::ssize(candidates));
}

// Rows share their candidates: evaluating a few pairs too many costs less than a start per row. In
// ascending order, so that the lowest column wins ties.
void NearestSearch::rank(const Side& columns, Index begin, std::span<const Search> searches) {
  const Index end = begin + std::ssize(searches);
  std::vector<Index> chosen;
  for (const Search& search : searches) {
    for (const Candidate& candidate : search.candidates) chosen.push_back(candidate.column);
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
