// Declared in kernels/formula/builder.hpp.
// Folding of single operations; products, sums and vectors have files of their own.
#include <algorithm>
#include <cmath>

#include "kernels/formula/builder.hpp"
#include "kernels/formula/operations.hpp"

namespace kronwerk::kernels {
namespace {

bool all_arguments(const Node& a, int depth, bool (*holds)(const Node&, int)) {
  return std::all_of(a.arguments.begin(), a.arguments.end(),
                     [&](const NodePtr& argument) { return holds(*argument, depth - 1); });
}

}  // namespace

bool is_never_negative(const Node& a, int depth) {
  if (depth == 0) return false;
  switch (a.operation) {
    case Operation::number:
      return a.number >= 0;
    case Operation::row:
    case Operation::column:
      return true;
    case Operation::power_integer:
      return std::fmod(a.number, 2) == 0 || is_never_negative(*a.arguments[0], depth - 1);
    case Operation::dot:
      return a.arguments[0] == a.arguments[1] || all_arguments(a, depth, is_never_negative);
    case Operation::max:
      return is_never_negative(*a.arguments[0], depth - 1) ||
             is_never_negative(*a.arguments[1], depth - 1);
    case Operation::where:
      return is_never_negative(*a.arguments[1], depth - 1) &&
             is_never_negative(*a.arguments[2], depth - 1);
    default:
      break;
  }
  const OperationTraits traits = traits_of(a.operation);
  return traits.has(never_negative) ||
         (traits.has(keeps_positivity) && all_arguments(a, depth, is_never_negative));
}

bool is_always_positive(const Node& a, int depth) {
  if (depth == 0) return false;
  const auto positive = [&](std::size_t k) {
    return is_always_positive(*a.arguments[k], depth - 1);
  };
  switch (a.operation) {
    case Operation::number:
      return a.number > 0;
    case Operation::exp:
      return true;
    case Operation::add:
      return is_never_negative(a, depth) && (positive(0) || positive(1));
    case Operation::max:
      return positive(0) || positive(1);
    case Operation::where:
      return positive(1) && positive(2);
    case Operation::multiply:
    case Operation::divide:
    case Operation::reciprocal:
    case Operation::sqrt:
    case Operation::square:
    case Operation::power_integer:
    case Operation::concat:
    case Operation::slice:
    case Operation::min:
    case Operation::sum:
      return all_arguments(a, depth, is_always_positive);
    default:
      return false;
  }
}

/// What does not come out finite is left for the evaluation.
std::optional<NodePtr> Builder::fold_constants(Operation operation,
                                               const std::vector<NodePtr>& arguments) {
  std::vector<double> values;
  int dimension = 1;
  for (const NodePtr& argument : arguments) {
    const std::optional<double> value = constant_value(argument);
    if (!value) return std::nullopt;
    values.push_back(*value);
    dimension = std::max(dimension, argument->dimension);
  }
  const double result = scalar_value(operation, values, 0);
  if (!std::isfinite(result)) return std::nullopt;
  return number(result, dimension);
}

/// A vector of equal components beside a vector needs only one of them, as scalars broadcast; among
/// themselves one component says all.
std::optional<NodePtr> Builder::fold_repeated(Operation operation, std::vector<NodePtr> arguments) {
  int dimension = 1;
  bool changed = false;
  bool vectors = false;
  for (NodePtr& argument : arguments) {
    dimension = std::max(dimension, argument->dimension);
    if (NodePtr component = repeated_component(argument)) {
      argument = std::move(component);
      changed = true;
    } else {
      vectors = vectors || argument->dimension > 1;
    }
  }
  if (!changed) return std::nullopt;
  const NodePtr result = elementwise(operation, std::move(arguments));
  return vectors ? result : with_dimension(result, dimension);
}

NodePtr Builder::elementwise(Operation operation, std::vector<NodePtr> arguments) {
  if (arguments.size() == 3) return where(arguments[0], arguments[1], arguments[2]);
  return arguments.size() == 1 ? apply(operation, arguments[0])
                               : apply(operation, arguments[0], arguments[1]);
}

NodePtr Builder::fold_square(const NodePtr& a) {
  const auto inner = [&]() -> const NodePtr& { return a->arguments[0]; };
  switch (a->operation) {
    case Operation::abs:
    case Operation::negate:
      return square(inner());
    case Operation::exp:
      return exp(multiply(2, inner()));
    case Operation::reciprocal:
      return reciprocal(square(inner()));
    case Operation::sqrt:
      if (is_never_negative(*inner())) return inner();
      break;
    case Operation::rsqrt:
      if (is_never_negative(*inner())) return reciprocal(inner());
      break;
    case Operation::multiply: {
      Product product = factors_of(a);
      Product rest{1, {}};
      Product squared{product.coefficient * product.coefficient, {}};
      for (const NodePtr& factor : product.factors) {
        const bool computed_before = factor->axes != a->axes;
        (computed_before ? squared : rest)
            .factors.push_back(computed_before ? square(factor) : factor);
      }
      if (rest.factors.size() == product.factors.size() && product.coefficient == 1) break;
      if (!rest.factors.empty()) {
        const NodePtr remaining = build_product(rest, 1);
        squared.factors.push_back(square(remaining));
      }
      return build_product(squared, a->dimension);
    }
    case Operation::subtract: {
      const NodePtr& p = a->arguments[0];
      const NodePtr& q = a->arguments[1];
      // The squared distance of points on a line, as in more dimensions.
      const bool pair =
          (p->axes == axis_i && q->axes == axis_j) || (p->axes == axis_j && q->axes == axis_i);
      if (pair && a->dimension == 1) return sqdist(p, q);
      break;
    }
    default:
      break;
  }
  return make(Operation::square, a->dimension, {a});
}

NodePtr Builder::apply(Operation operation, const NodePtr& a) {
  if (operation == Operation::negate) return negate(a);
  if (operation == Operation::reciprocal) return reciprocal(a);
  if (const auto folded = fold_constants(operation, {a})) return *folded;
  if (const auto folded = fold_repeated(operation, {a})) return *folded;
  const auto inner = [&]() -> const NodePtr& { return a->arguments[0]; };
  switch (operation) {
    case Operation::square:
      return fold_square(a);
    case Operation::log:
      if (a->operation == Operation::exp) return inner();
      break;
    case Operation::sqrt:
      if (a->operation == Operation::square) return apply(Operation::abs, inner());
      if (a->operation == Operation::sqdist && inner()->dimension == 1) {
        return apply(Operation::abs, subtract(inner(), a->arguments[1]));
      }
      break;
    case Operation::abs:
      if (is_never_negative(*a)) return a;
      if (a->operation == Operation::negate) return apply(Operation::abs, inner());
      break;
    case Operation::relu:
      if (is_never_negative(*a)) return a;
      break;
    default:
      break;
  }
  return make(operation, a->dimension, {a});
}

NodePtr Builder::apply(Operation operation, const NodePtr& a, const NodePtr& b) {
  switch (operation) {
    case Operation::add:
      return add(a, b);
    case Operation::subtract:
      return subtract(a, b);
    case Operation::multiply:
      return multiply(a, b);
    case Operation::divide:
      return divide_exactly(a, b);
    case Operation::power:
      return power(a, b);
    default:
      break;
  }
  if (const auto folded = fold_constants(operation, {a, b})) return *folded;
  if (const auto folded = fold_repeated(operation, {a, b})) return *folded;
  if (a == b && (operation == Operation::min || operation == Operation::max)) return a;
  return make(operation, std::max(a->dimension, b->dimension), {a, b});
}

NodePtr Builder::where(const NodePtr& condition, const NodePtr& a, const NodePtr& b) {
  const int dimension = std::max({condition->dimension, a->dimension, b->dimension});
  if (const auto value = constant_value(condition)) {
    return with_dimension(*value != 0 ? a : b, dimension);
  }
  if (a == b) return with_dimension(a, dimension);
  if (const auto folded = fold_repeated(Operation::where, {condition, a, b})) return *folded;
  return make(Operation::where, dimension, {condition, a, b});
}

NodePtr Builder::power(const NodePtr& base, const NodePtr& exponent) {
  const int dimension = std::max(base->dimension, exponent->dimension);
  const std::optional<double> constant = constant_value(exponent);
  if (constant && exponent->dimension <= base->dimension) {
    if (*constant == std::floor(*constant) && std::abs(*constant) <= 64) {
      return power_integer(base, static_cast<int>(*constant));
    }
    if (*constant == 0.5) return sqrt(base);
    if (*constant == -0.5) return apply(Operation::rsqrt, base);
    if (*constant == 1.5 || *constant == 2.5) {
      return multiply(power_integer(base, static_cast<int>(*constant)), sqrt(base));
    }
  }
  if (const auto folded = fold_constants(Operation::power, {base, exponent})) return *folded;
  if (const auto folded = fold_repeated(Operation::power, {base, exponent})) return *folded;
  return make(Operation::power, dimension, {base, exponent});
}

NodePtr Builder::power_integer(const NodePtr& base, int exponent) {
  if (exponent < 0) return reciprocal(power_integer(base, -exponent));
  if (exponent == 0) return number(1, base->dimension);
  if (exponent == 1) return base;
  if (exponent == 2) return square(base);
  if (const auto value = constant_value(base)) {
    const double result = std::pow(*value, exponent);
    if (std::isfinite(result)) return number(result, base->dimension);
  }
  switch (base->operation) {
    case Operation::exp:
      return exp(multiply(exponent, base->arguments[0]));
    case Operation::square:
      return power_integer(base->arguments[0], 2 * exponent);
    case Operation::sqrt:
      if (exponent % 2 == 0 && is_never_negative(*base->arguments[0])) {
        return power_integer(base->arguments[0], exponent / 2);
      }
      break;
    case Operation::reciprocal:
      return reciprocal(power_integer(base->arguments[0], exponent));
    case Operation::negate: {
      const NodePtr result = power_integer(base->arguments[0], exponent);
      return exponent % 2 == 0 ? result : negate(result);
    }
    default:
      break;
  }
  Node node;
  node.operation = Operation::power_integer;
  node.dimension = base->dimension;
  node.axes = base->axes;
  node.number = exponent;
  node.arguments = {base};
  return intern(std::move(node));
}

}  // namespace kronwerk::kernels
