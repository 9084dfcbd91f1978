// Declared in kronwerk/kernels/formula/expression.hpp.
// F(i, j) = F(j, i), decided on a canonical form: every node a coefficient times a numbered form,
// where sums and products forget their order, even functions the sign of their argument, and equal
// forms have equal numbers. Numbering F and its exchanged self together, F is symmetric if both get
// the same.
#include <cmath>
#include <map>
#include <tuple>
#include <unordered_map>

#include "kernels/formula/builder.hpp"
#include "kernels/formula/operations.hpp"

namespace kronwerk::kernels {
namespace {

/// coefficient · (the form of that number).
struct Scaled {
  double coefficient = 1;
  std::size_t form = 0;
  bool operator==(const Scaled&) const = default;
  auto operator<=>(const Scaled&) const = default;
};

class CanonicalForms {
 public:
  /// The names that take each other's place when i and j do.
  explicit CanonicalForms(std::map<std::string, std::string> exchanged)
      : exchanged_(std::move(exchanged)) {}

  Scaled of(const NodePtr& root, bool exchange) {
    exchange_ = exchange;
    known_.clear();
    for (const NodePtr& node : in_order(root)) known_.emplace(node.get(), form(*node));
    return known_.at(root.get());
  }

 private:
  enum Kind { leaf, sum, product, other };
  using Key = std::tuple<Kind, int, int, unsigned, std::string, std::vector<Scaled>>;

  std::size_t number(Key key) {
    return forms_.emplace(std::move(key), forms_.size()).first->second;
  }

  Scaled make_leaf(const Node& node) {
    unsigned axes = node.axes;
    std::string name = node.name;
    if (exchange_) {
      axes = (axes & axis_i ? axis_j : 0U) | (axes & axis_j ? axis_i : 0U);
      const auto partner = exchanged_.find(name);
      if (partner != exchanged_.end()) name = partner->second;
    }
    // The row index exchanged is the column index: told apart by what they vary with.
    const bool index = node.operation == Operation::row || node.operation == Operation::column;
    const int operation = static_cast<int>(index ? Operation::row : node.operation);
    return {1, number({leaf, operation, node.dimension, axes, name, {}})};
  }

  Scaled constant(double value) const { return {value, one_}; }

  std::vector<Scaled> arguments(const Node& node) const {
    std::vector<Scaled> found;
    for (const NodePtr& argument : node.arguments) found.push_back(known_.at(argument.get()));
    return found;
  }

  /// Sums are made with their first coefficient 1, so that x - y and y - x are one form.
  Scaled make_sum(const std::map<std::size_t, double>& terms, int dimension) {
    std::vector<Scaled> parts;
    double first = 0;
    for (const auto& [form, coefficient] : terms) {
      if (coefficient == 0) continue;
      if (first == 0) first = coefficient;
      parts.push_back({coefficient / first, form});
    }
    if (parts.empty()) return constant(0);
    if (parts.size() == 1) return {first, parts[0].form};
    const std::size_t form = number({sum, 0, dimension, 0, "", parts});
    sums_[form] = parts;
    return {first, form};
  }

  void add_terms(const Scaled& a, double sign, std::map<std::size_t, double>& terms) const {
    const auto inner = sums_.find(a.form);
    if (inner == sums_.end()) {
      terms[a.form] += sign * a.coefficient;
    } else {
      for (const Scaled& part : inner->second) {
        terms[part.form] += sign * a.coefficient * part.coefficient;
      }
    }
  }

  /// Products keep exponents in the place of coefficients.
  void add_factors(const Scaled& a, double exponent, double& coefficient,
                   std::map<std::size_t, double>& exponents) const {
    coefficient *= std::pow(a.coefficient, exponent);
    const auto inner = products_.find(a.form);
    if (inner == products_.end()) {
      exponents[a.form] += exponent;
    } else {
      for (const Scaled& part : inner->second) exponents[part.form] += exponent * part.coefficient;
    }
  }

