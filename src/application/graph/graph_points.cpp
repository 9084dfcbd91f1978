#include "application/graph/graph_points.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/expressions/expression.hpp"

namespace kronwerk::application {
namespace {

using configuration::Job;

std::vector<double> penalties_at(const Job& job, const GraphPoint& point) {
  std::map<std::string, double> parameters;
  for (const auto& [name, parameter] : job.parameters) parameters[name] = parameter.value;
  for (std::size_t axis = 0; axis < job.sweep.size(); ++axis) {
    parameters[job.sweep[axis].name] = point.values[axis];
  }
  std::vector<double> penalties;
  for (const auto& formula : job.graph->penalty) {
    const std::string where = job.where(formula.position);
    const double value = expressions::evaluate_scalar(formula.value, parameters, where);
    if (!(value >= 0) || !std::isfinite(value)) {
      const std::string at = text_of(job, point);
      throw core::ConfigurationError(fmt::format(
          "{}: the penalty '{}' is {}{}; it must be finite and at least 0 (a negative penalty "
          "rewards edges, and the problem has no minimum)",
          where, formula.value, value, at.empty() ? "" : " at " + at));
    }
    penalties.push_back(value);
  }
  penalties.resize(job.graph->extents.value.size(), penalties.front());
  return penalties;
}

}  // namespace

std::vector<GraphPoint> graph_points(const Job& job) {
  std::size_t count = 1;
  for (const auto& axis : job.sweep) count *= axis.values.size();
  std::vector<GraphPoint> points(count);
  for (std::size_t p = 0; p < count; ++p) {
    std::size_t rest = p;
    points[p].values.resize(job.sweep.size());
    for (std::size_t axis = job.sweep.size(); axis-- > 0;) {
      const auto& values = job.sweep[axis].values;
      points[p].values[axis] = values[rest % values.size()];
      rest /= values.size();
    }
    points[p].penalties = penalties_at(job, points[p]);
  }
  return points;
}

std::vector<std::size_t> path_order(const std::vector<GraphPoint>& points) {
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto size = [&](std::size_t p) {
    const auto& penalties = points[p].penalties;
    return std::accumulate(penalties.begin(), penalties.end(), 0.0);
  };
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return size(a) > size(b); });
  return order;
}

std::string text_of(const Job& job, const GraphPoint& point) {
  std::vector<std::string> parts;
  for (std::size_t axis = 0; axis < job.sweep.size(); ++axis) {
    parts.push_back(fmt::format("{} = {}", job.sweep[axis].name, point.values[axis]));
  }
  return core::join(parts, ", ");
}

}  // namespace kronwerk::application
