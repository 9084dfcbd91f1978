// See src/MATHEMATICS.md, "Reductions".
#include "kronwerk/kernels/reductions/block_sparse.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <utility>

#include "kernels/reductions/cells.hpp"
#include "kernels/reductions/decay.hpp"
#include "kernels/reductions/partial_results.hpp"

namespace kronwerk::kernels {
namespace {

using communication::collectively;
using communication::Communicator;

// Sorted points have new positions; their numbers go along as variables.
const std::string row_number = "point.row";
const std::string column_number = "point.column";
/// Consecutive integers are exact in float32 up to here.
constexpr Index exact_in_float = Index{1} << 24;

/// i and j as variables.
class NumbersAsVariables {
 public:
  NodePtr rewrite(const NodePtr& node) {
    const auto known = known_.find(node.get());
    if (known != known_.end()) return known->second;
    NodePtr result = node;
    if (node->operation == Operation::row || node->operation == Operation::column) {
      found_ = true;
      const bool row = node->operation == Operation::row;
      result = make_variable(row ? row_number : column_number, {1, row ? axis_i : axis_j}).root();
    } else if (!node->arguments.empty()) {
      Node copy = *node;
      for (NodePtr& argument : copy.arguments) argument = rewrite(argument);
      if (copy.arguments != node->arguments) result = std::make_shared<const Node>(std::move(copy));
    }
    known_[node.get()] = result;
    return result;
  }
  bool found() const noexcept { return found_; }

 private:
  std::map<const Node*, NodePtr> known_;
  bool found_ = false;
};

ReductionSetup with_numbers_as_variables(const ReductionSetup& setup, Index most_points) {
  NumbersAsVariables numbers;
  ReductionSetup result = setup;
  result.formula = Expression(numbers.rewrite(setup.formula.root()));
  for (ReductionRequest& request : result.requests) {
    if (request.weight) request.weight = Expression(numbers.rewrite(request.weight->root()));
  }
  if (numbers.found() && setup.precision == Precision::float32 && most_points > exact_in_float) {
    throw core::ConfigurationError(
        "i and j of more than 16,777,216 points are not exact in float32; use float64 here");
  }
  return result;
}

/// The variables `names` of the points `chosen`; one may be their numbers, called `number`.
Side gather_numbered(const Side& side, std::span<const Index> chosen,
                     const std::set<std::string>& names, const std::string& number) {
  Side result{side.first, std::ssize(chosen), {}};
  for (const std::string& name : names) {
    Cloud& cloud = result.variables[name];
    if (name != number) {
      cloud = gather_points(side.variables.at(name), chosen);
      continue;
    }
    cloud = {1, result.count, {}};
    for (const Index p : chosen) cloud.values.push_back(static_cast<double>(side.first + p));
  }
  return result;
}

/// The reduction over j of this rank's rows, sorted by cube.
class SparseReduction {
 public:
  SparseReduction(const ReductionSetup& setup, const CellGrid& grid, double range,
                  const BlockSparsity& sparsity, const DistributedSide& rows,
                  const distribution::BlockPartition& columns)
      : grid_(grid),
        range_(range),
        sparsity_(sparsity),
        columns_(columns),
        partial_(setup.requests),
        column_names_(variables_of(setup, axis_j)),
        row_cells_(grid, rows.local.variables.at(sparsity.row_points)),
        sorted_rows_(gather_numbered(rows.local, row_cells_.order(), variables_of(setup, axis_i),
                                     row_number)),
        reduction_(setup.formula, setup.constants, setup.precision, partial_.requests(),
                   sorted_rows_),
        visited_(row_cells_.cells().size(), 0) {
    for (const ReductionRequest& request : partial_.requests()) {
      keeps_positions_ = keeps_positions_ || gives_indices(request.kind);
    }
  }

  void add(const Side& block, const std::function<void()>& progress) {
    const SortedCells column_cells(grid_, block.variables.at(sparsity_.column_points));
    std::vector<Index> chosen;
    const auto& cells = row_cells_.cells();
    for (std::size_t c = 0; c < cells.size(); ++c) {
      column_cells.gather(cells[c].place, range_, keeps_positions_, chosen);
      if (chosen.empty()) continue;
      visited_[c] += std::ssize(chosen);
      reduction_.add(gather_numbered(block, chosen, column_names_, column_number), cells[c].begin,
                     cells[c].end);
      if (keeps_positions_) positions_[{c, block.first}] = chosen;
      progress();
    }
  }

