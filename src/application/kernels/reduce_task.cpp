// Reductions of a kernel formula over one index of its points.
#include "application/kernels/reduce_task.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "application/inputs/point_variables.hpp"
#include "application/inputs/problem.hpp"
#include "application/kernels/reduce_problem.hpp"
#include "application/kernels/reduce_results.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/io/hdf5/read.hpp"
#include "kronwerk/kernels/reductions/block_sparse.hpp"
#include "kronwerk/kernels/reductions/centring.hpp"
#include "kronwerk/kernels/reductions/nearest_points.hpp"
#include "kronwerk/kernels/reductions/reduce_gradient.hpp"
#include "kronwerk/methods/memory.hpp"

namespace kronwerk::application {
namespace {

using configuration::Job;
using kernels::DistributedSide;
using kernels::ReductionRequest;
using kernels::ReductionResult;

/// The points [offset, offset + count) of one side.
DistributedSide read_distributed(const communication::Communicator& comm,
                                 const PointVariables& variables, kernels::Axes axis, Index offset,
                                 Index count) {
  DistributedSide side{distribution::BlockPartition(count, comm.size()), {}, offset};
  side.local = read_side(comm, variables, axis, offset + side.partition.begin(comm.rank()),
                         side.partition.count(comm.rank()));
  return side;
}

struct Computed {
  kernels::ReduceOutcome outcome;
  std::string method;
};

Computed compute(const communication::Communicator& comm, const ReduceProblem& problem,
                 const DistributedSide& rows, const DistributedSide& columns, Report& report) {
  const auto& setup = problem.reduction;
  if (problem.sparsity) {
    auto sparse = kernels::reduce_block_sparse(comm, setup, rows, columns, *problem.sparsity);
    report.set("skipped_share", sparse.skipped_share);
    report.set("range", sparse.range);
    report.line(fmt::format("skipped     {:.1f} % of the pairs, farther apart than {:.6g}",
                            100 * sparse.skipped_share, sparse.range));
    for (std::size_t r = 0; r < setup.requests.size(); ++r) {
      const std::string& name = kernels::to_text(setup.requests[r].kind);
      if (std::isnan(sparse.error_bounds[r])) continue;
      report.set("error_bound_" + name, sparse.error_bounds[r]);
      report.line(
          fmt::format("            error of {} at most {:.2g}", name, sparse.error_bounds[r]));
    }
    return {std::move(sparse.reduced), "block-sparse: blocks of distant points are left out"};
  }
  const bool over_j = setup.over == kernels::axis_j;
  const Index kept = over_j ? problem.rows : problem.columns;
  const Index reduced = over_j ? problem.columns : problem.rows;
  if (kernels::is_nearest_search(setup) && kernels::prefers_products(setup, kept, reduced)) {
    return {kernels::reduce_nearest(comm, setup, rows, columns),
            "matrix products, with the nearest evaluated again"};
  }
  auto outcome = kernels::reduce(comm, setup, rows, columns);
  const char* method = outcome.spread == kernels::Spread::kept_axis
                           ? "tiles of pairs; blocks travel round a ring of ranks"
                           : "tiles of pairs; every rank reduces its own terms";
  return {std::move(outcome), method};
}

/// ∂L/∂(result) of the one reduction, this rank's rows. Collective.
std::vector<double> read_cotangent(const communication::Communicator& comm, const Job& job,
                                   const ReductionResult& result, Index rows, Index first) {
  const auto& cotangent = job.gradient->cotangent;
  if (cotangent.kind == configuration::CotangentKind::result) return result.values;
  std::vector<double> values(result.values.size(), 1.0);
  if (cotangent.kind == configuration::CotangentKind::ones) return values;
  const io::Location location = to_location(cotangent.dataset);
  const Index width = result.k * result.dimension;
  const auto info = io::inspect(comm, location);
  if (core::product(info.shape) != rows * width) {
    throw core::ShapeError(
        fmt::format("{}: the cotangent {}:{} has the shape {}; the result has {} rows of {}",
                    job.where(cotangent.position), location.file, location.dataset,
                    core::to_text(info.shape), rows, width));
  }
  io::read_range(comm, location, values.empty() ? 0 : first * width, values);
  return values;
}

void write_gradient(const communication::Communicator& comm, const ReduceProblem& problem,
                    const kernels::ReduceGradient& gradient, const DistributedSide& rows,
                    const DistributedSide& columns, Report& report, io::ResultFile& file) {
  for (const auto& [name, value] : gradient.parameters) {
    file.write_scalar("/gradient/" + name, value);
    report.line(fmt::format("gradient    {} = {:.12g}", name, value));
  }
  for (const auto& [name, values] : gradient.constants) {
    file.write_vector("/gradient/" + name, values);
  }
  const auto write = [&](const auto& blocks, const DistributedSide& side) {
    for (const auto& [name, values] : blocks) {
      const PointVariable& variable = problem.variables.at(name);
      file.create_dataset("/gradient/" + name, variable.data.shape);
      file.write_range("/gradient/" + name,
                       side.partition.begin(comm.rank()) * variable.symbol.dimension, values);
    }
  };
  write(gradient.rows, rows);
  write(gradient.columns, columns);
}

/// Blocks of distant points compare these of both sides, too.
kernels::Translations translations_of(const ReduceProblem& problem) {
  std::vector<kernels::Expression> formulas{problem.reduction.formula};
  for (const ReductionRequest& request : problem.reduction.requests) {
    if (request.weight) formulas.push_back(*request.weight);
  }
  std::vector<std::pair<std::string, std::string>> together;
  if (problem.sparsity) {
    together.emplace_back(problem.sparsity->row_points, problem.sparsity->column_points);
  }
  return kernels::find_translations(formulas, together);
}

/// Reads, computes and writes, for pieces of the kept axis one after the other.
class ReduceRun {
 public:
  ReduceRun(JobContext& context, ReduceProblem& problem)
      : context_(context),
        comm_(context.comm),
        problem_(problem),
        over_j_(problem.reduction.over == kernels::axis_j),
        count_(over_j_ ? problem.rows : problem.columns),
        results_(problem.reduction, count_) {}

