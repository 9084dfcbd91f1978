#pragma once

#include <optional>
#include <vector>

#include "application/graph/graph_points.hpp"
#include "application/graph/graph_result.hpp"

namespace kronwerk::application {

/// Which point of a path its numbers speak for; none if no point has a result.
struct GraphSelection {
  std::optional<std::size_t> by_extended_bic;
  std::optional<std::size_t> by_held_out;  ///< if there are samples held out

  /// Samples that were held out count more.
  std::optional<std::size_t> selected() const {
    return by_held_out ? by_held_out : by_extended_bic;
  }
};

/// Pure. Points that did not converge are not selected as long as others did.
GraphSelection select_graph(const std::vector<GraphSummary>& summaries, bool held_out);

/// Attributes of the report and lines on the terminal: of the one graph, or of the selected one.
void report_graph(const JobContext& context, const GraphInput& input, const GraphSummary& summary);

/// The numbers of all points of a path, in arrays with the swept axes first; the swept values; the
/// selected ones as /parameters/<name>. Collective.
void write_path(const JobContext& context, const GraphInput& input,
                const std::vector<GraphPoint>& points, const std::vector<GraphSummary>& summaries,
                const GraphSelection& selection);

}  // namespace kronwerk::application
