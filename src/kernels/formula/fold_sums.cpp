// Declared in kernels/formula/builder.hpp.
// Sums and differences: equal terms and common factors put together, as derivatives have many.
#include <algorithm>
#include <cmath>

#include "kernels/formula/builder.hpp"

namespace kronwerk::kernels {
namespace {

/// Longer sums are left as they are written.
constexpr std::size_t most_terms = 12;

Operation signed_operation(int sign) {
  return sign > 0 ? Operation::add : Operation::subtract;
}

bool is_zero_part(const NodePtr& part) {
  return is_constant(part, 0);
}

}  // namespace

NodePtr Builder::add(const NodePtr& a, const NodePtr& b) {
  return combine(a, b, 1);
}

NodePtr Builder::subtract(const NodePtr& a, const NodePtr& b) {
  return combine(a, b, -1);
}

/// a + sign b.
NodePtr Builder::combine(const NodePtr& a, const NodePtr& b, int sign) {
  const int dimension = std::max(a->dimension, b->dimension);
  if (is_constant(b, 0)) return with_dimension(a, dimension);
  if (is_constant(a, 0)) return with_dimension(sign > 0 ? b : negate(b), dimension);
  if (const auto folded = add_parts(a, b, sign)) return *folded;
  if (const auto folded = fold_repeated(signed_operation(sign), {a, b})) return *folded;
  if (const auto folded = merge_terms(a, b, sign)) return *folded;
  if (const auto folded = factor_out(a, b, sign)) return *folded;
  if (b->operation == Operation::negate && b->arguments[0]->dimension == b->dimension) {
    return make(signed_operation(-sign), dimension, {a, b->arguments[0]});
  }
  if (a->operation == Operation::negate && sign > 0) {
    return make(Operation::subtract, dimension, {b, a->arguments[0]});
  }
  return make(signed_operation(sign), dimension, {a, b});
}

/// False: too many terms.
bool Builder::append_terms(const NodePtr& a, double coefficient, std::vector<Term>& terms) {
  if (terms.size() > most_terms) return false;
  if (const std::optional<double> value = constant_value(a)) {
    terms.push_back({coefficient * *value, nullptr});
    return true;
  }
  Product product = factors_of(a);
  coefficient *= product.coefficient;
  const NodePtr& inner = product.factors[0];
  const bool is_sum = inner->operation == Operation::add || inner->operation == Operation::subtract;
  if (product.factors.size() == 1 && is_sum) {
    const double second = inner->operation == Operation::add ? coefficient : -coefficient;
    return append_terms(inner->arguments[0], coefficient, terms) &&
           append_terms(inner->arguments[1], second, terms);
  }
  product.coefficient = 1;
  terms.push_back({coefficient, build_product(product, a->dimension)});
  return true;
}

NodePtr Builder::build_sum(const std::vector<Term>& terms, int dimension) {
  double constant = 0;
  NodePtr result;
  // What is added comes first, so that nothing has to be negated.
  for (const bool added : {true, false}) {
    for (const Term& term : terms) {
      if (!term.rest) {
        if (added) constant += term.coefficient;
        continue;
      }
      if (term.coefficient == 0 || (term.coefficient > 0) != added) continue;
      const bool negative = term.coefficient < 0;
      if (!result && negative && constant != 0) {
        result = number(constant);
        constant = 0;
      }
      if (!result) {
        result = multiply(term.coefficient, term.rest);
        continue;
      }
      const NodePtr next = multiply(std::abs(term.coefficient), term.rest);
      result = make(signed_operation(negative ? -1 : 1),
                    std::max(result->dimension, next->dimension), {result, next});
    }
  }
  if (!result) return number(constant, dimension);
  if (constant != 0) {
    result = make(signed_operation(constant > 0 ? 1 : -1), result->dimension,
                  {result, number(std::abs(constant))});
  }
  return with_dimension(result, dimension);
}

/// 1 + t - t - q = 1 - q; nothing if no two terms are equal, so that sums otherwise keep the order
/// in which they are written.
std::optional<NodePtr> Builder::merge_terms(const NodePtr& a, const NodePtr& b, int sign) {
  std::vector<Term> terms;
  std::vector<Term> second;
  if (!append_terms(a, 1, terms) || !append_terms(b, sign, second)) return std::nullopt;
  bool merged = false;
  for (const Term& term : second) {
    const auto same = std::find_if(terms.begin(), terms.end(),
                                   [&](const Term& other) { return other.rest == term.rest; });
    if (same == terms.end()) {
      terms.push_back(term);
    } else {
      same->coefficient += term.coefficient;
      merged = true;
    }
  }
  if (!merged) return std::nullopt;
  return build_sum(terms, std::max(a->dimension, b->dimension));
}

/// a*c + b*c = (a + b)*c, if c has to be multiplied for every pair.
std::optional<NodePtr> Builder::factor_out(const NodePtr& a, const NodePtr& b, int sign) {
  Product left = factors_of(a);
  Product right = factors_of(b);
  Product common;
  unsigned axes = no_axis;
  for (const NodePtr& factor : left.factors) {
    const auto same = std::find(right.factors.begin(), right.factors.end(), factor);
    if (same == right.factors.end()) continue;
    common.factors.push_back(factor);
    axes |= factor->axes;
    right.factors.erase(same);
  }
  if (axes != both_axes) return std::nullopt;
  for (const NodePtr& factor : common.factors) {
    left.factors.erase(std::find(left.factors.begin(), left.factors.end(), factor));
  }
  const auto dimension_of = [](const Product& product) {
    int dimension = 1;
    for (const NodePtr& factor : product.factors)
      dimension = std::max(dimension, factor->dimension);
    return dimension;
  };
  const NodePtr sum = combine(build_product(left, dimension_of(left)),
                              build_product(right, dimension_of(right)), sign);
  append_factors(sum, common);
  return build_product(common, std::max(a->dimension, b->dimension));
}

/// Vectors put together of the same parts, or of parts beside zeros, are added part by part: the
/// derivatives of slices.
std::optional<NodePtr> Builder::add_parts(const NodePtr& a, const NodePtr& b, int sign) {
  if (a->operation != Operation::concat || b->operation != Operation::concat) return std::nullopt;
  std::vector<NodePtr> parts;
  std::size_t k = 0;
  std::size_t l = 0;
  while (k < a->arguments.size() && l < b->arguments.size()) {
    const NodePtr& left = a->arguments[k];
    const NodePtr& right = b->arguments[l];
    if (left->dimension == right->dimension) {
      parts.push_back(combine(left, right, sign));
      ++k;
      ++l;
      continue;
    }
    const bool left_longer = left->dimension > right->dimension;
    const NodePtr& longer = left_longer ? left : right;
    std::size_t& place = left_longer ? l : k;
    const std::vector<NodePtr>& zeros = left_longer ? b->arguments : a->arguments;
    int covered = 0;
    while (covered < longer->dimension && place < zeros.size() && is_zero_part(zeros[place])) {
      covered += zeros[place++]->dimension;
    }
    if (covered != longer->dimension) return std::nullopt;
    parts.push_back(left_longer || sign > 0 ? longer : negate(longer));
    ++(left_longer ? k : l);
  }
  return concat(parts);
}

}  // namespace kronwerk::kernels
