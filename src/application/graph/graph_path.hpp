#pragma once

#include <optional>
#include <vector>

#include "application/graph/graph_points.hpp"
#include "application/graph/graph_result.hpp"

namespace kronwerk::application {

/// Solves all points of a path, from the largest penalty on, each from the one before, writes their
/// factors and keeps what is finished for a run that goes on.
class GraphPath {
 public:
  /// All must outlive this. Local.
  GraphPath(const JobContext& context, const GraphInput& input, const GraphData& data,
            const std::vector<GraphPoint>& points);

  /// Of every point, in the sweep's order. Collective.
  /// @throws DataError if no point has a minimum, with the reason of the last
  std::vector<GraphSummary> run();
  /// Where the factors of a point are: "" or "/path/3".
  std::string parent(std::size_t point) const;

 private:
  void resume();
  void solve(std::size_t point);
  void keep(std::size_t point);
  void print(std::size_t point, double seconds) const;
  models::GraphProblem problem(const GraphPoint& point) const;
  models::GraphSettings settings() const;
  bool several() const noexcept { return !context_.job.sweep.empty(); }

  const JobContext& context_;
  const GraphInput& input_;
  const GraphData& data_;
  const std::vector<GraphPoint>& points_;
  std::vector<std::optional<GraphSummary>> summaries_;
  std::optional<models::GraphEstimate> latest_;
};

}  // namespace kronwerk::application
