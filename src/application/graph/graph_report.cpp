#include "application/graph/graph_report.hpp"

#include <fmt/format.h>

#include <cmath>
#include <functional>

#include "kronwerk/core/text.hpp"

namespace kronwerk::application {
namespace {

/// A number of each point, by what it is called in results.
struct Measure {
  const char* name;
  std::function<double(const GraphSummary&)> of;
};

std::vector<Measure> measures_of(const GraphInput& input) {
  using Summary = GraphSummary;
  std::vector<Measure> all{
      {"kkt", [](const Summary& s) { return s.kkt; }},
      {"objective", [](const Summary& s) { return s.objective; }},
      {"log_determinant", [](const Summary& s) { return s.log_determinant; }},
      {"log_likelihood", [](const Summary& s) { return s.criteria.log_likelihood; }},
      {"degrees_of_freedom", [](const Summary& s) { return s.criteria.degrees_of_freedom; }},
      {"bic", [](const Summary& s) { return s.criteria.bic; }},
      {"extended_bic", [](const Summary& s) { return s.criteria.extended_bic; }}};
  if (input.held_out > 0) {
    all.push_back({"held_out_log_density", [](const Summary& s) { return s.held_out; }});
  }
  return all;
}

/// The point of the least score, among those that converged if there are such.
std::optional<std::size_t> least(const std::vector<GraphSummary>& summaries,
                                 const std::function<double(const GraphSummary&)>& score) {
  std::optional<std::size_t> best;
  for (const bool converged : {true, false}) {
    for (std::size_t p = 0; p < summaries.size() && (converged || !best); ++p) {
      const GraphSummary& summary = summaries[p];
      if (!summary.exists || summary.converged != converged) continue;
      if (!best || summaries[*best].converged != converged ||
          score(summary) < score(summaries[*best])) {
        best = p;
      }
    }
    if (best) return best;
  }
  return best;
}

}  // namespace

GraphSelection select_graph(const std::vector<GraphSummary>& summaries, bool held_out) {
  GraphSelection selection;
  selection.by_extended_bic =
      least(summaries, [](const GraphSummary& s) { return s.criteria.extended_bic; });
  if (held_out) {
    selection.by_held_out = least(summaries, [](const GraphSummary& s) { return -s.held_out; });
  }
  return selection;
}

void report_graph(const JobContext& context, const GraphInput& input, const GraphSummary& summary) {
  Report& report = context.report;
  for (const auto& [name, of] : measures_of(input)) report.set(name, of(summary));
  report.set("iterations", summary.iterations);
  report.set("proximal_steps", summary.proximal_steps);
  report.set("newton_steps", summary.newton_steps);
  for (std::size_t k = 0; k < summary.edges.size(); ++k) {
    const auto n = static_cast<double>(input.extents[k]);
    const double pairs = std::max(1.0, n * (n - 1) / 2);
    report.set(fmt::format("edges_{}", k + 1), summary.edges[k]);
    report.line(fmt::format("edges_{:<5} {} of {} ids, {:.3g} % of the pairs", k + 1,
                            core::format_count(summary.edges[k]),
                            core::format_count(input.extents[k]),
                            100 * static_cast<double>(summary.edges[k]) / pairs));
  }
  report.line(
      fmt::format("objective   {:.12g}, KKT residual {:.2g}", summary.objective, summary.kkt));
  report.line(
      fmt::format("likelihood  {:.12g} (log), {} degrees of freedom, BIC {:.8g}, extended "
                  "{:.8g}",
                  summary.criteria.log_likelihood, summary.criteria.degrees_of_freedom,
                  summary.criteria.bic, summary.criteria.extended_bic));
  if (input.held_out > 0) {
    report.line(fmt::format("held out    {:.12g}, the log density of {} samples", summary.held_out,
                            input.held_out));
  }
}

void write_path(const JobContext& context, const GraphInput& input,
                const std::vector<GraphPoint>& points, const std::vector<GraphSummary>& summaries,
                const GraphSelection& selection) {
  const configuration::Job& job = context.job;
  Extents axes;
  for (const auto& axis : job.sweep) {
    axes.push_back(std::ssize(axis.values));
    context.file.write_vector("/sweep/" + axis.name, axis.values);
  }
  const auto write = [&](const std::string& name, const auto& of) {
    std::vector<double> values;
    for (const GraphSummary& summary : summaries) values.push_back(of(summary));
    context.file.write_array("/" + name, axes, values);
  };
  for (const auto& [name, of] : measures_of(input)) write(name, of);
  write("converged", [](const GraphSummary& s) { return s.converged ? 1.0 : 0.0; });
  for (std::size_t k = 0; k < input.extents.size(); ++k) {
    write(fmt::format("edges_{}", k + 1), [k](const GraphSummary& s) {
      return s.exists ? static_cast<double>(s.edges[k]) : std::nan("");
    });
  }
  for (std::size_t p = 0; p < points.size(); ++p) {
    const std::string group = fmt::format("/path/{}", p + 1);
    for (std::size_t axis = 0; axis < job.sweep.size(); ++axis) {
      context.file.write_attribute(group, job.sweep[axis].name, points[p].values[axis]);
    }
    context.file.write_attribute(group, "converged", Index{summaries[p].converged ? 1 : 0});
    if (!summaries[p].reason.empty()) {
      context.file.write_attribute(group, "failure", summaries[p].reason);
    }
  }
  const auto name = [&](const char* attribute, const char* what, std::optional<std::size_t> point) {
    if (!point) return;
    context.report.set(attribute, static_cast<Index>(*point + 1));
    context.report.line(
        fmt::format("{:<11} point {}, {}", what, *point + 1, text_of(job, points[*point])));
  };
  name("selected_by_extended_bic", "by BIC", selection.by_extended_bic);
  name("selected_by_held_out", "by held out", selection.by_held_out);
  const auto selected = selection.selected();
  if (!selected) return;
  context.report.set("selected", static_cast<Index>(*selected + 1));
  for (std::size_t axis = 0; axis < job.sweep.size(); ++axis) {
    const double value = points[*selected].values[axis];
    context.report.set("selected_" + job.sweep[axis].name, value);
    context.file.write_scalar("/parameters/" + job.sweep[axis].name, value);
  }
}

}  // namespace kronwerk::application
