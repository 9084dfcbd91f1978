// See src/MATHEMATICS.md, "Reductions".
#include "kronwerk/kernels/reductions/reduce.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "kernels/reductions/partial_results.hpp"
#include "kronwerk/core/progress.hpp"
#include "kronwerk/kernels/reductions/nearest_points.hpp"

namespace kronwerk::kernels {
namespace {

using communication::check_mpi;
using communication::collectively;
using communication::Communicator;

/// What the whole of a small kept side and its results may take on every rank, in numbers.
constexpr Index largest_gathered = Index{1} << 22;
/// A block of columns is worked on in this many pieces of the rows, with a word to MPI after each.
constexpr Index pieces = 4;
constexpr Index smallest_piece = 256;

/// What a message costs, in evaluated pairs: some microseconds.
constexpr double pairs_per_message = 3000;
/// What merging one number costs, likewise.
constexpr double pairs_per_number = 10;

/// A reduction over j: kept are the rows.
struct Problem {
  const ReductionSetup& setup;
  const DistributedSide& rows;
  const DistributedSide& columns;
};

void check_requests(const ReductionSetup& setup, Index reduced) {
  for (const ReductionRequest& request : setup.requests) {
    const std::string& name = to_text(request.kind);
    if (request.k < 1 || (request.k > 1 && request.k > reduced)) {
      throw core::ConfigurationError(
          fmt::format("'{}' asks for {} entries of each of the {} that are reduced; k must be from "
                      "1 to that number",
                      name, request.k, reduced));
    }
    const bool weighted =
        request.kind == ReductionKind::logsumexp || request.kind == ReductionKind::softmax;
    if (request.kind == ReductionKind::softmax && !request.weight) {
      throw core::ConfigurationError("'softmax' needs a weight, the vector that it averages");
    }
    if (!request.weight) continue;
    if (!weighted) {
      throw core::ConfigurationError(
          fmt::format("'{}' takes no weight; only 'logsumexp' and 'softmax' do", name));
    }
    if (setup.formula.dimension() != 1) {
      throw core::ConfigurationError(
          fmt::format("'{}' with a weight is of a scalar formula; this one has dimension {}", name,
                      setup.formula.dimension()));
    }
  }
}

void add_in_pieces(LocalReduction& reduction, const Side& block, Index rows,
                   const std::function<void()>& progress) {
  // Whole multiples, since rows are evaluated in small groups.
  const Index piece = (rows / pieces / smallest_piece + 1) * smallest_piece;
  for (Index begin = 0; begin < rows; begin += piece) {
    reduction.add(block, begin, std::min(rows, begin + piece));
    core::report_progress("row", std::min(rows, begin + piece), rows);
    progress();
  }
}

ReduceOutcome reduce_around_ring(const Communicator& comm, const Problem& problem) {
  const ReductionSetup& setup = problem.setup;
  const Side& rows = problem.rows.local;
  std::optional<LocalReduction> reduction;
  collectively(comm, [&] {
    reduction.emplace(setup.formula, setup.constants, setup.precision, setup.requests, rows);
  });
  visit_ring(comm, problem.columns, variables_of(setup, axis_j),
             [&](const Side& block, const std::function<void()>& progress) {
               if (block.count > 0) add_in_pieces(*reduction, block, rows.count, progress);
             });
  ReduceOutcome outcome;
  collectively(comm, [&] { outcome.results = reduction->finish(); });
  outcome.nan_count = comm.sum(reduction->nan_count());
  return outcome;
}

/// All points of a small side on every rank.
Side gather_side(const Communicator& comm, const DistributedSide& side,
                 const std::set<std::string>& names) {
  Side whole;
  whole.first = side.offset;
  whole.count = side.partition.size();
  collectively(comm, [&] {
    for (const std::string& name : names) {
      const int dimension = side.local.variables.at(name).dimension;
      Cloud& cloud = whole.variables[name];
      cloud = {dimension, whole.count,
               std::vector<double>(static_cast<std::size_t>(whole.count * dimension))};
    }
  });
  visit_ring(comm, side, names, [&](const Side& block, const std::function<void()>&) {
    for (const std::string& name : names) {
      const Cloud& from = block.variables.at(name);
      Cloud& to = whole.variables.at(name);
      for (int c = 0; c < to.dimension; ++c) {
        std::copy_n(from.values.begin() + c * block.count, block.count,
                    to.values.begin() + c * whole.count + block.first - side.offset);
      }
    }
  });
  return whole;
}

/// Every result's values, then every result's indices, as they travel.
template <typename Take>
void each_array(std::vector<ReductionResult>& results, const Take& take) {
  for (ReductionResult& result : results) {
    if (!result.values.empty()) take(result.values.data(), result.values.size(), MPI_DOUBLE);
    if (!result.indices.empty()) take(result.indices.data(), result.indices.size(), MPI_INT64_T);
  }
}

/// The merged results of all ranks on every rank, along a binomial tree, so that they are the same
/// whenever the same ranks have the same parts.
void merge_over_ranks(const Communicator& comm, const PartialResults& partial,
                      std::vector<ReductionResult>& results) {
  const int rank = comm.rank();
  std::vector<ReductionResult> other = results;
  for (int step = 1; step < comm.size(); step *= 2) {
    if (rank % (2 * step) == step) {
      each_array(results, [&](void* data, std::size_t count, MPI_Datatype type) {
        check_mpi(MPI_Send(data, core::narrow<int>(count), type, rank - step, 0, comm.get()));
      });
      break;
    }
    if (rank + step >= comm.size()) continue;
    each_array(other, [&](void* data, std::size_t count, MPI_Datatype type) {
      check_mpi(MPI_Recv(data, core::narrow<int>(count), type, rank + step, 0, comm.get(),
                         MPI_STATUS_IGNORE));
    });
    partial.merge(results, other);
  }
  each_array(results, [&](void* data, std::size_t count, MPI_Datatype type) {
    check_mpi(MPI_Bcast(data, core::narrow<int>(count), type, 0, comm.get()));
  });
}

ReduceOutcome reduce_own_columns(const Communicator& comm, const Problem& problem) {
  const ReductionSetup& setup = problem.setup;
  const Side rows = gather_side(comm, problem.rows, variables_of(setup, axis_i));
  const PartialResults partial(setup.requests);
  std::vector<ReductionResult> results;
  Index nan_count = 0;
  collectively(comm, [&] {
    LocalReduction reduction(setup.formula, setup.constants, setup.precision, partial.requests(),
                             rows);
    if (problem.columns.local.count > 0) reduction.add(problem.columns.local);
    results = reduction.finish();
    nan_count = reduction.nan_count();
  });
  merge_over_ranks(comm, partial, results);
  ReduceOutcome outcome;
  const auto& partition = problem.rows.partition;
  for (const ReductionResult& result : partial.finish(results, problem.columns.partition.size())) {
    outcome.results.push_back(
        rows_of(result, partition.begin(comm.rank()), partition.end(comm.rank())));
  }
  outcome.nan_count = comm.sum(nan_count);
  return outcome;
}

Index width_of(const ReductionSetup& setup) {
  Index width = 0;
  for (const ReductionRequest& request : setup.requests) {
    const Index dimension =
        request.weight ? request.weight->dimension() : setup.formula.dimension();
    width += 2 * request.k * dimension;
  }
  for (const auto& [name, symbol] : setup.formula.variables()) {
    if (symbol.axes == axis_i) width += symbol.dimension;
  }
  return width;
}

}  // namespace

Spread choose_spread(Index kept, Index reduced, Index width, int ranks) {
  if (ranks == 1 || kept == 0) return Spread::kept_axis;
  if (width > 0 && kept > largest_gathered / width) return Spread::kept_axis;
  const auto share = [ranks](Index size) {
    return static_cast<double>((size + ranks - 1) / ranks);
  };
  const double messages = std::ceil(std::log2(static_cast<double>(ranks)));
  const double round_ring =
      share(kept) * static_cast<double>(reduced) + (ranks - 1) * pairs_per_message;
  // The kept side has to be gathered first, round the same ring.
  const double own_columns =
      static_cast<double>(kept) * share(reduced) + (ranks - 1) * pairs_per_message +
      messages * (2 * pairs_per_message + pairs_per_number * static_cast<double>(kept * width));
  return own_columns < 0.9 * round_ring ? Spread::reduced_axis : Spread::kept_axis;
}

ReductionSetup transposed(const ReductionSetup& setup) {
  ReductionSetup result = setup;
  result.formula = setup.formula.transposed();
  result.over = setup.over == axis_j ? axis_i : axis_j;
  for (ReductionRequest& request : result.requests) {
    if (request.weight) request.weight = request.weight->transposed();
  }
  return result;
}

std::set<std::string> variables_of(const ReductionSetup& setup, Axes axis) {
  std::set<std::string> names;
  const auto add = [&](const Expression& expression) {
    for (const auto& [name, symbol] : expression.variables()) {
      if (symbol.axes == axis) names.insert(name);
    }
  };
  add(setup.formula);
  for (const ReductionRequest& request : setup.requests) {
    if (request.weight) add(*request.weight);
  }
  return names;
}

ReduceOutcome reduce(const Communicator& comm, const ReductionSetup& setup,
                     const DistributedSide& rows, const DistributedSide& columns) {
  const bool over_columns = setup.over == axis_j;
  const Index kept = (over_columns ? rows : columns).partition.size();
  const Index reduced = (over_columns ? columns : rows).partition.size();
  const Index width = width_of(over_columns ? setup : transposed(setup));
  const Spread spread = choose_spread(kept, reduced, width, comm.size());
  if (spread == Spread::kept_axis && prefers_products(setup, kept, reduced)) {
    collectively(comm, [&] { check_requests(setup, reduced); });
    return reduce_nearest(comm, setup, rows, columns);
  }
  return reduce(comm, setup, rows, columns, spread);
}

ReduceOutcome reduce(const Communicator& comm, const ReductionSetup& setup,
                     const DistributedSide& rows, const DistributedSide& columns, Spread spread) {
  if (setup.over == axis_i) return reduce(comm, transposed(setup), columns, rows, spread);
  collectively(comm, [&] { check_requests(setup, columns.partition.size()); });
  check_side(comm, rows, variables_of(setup, axis_i));
  check_side(comm, columns, variables_of(setup, axis_j));
  const Problem problem{setup, rows, columns};
  ReduceOutcome outcome = spread == Spread::kept_axis ? reduce_around_ring(comm, problem)
                                                      : reduce_own_columns(comm, problem);
  outcome.spread = spread;
  return outcome;
}

}  // namespace kronwerk::kernels
