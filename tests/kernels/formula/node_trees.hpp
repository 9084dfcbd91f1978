#pragma once

#include <hwy/highway.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/tiles/tile_dispatch.hpp"
#include "kronwerk/kernels/reductions/reduction.hpp"

/// Kernel formulas put together node by node, without the analysis of text, and points to evaluate
/// them at.
namespace kronwerk::kernels::trees {

inline NodePtr node(Operation operation, std::vector<NodePtr> arguments, int dimension,
                    double number = 0, int offset = 0) {
  auto result = std::make_shared<Node>();
  result->operation = operation;
  result->dimension = dimension;
  result->number = number;
  result->offset = offset;
  for (const NodePtr& argument : arguments) result->axes |= argument->axes;
  result->arguments = std::move(arguments);
  return result;
}

/// Elementwise.
inline NodePtr of(Operation operation, std::vector<NodePtr> arguments, double number = 0) {
  int dimension = 1;
  for (const NodePtr& argument : arguments) dimension = std::max(dimension, argument->dimension);
  return node(operation, std::move(arguments), dimension, number);
}

inline NodePtr number(double value) {
  return node(Operation::number, {}, 1, value);
}

inline NodePtr variable(const std::string& name, int dimension, Axes axes) {
  auto result = std::make_shared<Node>();
  result->operation = Operation::variable;
  result->dimension = dimension;
  result->axes = axes;
  result->name = name;
  return result;
}

inline NodePtr parameter(const std::string& name) {
  auto result = std::make_shared<Node>();
  result->operation = Operation::parameter;
  result->name = name;
  return result;
}

inline NodePtr index(Operation operation) {
  auto result = std::make_shared<Node>();
  result->operation = operation;
  result->axes = operation == Operation::row ? axis_i : axis_j;
  return result;
}

inline NodePtr sqdist(const NodePtr& a, const NodePtr& b) {
  return node(Operation::sqdist, {a, b}, 1);
}

inline NodePtr dot(const NodePtr& a, const NodePtr& b) {
  return node(Operation::dot, {a, b}, 1);
}

/// exp(-|a - b|^2 / 2)
inline NodePtr gaussian(const NodePtr& a, const NodePtr& b) {
  return of(Operation::exp, {of(Operation::multiply, {number(-0.5), sqdist(a, b)})});
}

/// Numbers in (-1, 1), the same everywhere, exact in float.
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : state_(seed * 2654435761U + 12345U) {}
  double operator()() {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<double>(static_cast<std::int32_t>(state_ >> 32) >> 8) / 8388608.0;
  }

 private:
  std::uint64_t state_;
};

inline Cloud random_cloud(Index count, int dimension, std::uint64_t seed, double scale = 1) {
  Cloud cloud{dimension, count, {}};
  Numbers numbers(seed);
  for (Index k = 0; k < count * dimension; ++k) cloud.values.push_back(scale * numbers());
  return cloud;
}

inline Side side(Index count, std::map<std::string, Cloud> variables, Index first = 0) {
  return {first, count, std::move(variables)};
}

/// Calls `work` with every instruction set that this processor has.
inline void for_every_target(const std::function<void(const char*)>& work) {
  for (std::int64_t rest = tile_targets(); rest != 0; rest &= rest - 1) {
    const std::int64_t target = rest & -rest;
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    work(hwy::TargetName(target));
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

/// |found - expected| within `tolerance` of max(|expected|, floor); NaN and infinities alike.
inline bool agree(double found, double expected, double tolerance, double floor = 1e-3) {
  if (std::isnan(expected)) return std::isnan(found);
  if (std::isinf(expected)) return found == expected;
  return std::abs(found - expected) <= tolerance * std::max(std::abs(expected), floor);
}

}  // namespace kronwerk::kernels::trees