  /// In the order of the rows before they were sorted.
  std::vector<ReductionResult> finish() {
    std::vector<ReductionResult> results = reduction_.finish();
    for (std::size_t c = 0; c < row_cells_.cells().size(); ++c) {
      for (ReductionResult& result : results) restore_indices(result, c);
    }
    results = partial_.finish(results, columns_.size());
    for (ReductionResult& result : results) restore_order(result);
    return results;
  }

  Index nan_count() const noexcept { return reduction_.nan_count(); }
  double visited_pairs() const {
    double pairs = 0;
    for (std::size_t c = 0; c < visited_.size(); ++c) {
      const auto& cell = row_cells_.cells()[c];
      pairs += static_cast<double>(visited_[c]) * static_cast<double>(cell.end - cell.begin);
    }
    return pairs;
  }
  /// Columns left out, per row in the order before sorting.
  std::vector<Index> skipped() const {
    std::vector<Index> counts(row_cells_.order().size());
    for (std::size_t c = 0; c < visited_.size(); ++c) {
      const auto& cell = row_cells_.cells()[c];
      for (Index p = cell.begin; p < cell.end; ++p) {
        const Index row = row_cells_.order()[static_cast<std::size_t>(p)];
        counts[static_cast<std::size_t>(row)] = columns_.size() - visited_[c];
      }
    }
    return counts;
  }

 private:
  /// A gathered column's index is its block's first plus its position among the gathered. Positions
  /// ascend with the columns, so that ties were decided as they should be.
  void restore_indices(ReductionResult& result, std::size_t c) const {
    if (result.indices.empty()) return;
    const auto& cell = row_cells_.cells()[c];
    const Index width = result.k * result.dimension;
    for (Index v = cell.begin * width; v < cell.end * width; ++v) {
      std::int64_t& index = result.indices[static_cast<std::size_t>(v)];
      if (index < 0) continue;
      const Index first = columns_.begin(columns_.owner(index));
      index = first + positions_.at({c, first})[static_cast<std::size_t>(index - first)];
    }
  }

  void restore_order(ReductionResult& result) const {
    const Index width = result.k * result.dimension;
    const auto restore = [&](auto& values) {
      if (values.empty()) return;
      const auto sorted = values;
      for (std::size_t p = 0; p < row_cells_.order().size(); ++p) {
        std::copy_n(sorted.begin() + static_cast<Index>(p) * width, width,
                    values.begin() + row_cells_.order()[p] * width);
      }
    };
    restore(result.values);
    restore(result.indices);
  }