  void run() {
    Stages& stages = context_.stages;
    stages.run("read", [&] { read_reduced(); });
    std::vector<KeptBlocks::Dataset> datasets;
    stages.run("write", [&] { datasets = results_.declare(context_.file); });
    KeptBlocks kept(context_, "results", count_, std::move(datasets), results_.statistics());
    Index first = kept.resume();
    if (const auto* nan = context_.checkpoint.numbers("nan")) {
      nan_count_ = static_cast<Index>(nan->at(0));
    }
    for (const Index piece = choose_piece();; first += piece) {
      const Index size = std::min(piece, count_ - first);
      run_piece(first, size);
      if (first + size == count_) break;  // which is done again rather than a report without it
      context_.checkpoint.set("nan", {static_cast<double>(nan_count_)});
      kept.finish(first + size);
    }
    finish();
  }

 private:
  DistributedSide& kept() { return over_j_ ? rows_ : columns_; }
  DistributedSide& reduced() { return over_j_ ? columns_ : rows_; }

  void read_reduced() {
    auto& reduction = problem_.reduction;
    reduction.constants = read_constants(comm_, problem_.variables, problem_.parameters);
    reduced() =
        read_distributed(comm_, problem_.variables, over_j_ ? kernels::axis_j : kernels::axis_i, 0,
                         over_j_ ? problem_.columns : problem_.rows);
  }

  /// How many points get their results at a time: what takes a rank about as long as may lie
  /// between two savings. All, where they have something in common: the middle of float32 points,
  /// blocks of distant points, a gradient.
  Index choose_piece() const {
    constexpr double pairs_per_second = 1e8;  // of a formula that is not cheap
    constexpr double usual_seconds = 300;
    constexpr Index least = 256;  // rows are evaluated in groups
    const auto& setup = problem_.reduction;
    const Index reduced = over_j_ ? problem_.columns : problem_.rows;
    const auto spread =
        kernels::choose_spread(count_, reduced, setup.formula.dimension(), comm_.size());
    const bool together = problem_.sparsity.has_value() || context_.job.gradient.has_value() ||
                          setup.precision == kernels::Precision::float32 ||
                          spread != kernels::Spread::kept_axis || !context_.checkpoint.keeps();
    if (together) return std::max<Index>(count_, 1);
    const double fitting = pairs_per_second *
                           context_.job.checkpoint_seconds.value_or(usual_seconds) * comm_.size() /
                           static_cast<double>(std::max<Index>(reduced, 1));
    return static_cast<Index>(
        std::clamp(fitting, static_cast<double>(least * comm_.size()),
                   static_cast<double>(std::max(count_, least * comm_.size()))));
  }

