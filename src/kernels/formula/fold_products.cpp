// Declared in kernels/formula/builder.hpp.
// Products and quotients: flattened, merged, and regrouped by what the factors vary with.
#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/formula/builder.hpp"

namespace kronwerk::kernels {
namespace {

/// Longer products are left as they are written.
constexpr std::size_t most_factors = 12;

bool contains(unsigned axes, unsigned part) {
  return (axes & part) == part;
}

}  // namespace

void Builder::append_factors(const NodePtr& a, Product& product) {
  if (const std::optional<double> value = constant_value(a)) {
    product.coefficient *= *value;
  } else if (const NodePtr component = repeated_component(a)) {
    append_factors(component, product);
  } else if (a->operation == Operation::negate) {
    product.coefficient = -product.coefficient;
    append_factors(a->arguments[0], product);
  } else if (a->operation == Operation::multiply && product.factors.size() < most_factors) {
    append_factors(a->arguments[0], product);
    append_factors(a->arguments[1], product);
  } else {
    product.factors.push_back(a);
  }
}

Builder::Product Builder::factors_of(const NodePtr& a) {
  Product product;
  append_factors(a, product);
  return product;
}

/// Equal factors to powers, and exponentials to one exponential unless that has to be evaluated for
/// more pairs than they.
Builder::Product Builder::merge_factors(const Product& product) {
  std::vector<std::pair<NodePtr, int>> powers;
  for (const NodePtr& factor : product.factors) {
    const auto same = std::find_if(powers.begin(), powers.end(),
                                   [&](const auto& power) { return power.first == factor; });
    if (same != powers.end()) {
      ++same->second;
    } else {
      powers.emplace_back(factor, 1);
    }
  }
  std::vector<NodePtr> merged;
  for (const auto& [base, exponent] : powers) {
    const NodePtr factor = power_integer(base, exponent);
    const auto partner = std::find_if(merged.begin(), merged.end(), [&](const NodePtr& other) {
      return factor->operation == Operation::exp && other->operation == Operation::exp &&
             factor->dimension == other->dimension &&
             (contains(factor->axes, other->axes) || contains(other->axes, factor->axes));
    });
    if (partner == merged.end()) {
      merged.push_back(factor);
    } else {
      *partner = exp(add((*partner)->arguments[0], factor->arguments[0]));
    }
  }
  Product result{product.coefficient, {}};
  for (const NodePtr& factor : merged) append_factors(factor, result);
  return result;
}

NodePtr Builder::scale_by_number(double coefficient, const NodePtr& a) {
  if (coefficient == 1) return a;
  if (coefficient != -1) return make(Operation::multiply, a->dimension, {number(coefficient), a});
  if (a->operation == Operation::subtract && a->dimension == a->arguments[0]->dimension &&
      a->dimension == a->arguments[1]->dimension) {
    return make(Operation::subtract, a->dimension, {a->arguments[1], a->arguments[0]});
  }
  return make(Operation::negate, a->dimension, {a});
}

/// From left to right, scalars first.
NodePtr Builder::product_in_order(const std::vector<NodePtr>& factors) {
  NodePtr result;
  for (const bool scalars : {true, false}) {
    NodePtr part;
    for (const NodePtr& factor : factors) {
      if ((factor->dimension == 1) != scalars) continue;
      part = part ? make(Operation::multiply, std::max(part->dimension, factor->dimension),
                         {part, factor})
                  : factor;
    }
    if (!part) continue;
    result = result ? make(Operation::multiply, part->dimension, {result, part}) : part;
  }
  return result;
}

NodePtr Builder::build_product(const Product& product, int dimension) {
  if (product.coefficient == 0) return number(0, dimension);
  Product merged = merge_factors(product);
  // Merging may give factors that merge with others: exp(a)*exp(b) and another exp(a + b).
  for (int round = 0; round < 4 && merged.factors != product.factors; ++round) {
    Product again = merge_factors(merged);
    if (again.factors == merged.factors) break;
    merged = std::move(again);
  }
  if (merged.coefficient == 0 || merged.factors.empty()) {
    return number(merged.coefficient, dimension);
  }
  std::array<std::vector<NodePtr>, 4> groups;
  for (const NodePtr& factor : merged.factors) groups[factor->axes].push_back(factor);
  // What does not vary joins what varies with one index: once per row or column, not per pair.
  double coefficient = merged.coefficient;
  std::vector<NodePtr> items;
  for (const unsigned axes : {no_axis, axis_i, axis_j}) {
    if (groups[axes].empty()) continue;
    const NodePtr item = product_in_order(groups[axes]);
    if (items.empty()) {
      items.push_back(scale_by_number(coefficient, item));
      coefficient = 1;
    } else if (items.size() == 1 && items[0]->axes == no_axis) {
      items[0] = product_in_order({items[0], item});
    } else {
      items.push_back(item);
    }
  }
  items.insert(items.end(), groups[both_axes].begin(), groups[both_axes].end());
  return with_dimension(scale_by_number(coefficient, product_in_order(items)), dimension);
}

NodePtr Builder::multiply(const NodePtr& a, const NodePtr& b) {
  Product product = factors_of(a);
  append_factors(b, product);
  return build_product(product, std::max(a->dimension, b->dimension));
}

NodePtr Builder::multiply(double coefficient, const NodePtr& a) {
  Product product = factors_of(a);
  product.coefficient *= coefficient;
  return build_product(product, a->dimension);
}

NodePtr Builder::negate(const NodePtr& a) {
  return multiply(-1, a);
}

NodePtr Builder::reciprocal(const NodePtr& a) {
  return divide(number(1), a);
}

NodePtr Builder::divide_exactly(const NodePtr& a, const NodePtr& b) {
  const int dimension = std::max(a->dimension, b->dimension);
  if (is_constant(b, 1)) return with_dimension(a, dimension);
  if (is_constant(a, 0)) return number(0, dimension);
  if (const auto folded = fold_constants(Operation::divide, {a, b})) return *folded;
  return make(Operation::divide, dimension, {a, b});
}

void Builder::divide_by(Product& result, const Product& dividend, const Product& divisor) {
  if (divisor.factors.empty()) {
    result.factors.insert(result.factors.end(), dividend.factors.begin(), dividend.factors.end());
    return;
  }
  const Product below = merge_factors(divisor);
  result.coefficient /= below.coefficient;
  const NodePtr denominator = product_in_order(below.factors);
  if (dividend.factors.empty()) {
    result.factors.push_back(make(Operation::reciprocal, denominator->dimension, {denominator}));
    return;
  }
  const Product above = merge_factors(dividend);
  result.coefficient *= above.coefficient;
  const NodePtr numerator = product_in_order(above.factors);
  result.factors.push_back(make(Operation::divide,
                                std::max(numerator->dimension, denominator->dimension),
                                {numerator, denominator}));
}

/// numerator / (denominator without coefficient), with the denominator's factors that are computed
/// before the rest as reciprocals.
NodePtr Builder::quotient(const Product& numerator, Product denominator, unsigned axes,
                          int dimension) {
  Product before{numerator.coefficient / denominator.coefficient, {}};
  Product above;
  Product below;
  const auto is_before = [&](const NodePtr& factor) {
    return factor->axes != axes && (axes == both_axes || factor->axes == no_axis);
  };
  for (const NodePtr& factor : numerator.factors) {
    (is_before(factor) ? before : above).factors.push_back(factor);
  }
  Product divisors;
  for (const NodePtr& factor : denominator.factors) {
    const auto inner = [&]() -> const NodePtr& { return factor->arguments[0]; };
    Product& place = is_before(factor) ? before : above;
    if (factor->operation == Operation::exp) {
      place.factors.push_back(exp(negate(inner())));
    } else if (factor->operation == Operation::sqrt) {
      place.factors.push_back(apply(Operation::rsqrt, inner()));
    } else if (factor->operation == Operation::rsqrt) {
      place.factors.push_back(sqrt(inner()));
    } else if (factor->operation == Operation::reciprocal) {
      place.factors.push_back(inner());
    } else {
      (is_before(factor) ? divisors : below).factors.push_back(factor);
    }
  }
  divide_by(before, Product{}, divisors);
  divide_by(before, above, below);
  return build_product(before, dimension);
}

NodePtr Builder::divide(const NodePtr& a, const NodePtr& b) {
  const Product denominator = factors_of(b);
  if (denominator.coefficient == 0) return divide_exactly(a, b);
  const int dimension = std::max(a->dimension, b->dimension);
  if (is_constant(a, 0)) return number(0, dimension);
  const Product numerator = factors_of(a);
  if (!std::isfinite(numerator.coefficient / denominator.coefficient)) return divide_exactly(a, b);
  if (numerator.factors.empty() && denominator.factors.empty()) {
    return number(numerator.coefficient / denominator.coefficient, dimension);
  }
  return quotient(numerator, denominator, a->axes | b->axes, dimension);
}

}  // namespace kronwerk::kernels
