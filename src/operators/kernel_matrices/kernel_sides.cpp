#include "operators/kernel_matrices/kernel_sides.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace kronwerk::operators {
namespace {

using kernels::Node;
using kernels::NodePtr;
using kernels::Operation;
using Rewritten = std::unordered_map<const Node*, NodePtr>;

bool holds_index(const Node& node, std::unordered_map<const Node*, bool>& known) {
  const auto found = known.find(&node);
  if (found != known.end()) return found->second;
  bool result = node.operation == Operation::row || node.operation == Operation::column;
  for (const NodePtr& argument : node.arguments) {
    result = holds_index(*argument, known) || result;
  }
  known.emplace(&node, result);
  return result;
}

NodePtr rewrite(const NodePtr& node, Rewritten& known) {
  const auto found = known.find(node.get());
  if (found != known.end()) return found->second;
  auto copy = std::make_shared<Node>(*node);
  if (node->operation == Operation::row || node->operation == Operation::column) {
    const bool row = node->operation == Operation::row;
    copy->operation = Operation::variable;
    copy->name = row ? row_index_name : column_index_name;
    copy->axes = row ? kernels::axis_i : kernels::axis_j;
  }
  for (NodePtr& argument : copy->arguments) argument = rewrite(argument, known);
  known.emplace(node.get(), copy);
  return copy;
}

}  // namespace

bool uses_indices(const kernels::Expression& formula) {
  std::unordered_map<const Node*, bool> known;
  return holds_index(*formula.root(), known);
}

kernels::Expression with_explicit_indices(const kernels::Expression& formula) {
  Rewritten known;
  return kernels::Expression(rewrite(formula.root(), known));
}

void add_indices(kernels::Side& side, const char* name) {
  kernels::Cloud cloud{1, side.count, std::vector<double>(static_cast<std::size_t>(side.count))};
  for (Index p = 0; p < side.count; ++p) {
    cloud.values[static_cast<std::size_t>(p)] = static_cast<double>(side.first + p);
  }
  side.variables[name] = std::move(cloud);
}

Index values_per_point(const kernels::Side& side) {
  Index result = 0;
  for (const auto& [name, cloud] : side.variables) result += cloud.dimension;
  return result;
}

void pack_point(const kernels::Side& side, Index point, double* out) {
  for (const auto& [name, cloud] : side.variables) {
    for (Index c = 0; c < cloud.dimension; ++c) {
      *out++ = cloud.values[static_cast<std::size_t>(c * cloud.count + point)];
    }
  }
}

kernels::Side unpack_points(const kernels::Side& like, const double* packed, Index count,
                            Index stride) {
  kernels::Side result;
  result.count = count;
  Index offset = 0;
  for (const auto& [name, cloud] : like.variables) {
    kernels::Cloud& points = result.variables[name];
    points.dimension = cloud.dimension;
    points.count = count;
    points.values.resize(static_cast<std::size_t>(count * cloud.dimension));
    for (Index c = 0; c < cloud.dimension; ++c) {
      for (Index p = 0; p < count; ++p) {
        points.values[static_cast<std::size_t>(c * count + p)] = packed[p * stride + offset + c];
      }
    }
    offset += cloud.dimension;
  }
  return result;
}

std::string find_not_finite(const kernels::Side& side) {
  for (const auto& [name, cloud] : side.variables) {
    const auto bad = std::find_if(cloud.values.begin(), cloud.values.end(),
                                  [](double value) { return !std::isfinite(value); });
    if (bad == cloud.values.end()) continue;
    const Index at = (bad - cloud.values.begin()) % cloud.count;
    return fmt::format("'{}' holds {} at point {}", name, *bad, side.first + at);
  }
  return {};
}

}  // namespace kronwerk::operators