  void run_piece(Index first, Index size) {
    Stages& stages = context_.stages;
    if (size < count_) stages.progress().set("result", first, count_);
    stages.run("read", [&] {
      kept() = read_distributed(comm_, problem_.variables,
                                over_j_ ? kernels::axis_i : kernels::axis_j, first, size);
      if (problem_.reduction.precision != kernels::Precision::float32) return;
      const auto losses = kernels::centre(comm_, translations_of(problem_), rows_, columns_,
                                          problem_.reduction.constants);
      for (const auto& loss : losses) stages.warn(loss_text(loss));
    });
    stages.run("reduce",
               [&] { computed_ = compute(comm_, problem_, rows_, columns_, context_.report); });
    nan_count_ += computed_.outcome.nan_count;
    stages.run("write", [&] {
      results_.write(context_.file, first + kept().partition.begin(comm_.rank()),
                     computed_.outcome.results);
    });
  }

  void finish() {
    Stages& stages = context_.stages;
    Report& report = context_.report;
    stages.report("reduce", computed_.method);
    results_.report(comm_, report);
    if (nan_count_ > 0) {
      report.set("nan_count", nan_count_);
      stages.warn(fmt::format(
          "the formula is NaN for {} of {} pairs; min, max and lists leave them out",
          core::format_count(nan_count_), core::format_count(problem_.rows * problem_.columns)));
    }
    if (context_.job.gradient) {
      stages.run("gradient", [&] { write_gradient_of_all(); });
      stages.report("gradient", "by the formula's derivative");
    }
    report.set("method", computed_.method);
    report.set("converged", Index{1});
  }

  void write_gradient_of_all() {
    const auto& result = computed_.outcome.results.at(0);
    const auto cotangent =
        read_cotangent(comm_, context_.job, result, count_, kept().partition.begin(comm_.rank()));
    const auto gradient = kernels::reduce_gradient(comm_, problem_.reduction, rows_, columns_,
                                                   result, cotangent, problem_.wanted);
    write_gradient(comm_, problem_, gradient, rows_, columns_, context_.report, context_.file);
  }

  JobContext& context_;
  const communication::Communicator& comm_;
  ReduceProblem& problem_;
  bool over_j_;
  Index count_;  ///< of the kept axis
  ReduceResults results_;
  DistributedSide rows_;
  DistributedSide columns_;
  Computed computed_;  ///< of the last piece
  Index nan_count_ = 0;
};

void run_reduce(JobContext& context) {
  std::optional<ReduceProblem> problem;
  context.stages.run("analyse", [&] {
    problem = analyse_reduce(context.comm, context.job);
    check_memory(context.comm,
                 estimate_reduce_memory(*problem, context.comm.size(), context.comm.node_count()));
  });
  context.stages.report("analyse", problem->text());
  if (!problem->note.empty()) context.stages.print("            " + problem->note);
  ReduceRun(context, *problem).run();
}

}  // namespace

void run_reduce_job(const JobRun& run) {
  write_result(run, [](JobContext& context) {
    run_reduce(context);
    return std::string();
  });
}

Plan plan_reduce_job(const PlanRequest& request) {
  const ReduceProblem problem = analyse_reduce(request.comm, request.job);
  const bool over_j = problem.reduction.over == kernels::axis_j;
  const Index kept = over_j ? problem.rows : problem.columns;
  const Index reduced = over_j ? problem.columns : problem.rows;
  const auto spread =
      kernels::choose_spread(kept, reduced, problem.reduction.formula.dimension(), request.ranks);
  const char* method = problem.sparsity ? "block-sparse: blocks of distant points are left out"
                       : spread == kernels::Spread::kept_axis
                           ? "every rank its own results; blocks of points travel round a ring"
                           : "every rank its own terms of all results, which are then combined";
  return {{{"reduction", problem.text()}, {"pairs", core::format_count(kept * reduced)}},
          {{"method", method}},
          estimate_reduce_memory(problem, request.ranks, request.nodes)};
}

}  // namespace kronwerk::application
