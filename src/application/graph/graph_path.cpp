#include "application/graph/graph_path.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "application/inputs/trace_rule.hpp"
#include "application/session/signals.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::application {
namespace {

constexpr const char* kept_factors = "factors";

std::string name_of(std::size_t point) {
  return fmt::format("graph {}", point + 1);
}

/// "12 + 340"
std::string edges_text(const std::vector<Index>& edges) {
  std::vector<std::string> parts;
  for (const Index each : edges) parts.push_back(core::format_count(each));
  return core::join(parts, " + ");
}

}  // namespace

GraphPath::GraphPath(const JobContext& context, const GraphInput& input, const GraphData& data,
                     const std::vector<GraphPoint>& points)
    : context_(context), input_(input), data_(data), points_(points), summaries_(points.size()) {}

std::string GraphPath::parent(std::size_t point) const {
  return several() ? fmt::format("/path/{}", point + 1) : "";
}

std::vector<GraphSummary> GraphPath::run() {
  resume();
  const std::vector<std::size_t> order = path_order(points_);
  Index done = 0;
  for (const std::size_t point : order) {
    context_.stages.progress().set("point", ++done, std::ssize(order));
    if (!summaries_[point]) solve(point);
  }
  std::vector<GraphSummary> all;
  for (auto& summary : summaries_) all.push_back(std::move(*summary));
  if (std::ranges::none_of(all, &GraphSummary::exists)) {
    throw core::DataError(all[order.back()].reason);
  }
  return all;
}

void GraphPath::solve(std::size_t point) {
  const double start = MPI_Wtime();
  try {
    std::optional<models::GraphEstimate> found;
    context_.stages.run("solve", [&] {
      found = models::estimate_graph(context_.comm, problem(points_[point]), settings(),
                                     latest_ ? &*latest_ : nullptr);
    });
    latest_ = std::move(found);
    summaries_[point] = summarise(input_, data_, *latest_, context_.job.graph->gamma);
    context_.stages.run("write", [&] { write_factors(context_, input_, parent(point), *latest_); });
  } catch (const core::Terminated&) {
    throw;
  } catch (const core::Error& error) {
    // One point of a path may have no minimum where others have one.
    if (!several() || error.kind() != core::ErrorKind::data) throw;
    summaries_[point] = no_result(input_.extents.size(), error.what());
  }
  print(point, MPI_Wtime() - start);
  keep(point);
}

models::GraphProblem GraphPath::problem(const GraphPoint& point) const {
  models::GraphProblem problem{input_.extents, data_.grams, point.penalties, data_.weights};
  for (std::size_t k = 0; k < problem.penalties.size(); ++k) {
    problem.penalties[k] *= data_.mean_diagonals[k];
  }
  return problem;
}

models::GraphSettings GraphPath::settings() const {
  models::GraphSettings settings;
  settings.tolerance = context_.job.solver.tolerance;
  settings.max_iterations = context_.job.solver.max_iterations;
  settings.trace = to_trace_rule(context_.job.graph->trace);
  settings.on_iteration = [this](Index iteration, double) {
    if (!several()) {
      context_.stages.progress().set("iteration", iteration, context_.job.solver.max_iterations);
    }
    check_termination(context_.comm);
  };
  return settings;
}

void GraphPath::print(std::size_t point, double seconds) const {
  const GraphSummary& summary = *summaries_[point];
  const std::string slowest = core::format_seconds(context_.comm.max(seconds));
  if (!several()) return;
  const std::string at = text_of(context_.job, points_[point]);
  const std::string what =
      !summary.exists ? "no result, " + summary.reason
                      : fmt::format("edges {}, extended BIC {:.8g}{}", edges_text(summary.edges),
                                    summary.criteria.extended_bic,
                                    summary.converged ? "" : ": not converged, " + summary.reason);
  context_.stages.print(fmt::format("point {:>5} {:>9}   {}: {}", point + 1, slowest, at, what));
}

// Kept are the numbers of every finished point, whose factors are in the result as far as it is
// there, and the factors that the next point begins with.
void GraphPath::keep(std::size_t point) {
  Checkpoint& checkpoint = context_.checkpoint;
  if (!checkpoint.keeps() || !several()) return;
  checkpoint.keep_result();
  checkpoint.set(name_of(point), summaries_[point]->to_numbers());
  checkpoint.set_text(name_of(point), summaries_[point]->reason);
  std::vector<double> factors;
  if (latest_) {
    for (const auto& factor : latest_->factors) {
      factors.insert(factors.end(), factor.begin(), factor.end());
    }
    factors.push_back(latest_->offset);
    const Index size = std::ssize(factors);
    if (!context_.comm.is_root()) factors.clear();
    checkpoint.set_vector(kept_factors, size, 0, factors);
  }
  checkpoint.save_if_due(Checkpoint::Cost::large);
}

void GraphPath::resume() {
  Checkpoint& checkpoint = context_.checkpoint;
  if (!several() || !checkpoint.resumes() || checkpoint.result() == nullptr) return;
  Index finished = 0;
  context_.stages.run("resume", [&] {
    for (std::size_t point = 0; point < points_.size(); ++point) {
      const auto* numbers = checkpoint.numbers(name_of(point));
      const auto* reason = checkpoint.text(name_of(point));
      if (numbers == nullptr || reason == nullptr) continue;
      summaries_[point] = GraphSummary::from_numbers(*numbers);
      summaries_[point]->reason = *reason;
      if (summaries_[point]->exists) {
        take_over_factors(context_, input_, parent(point), *summaries_[point]);
      }
      ++finished;
    }
    Index size = 1;
    for (const Index n : input_.extents) size += n * n;
    if (!checkpoint.has_vector(kept_factors, size)) return;
    std::vector<double> factors(static_cast<std::size_t>(size));
    checkpoint.read_vector(kept_factors, 0, factors);
    latest_.emplace();
    auto from = factors.begin();
    for (const Index n : input_.extents) {
      latest_->factors.emplace_back(from, from + n * n);
      from += n * n;
    }
    latest_->offset = *from;
  });
  if (finished == 0) return;
  checkpoint.keep_result();
  checkpoint.goes_on_with(fmt::format("{} of {} points", finished, points_.size()));
}

}  // namespace kronwerk::application
