#include "application/graph/graph_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "application/graph/graph_path.hpp"
#include "application/graph/graph_report.hpp"
#include "application/tasks/sweep.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::application {
namespace {

using configuration::Job;

class GraphTask {
 public:
  GraphTask(const JobContext& context, const GraphInput& input,
            const std::vector<GraphPoint>& points)
      : context_(context), input_(input), points_(points) {}

  std::string run() {
    const GraphData data = read_graph_data(context_, input_);
    context_.stages.run("write", [&] { write_grams(data); });
    GraphPath path(context_, input_, data, points_);
    const std::vector<GraphSummary> summaries = path.run();
    if (context_.job.sweep.empty()) {
      finish_one(summaries.front());
    } else {
      finish_path(summaries);
    }
    report_method();
    return failure(summaries);
  }

 private:
  void write_grams(const GraphData& data) {
    for (std::size_t k = 0; k < data.grams.size(); ++k) {
      const Index n = input_.extents[k];
      const std::string path = fmt::format("/gram/{}", k + 1);
      context_.file.create_dataset(path, Extents{n, n});
      context_.file.write_range(
          path, 0, context_.comm.is_root() ? data.grams[k] : std::span<const double>());
      if (!input_.ids[k].empty()) context_.file.write_strings(path + "_ids", input_.ids[k]);
    }
  }

  void finish_one(const GraphSummary& summary) {
    context_.stages.report("solve", fmt::format("{} proximal and {} Newton steps",
                                                summary.proximal_steps, summary.newton_steps));
    if (context_.job.graph->trace == configuration::TraceChoice::none) {
      context_.file.write_scalar("/offset", summary.offset);
    }
    report_graph(context_, input_, summary);
  }

  void finish_path(const std::vector<GraphSummary>& summaries) {
    Index iterations = 0;
    for (const GraphSummary& summary : summaries) iterations += summary.iterations;
    context_.stages.report("solve", fmt::format("{} points, {} steps in all", summaries.size(),
                                                core::format_count(iterations)));
    const GraphSelection selection = select_graph(summaries, input_.held_out > 0);
    if (const auto selected = selection.selected()) {
      report_graph(context_, input_, summaries[*selected]);
    }
    write_path(context_, input_, points_, summaries, selection);
    if (context_.job.graph->trace != configuration::TraceChoice::none) return;
    for (std::size_t p = 0; p < summaries.size(); ++p) {
      if (!summaries[p].exists) continue;
      context_.file.write_scalar(fmt::format("/path/{}/offset", p + 1), summaries[p].offset);
    }
  }

  void report_method() {
    const std::string& trace = configuration::find_entry("trace")
                                   ->choices[static_cast<std::size_t>(context_.job.graph->trace)];
    context_.report.set("method",
                        "penalised likelihood of a Kronecker-sum precision: proximal gradient in "
                        "the metric of the sum, then Newton's method; trace: " +
                            trace);
  }

  /// "", or what did not converge.
  std::string failure(const std::vector<GraphSummary>& summaries) {
    const auto bad = std::ranges::find(summaries, false, &GraphSummary::converged);
    context_.report.set("converged", Index{bad == summaries.end() ? 1 : 0});
    if (bad == summaries.end()) return "";
    if (context_.job.sweep.empty()) {
      return fmt::format("the graph did not converge: {} (KKT residual {:.2g}, tolerance {:g})",
                         bad->reason, bad->kkt, context_.job.solver.tolerance);
    }
    const auto count = std::ranges::count(summaries, false, &GraphSummary::converged);
    return fmt::format(
        "{} of the {} points did not converge or have no result, the first {}: {}", count,
        summaries.size(),
        text_of(context_.job, points_[static_cast<std::size_t>(bad - summaries.begin())]),
        bad->reason);
  }

  const JobContext& context_;
  const GraphInput& input_;
  const std::vector<GraphPoint>& points_;
};

}  // namespace

void run_graph_job(const JobRun& run) {
  const Job& job = run.job;
  GraphInput input;
  std::vector<GraphPoint> points;
  run.stages.run("analyse", [&] {
    input = examine_graph(run.comm, job, run.comm.size());
    points = graph_points(job);
    check_memory(run.comm, estimate_graph_memory(input, run.comm.size(), run.comm.node_count()));
  });
  run.stages.report("analyse", input.text());
  if (!job.sweep.empty()) run.stages.print("sweep       " + sweep_text(job));
  const std::string failure = write_result(
      run, [&](const JobContext& context) { return GraphTask(context, input, points).run(); });
  if (failure.empty()) return;
  throw core::ConvergenceError(
      fmt::format("{}; the best point reached was written to {} with converged = 0. Raise "
                  "solver.max_iterations or solver.tolerance",
                  failure, job.output.file));
}

Plan plan_graph_job(const PlanRequest& request) {
  const GraphInput input = examine_graph(request.comm, request.job, request.ranks);
  const std::vector<GraphPoint> points = graph_points(request.job);
  Plan plan;
  plan.subject.emplace_back("input", input.text());
  if (!request.job.sweep.empty()) plan.subject.emplace_back("sweep", sweep_text(request.job));
  const auto text = [](double count) { return fmt::format("{:.3g}", count); };
  double cubes = 0;
  for (const Index n : input.extents) cubes += std::pow(static_cast<double>(n), 3);
  plan.method.emplace_back("method", "proximal gradient in the metric of the sum, then Newton");
  plan.method.emplace_back(
      "a step",
      fmt::format("decompositions of {} flops in all, different modes on different "
                  "ranks, and {} reciprocals per rank",
                  text(9 * cubes),
                  text(static_cast<double>(core::product(input.extents)) / request.ranks)));
  plan.needs = estimate_graph_memory(input, request.ranks, request.nodes);
  return plan;
}

}  // namespace kronwerk::application