  Scaled make_product(double coefficient, const std::map<std::size_t, double>& exponents,
                      int dimension) {
    std::vector<Scaled> parts;
    for (const auto& [form, exponent] : exponents) {
      if (exponent != 0 && form != one_) parts.push_back({exponent, form});
    }
    if (parts.empty()) return constant(coefficient);
    if (parts.size() == 1 && parts[0].coefficient == 1) return {coefficient, parts[0].form};
    const std::size_t form = number({product, 0, dimension, 0, "", parts});
    products_[form] = parts;
    return {coefficient, form};
  }

  Scaled make_other(const Node& node, std::vector<Scaled> parts, double coefficient,
                    bool commutative) {
    if (commutative && parts[1] < parts[0]) std::swap(parts[0], parts[1]);
    return {coefficient, number({other, static_cast<int>(node.operation), node.dimension,
                                 static_cast<unsigned>(node.offset), "", std::move(parts)})};
  }

  Scaled form(const Node& node) {
    if (node.operation == Operation::number) return constant(node.number);
    return node.arguments.empty() ? make_leaf(node) : compound(node, arguments(node));
  }

  Scaled compound(const Node& node, std::vector<Scaled> parts) {
    std::map<std::size_t, double> collected;
    double coefficient = 1;
    switch (node.operation) {
      case Operation::add:
      case Operation::subtract:
        add_terms(parts[0], 1, collected);
        add_terms(parts[1], node.operation == Operation::add ? 1 : -1, collected);
        return make_sum(collected, node.dimension);
      case Operation::negate:
        return {-parts[0].coefficient, parts[0].form};
      case Operation::multiply:
        add_factors(parts[0], 1, coefficient, collected);
        add_factors(parts[1], 1, coefficient, collected);
        return make_product(coefficient, collected, node.dimension);
      case Operation::divide:
        add_factors(parts[0], 1, coefficient, collected);
        add_factors(parts[1], -1, coefficient, collected);
        return make_product(coefficient, collected, node.dimension);
      case Operation::reciprocal:
      case Operation::square:
      case Operation::power_integer: {
        const double exponent = node.operation == Operation::reciprocal ? -1
                                : node.operation == Operation::square   ? 2
                                                                        : node.number;
        add_factors(parts[0], exponent, coefficient, collected);
        return make_product(coefficient, collected, node.dimension);
      }
      default:
        return function(node, std::move(parts));
    }
  }

  Scaled function(const Node& node, std::vector<Scaled> parts) {
    const OperationTraits traits = traits_of(node.operation);
    double coefficient = 1;
    if (traits.has(even) || traits.has(odd)) {
      if (traits.has(odd) && parts[0].coefficient < 0) coefficient = -1;
      parts[0].coefficient = std::abs(parts[0].coefficient);
    }
    if (traits.has(linear)) {
      for (Scaled& part : parts) {
        coefficient *= part.coefficient;
        part.coefficient = 1;
      }
    }
    return make_other(node, std::move(parts), coefficient, traits.has(commutative));
  }

  std::map<std::string, std::string> exchanged_;
  bool exchange_ = false;
  std::unordered_map<const Node*, Scaled> known_;
  std::map<Key, std::size_t> forms_;
  std::size_t one_ = number({leaf, static_cast<int>(Operation::number), 1, 0, "", {}});
  std::map<std::size_t, std::vector<Scaled>> sums_;
  std::map<std::size_t, std::vector<Scaled>> products_;
};

}  // namespace

bool Expression::symmetric(const std::map<std::string, std::string>& second_of_first) const {
  std::map<std::string, std::string> exchanged;
  for (const auto& [first, second] : second_of_first) {
    exchanged.emplace(first, second);
    exchanged.emplace(second, first);
  }
  CanonicalForms forms(std::move(exchanged));
  const Scaled own = forms.of(root_, false);
  return own == forms.of(root_, true);
}

}  // namespace kronwerk::kernels