  const CellGrid& grid_;
  double range_;
  const BlockSparsity& sparsity_;
  const distribution::BlockPartition& columns_;
  PartialResults partial_;
  std::set<std::string> column_names_;
  SortedCells row_cells_;
  Side sorted_rows_;
  LocalReduction reduction_;
  std::vector<Index> visited_;  ///< columns, per cube of rows
  bool keeps_positions_ = false;
  /// The columns gathered for a cube of rows from the block that begins there.
  std::map<std::pair<std::size_t, Index>, std::vector<Index>> positions_;
};

void check_sparsity(const ReductionSetup& setup, const DistributedSide& rows,
                    const DistributedSide& columns, const BlockSparsity& sparsity) {
  if (sparsity.range.has_value() == sparsity.tolerance.has_value()) {
    throw core::ConfigurationError(
        "block-sparse evaluation takes either the range or the tolerance");
  }
  const double given = sparsity.range.value_or(sparsity.tolerance.value_or(0));
  if (!(given >= 0)) {
    throw core::ConfigurationError(
        fmt::format("the {} of block-sparse evaluation must not be negative; {} was given",
                    sparsity.range ? "range" : "tolerance", given));
  }
  for (const ReductionRequest& request : setup.requests) {
    if (request.k >= 1 && (request.k == 1 || request.k <= columns.partition.size())) continue;
    throw core::ConfigurationError(
        fmt::format("'{}' asks for {} entries of each of the {} that are reduced",
                    to_text(request.kind), request.k, columns.partition.size()));
  }
  const auto x = rows.local.variables.find(sparsity.row_points);
  const auto y = columns.local.variables.find(sparsity.column_points);
  if (x == rows.local.variables.end() || y == columns.local.variables.end()) {
    throw core::ConfigurationError(
        fmt::format("there are no points '{}' and '{}' to measure distances of",
                    sparsity.row_points, sparsity.column_points));
  }
  if (x->second.dimension != y->second.dimension) {
    throw core::ConfigurationError(fmt::format(
        "the points '{}' have dimension {} and '{}' have {}: no distance", sparsity.row_points,
        x->second.dimension, sparsity.column_points, y->second.dimension));
  }
}

/// The largest error of any row that the skipped columns can have made.
double error_bound(const Decay& decay, const ReductionRequest& request,
                   const ReductionResult& result, std::span<const Index> skipped, double range,
                   Index columns) {
  const bool exponential = request.kind == ReductionKind::logsumexp;
  const bool known = request.kind == ReductionKind::sum || request.kind == ReductionKind::mean ||
                     request.kind == ReductionKind::norm || exponential;
  if (!known || request.weight) return std::numeric_limits<double>::quiet_NaN();
  const double each = decay.beyond(range, exponential);
  double largest = 0;
  for (std::size_t v = 0; v < result.values.size(); ++v) {
    const auto left_out =
        static_cast<double>(skipped[v / static_cast<std::size_t>(result.dimension)]);
    if (left_out == 0 || each == 0) continue;
    switch (request.kind) {
      case ReductionKind::sum:
        largest = std::max(largest, left_out * each);
        break;
      case ReductionKind::mean:
        largest = std::max(largest, left_out * each / static_cast<double>(columns));
        break;
      case ReductionKind::norm:
        largest = std::max(largest, std::sqrt(left_out) * each);
        break;
      default:
        largest = std::max(largest, std::log1p(left_out * each * std::exp(-result.values[v])));
        break;
    }
  }
  return largest;
}

/// NaN as on one rank if it is NaN on any.
double max_over_ranks(const Communicator& comm, double value) {
  const bool unknown = comm.any(std::isnan(value));
  const double largest = comm.max(std::isnan(value) ? 0 : value);
  return unknown ? std::numeric_limits<double>::quiet_NaN() : largest;
}

}  // namespace

BlockSparseOutcome reduce_block_sparse(const Communicator& comm, const ReductionSetup& setup,
                                       const DistributedSide& rows, const DistributedSide& columns,
                                       const BlockSparsity& sparsity) {
  if (setup.over == axis_i) {
    BlockSparsity exchanged = sparsity;
    std::swap(exchanged.row_points, exchanged.column_points);
    return reduce_block_sparse(comm, transposed(setup), columns, rows, exchanged);
  }
  collectively(comm, [&] { check_sparsity(setup, rows, columns, sparsity); });
  std::set<std::string> row_names = variables_of(setup, axis_i);
  std::set<std::string> column_names = variables_of(setup, axis_j);
  row_names.insert(sparsity.row_points);
  column_names.insert(sparsity.column_points);
  check_side(comm, rows, row_names);
  check_side(comm, columns, column_names);

  const Index row_count = rows.partition.size();
  const Index column_count = columns.partition.size();
  const Box box = box_of(comm, rows.local.variables.at(sparsity.row_points),
                         columns.local.variables.at(sparsity.column_points));
  const Decay decay(comm, setup, rows, columns, sparsity, box);
  BlockSparseOutcome outcome;
  std::optional<SparseReduction> reduction;
  collectively(comm, [&] {
    BlockSparsity resolved = sparsity;
    if (sparsity.tolerance) resolved.range = decay.range(*sparsity.tolerance);
    outcome.range = *resolved.range;
    outcome.grid = make_grid(box, std::max(row_count, column_count), resolved);
    reduction.emplace(with_numbers_as_variables(setup, std::max(row_count, column_count)),
                      outcome.grid, outcome.range, sparsity, rows, columns.partition);
  });
  visit_ring(comm, columns, column_names,
             [&](const Side& block, const std::function<void()>& progress) {
               reduction->add(block, progress);
             });
  collectively(comm, [&] { outcome.reduced.results = reduction->finish(); });
  outcome.reduced.nan_count = comm.sum(reduction->nan_count());
  const double pairs = static_cast<double>(row_count) * static_cast<double>(column_count);
  outcome.skipped_share = pairs > 0 ? 1 - comm.sum(reduction->visited_pairs()) / pairs : 0.0;
  const std::vector<Index> skipped = reduction->skipped();
  for (std::size_t r = 0; r < setup.requests.size(); ++r) {
    outcome.error_bounds.push_back(
        max_over_ranks(comm, error_bound(decay, setup.requests[r], outcome.reduced.results[r],
                                         skipped, outcome.range, column_count)));
  }
  return outcome;
}

}  // namespace kronwerk::kernels
