// Reductions of a kernel formula over one index of its points.
#include "application/kernels/reduce_task.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "application/inputs/point_variables.hpp"
#include "application/inputs/problem.hpp"
#include "application/kernels/reduce_problem.hpp"
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
using core::Extents;
using kernels::DistributedSide;
using kernels::ReductionRequest;
using kernels::ReductionResult;

DistributedSide read_distributed(const communication::Communicator& comm,
                                 const PointVariables& variables, kernels::Axes axis, Index count) {
  DistributedSide side{distribution::BlockPartition(count, comm.size()), {}};
  side.local = read_side(comm, variables, axis, side.partition.begin(comm.rank()),
                         side.partition.count(comm.rank()));
  return side;
}

/// The datasets of one reduction: (rows,), with an axis for the list and one for the components
/// where there are any.
class ResultWriter {
 public:
  ResultWriter(io::ResultFile& file, Index rows, Index first)
      : file_(file), rows_(rows), first_(first) {}

  void write(const ReductionRequest& request, const ReductionResult& result) {
    const std::string path = "/result/" + kernels::to_text(request.kind);
    const bool values = kernels::gives_values(request.kind);
    Extents shape{rows_};
    if (is_list(request.kind)) shape.push_back(result.k);
    if (result.dimension > 1) shape.push_back(result.dimension);
    const Index width = result.k * result.dimension;
    if (values) {
      file_.create_dataset(path, shape);
      file_.write_range(path, first_ * width, result.values);
    }
    if (!kernels::gives_indices(request.kind)) return;
    const std::string indices = values ? path + "_index" : path;
    file_.create_integer_dataset(indices, shape);
    file_.write_integer_range(indices, first_ * width, result.indices);
  }

 private:
  static bool is_list(kernels::ReductionKind kind) {
    const std::string& name = kernels::to_text(kind);
    return name.find("kmin") != std::string::npos || name.find("kmax") != std::string::npos;
  }

  io::ResultFile& file_;
  Index rows_;
  Index first_;
};

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

void run_reduce(JobContext& context) {
  // No structured binding: Clang 14 does not capture those.
  const communication::Communicator& comm = context.comm;
  const configuration::Job& job = context.job;
  Stages& stages = context.stages;
  Report& report = context.report;
  io::ResultFile& file = context.file;
  std::optional<ReduceProblem> problem;
  stages.run("analyse", [&] {
    problem = analyse_reduce(comm, job);
    check_memory(comm, estimate_reduce_memory(*problem, comm.size(), comm.node_count()));
  });
  stages.report("analyse", problem->text());
  if (!problem->note.empty()) stages.print("            " + problem->note);
  DistributedSide rows;
  DistributedSide columns;
  stages.run("read", [&] {
    problem->reduction.constants = read_constants(comm, problem->variables, problem->parameters);
    rows = read_distributed(comm, problem->variables, kernels::axis_i, problem->rows);
    columns = read_distributed(comm, problem->variables, kernels::axis_j, problem->columns);
    if (problem->reduction.precision != kernels::Precision::float32) return;
    const auto losses = kernels::centre(comm, translations_of(*problem), rows, columns,
                                        problem->reduction.constants);
    for (const auto& loss : losses) stages.warn(loss_text(loss));
  });
  Computed computed;
  stages.run("reduce", [&] { computed = compute(comm, *problem, rows, columns, report); });
  stages.report("reduce", computed.method);
  const bool over_j = problem->reduction.over == kernels::axis_j;
  const auto& kept = over_j ? rows : columns;
  const Index count = over_j ? problem->rows : problem->columns;
  const Index first = kept.partition.begin(comm.rank());
  const auto& results = computed.outcome.results;
  stages.run("write", [&] {
    ResultWriter writer(file, count, first);
    for (std::size_t r = 0; r < results.size(); ++r) {
      writer.write(problem->reduction.requests[r], results[r]);
    }
  });
  for (std::size_t r = 0; r < results.size(); ++r) {
    const std::string& name = kernels::to_text(problem->reduction.requests[r].kind);
    if (!kernels::gives_values(problem->reduction.requests[r].kind)) continue;
    Statistics statistics;
    statistics.add(results[r].values);
    report.line(fmt::format("result      {}: {}", name, statistics.text(comm)));
  }
  if (computed.outcome.nan_count > 0) {
    report.set("nan_count", computed.outcome.nan_count);
    stages.warn(
        fmt::format("the formula is NaN for {} of {} pairs; min, max and lists leave them "
                    "out",
                    core::format_count(computed.outcome.nan_count),
                    core::format_count(problem->rows * problem->columns)));
  }
  if (job.gradient) {
    stages.run("gradient", [&] {
      const auto cotangent = read_cotangent(comm, job, results.at(0), count, first);
      const auto gradient = kernels::reduce_gradient(comm, problem->reduction, rows, columns,
                                                     results.at(0), cotangent, problem->wanted);
      write_gradient(comm, *problem, gradient, rows, columns, report, file);
    });
    stages.report("gradient", "by the formula's derivative");
  }
  report.set("method", computed.method);
  report.set("converged", Index{1});
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
