#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "kronwerk/kernels/formula/expression.hpp"
#include "kronwerk/kernels/formula/node.hpp"

namespace kronwerk::kernels {

/// Makes nodes, folded, and each different node once, so that equal parts of a formula are one node
/// of a graph. Dimensions must conform (analyse() checks them first).
///
/// Folding follows the rules of real numbers, not those of NaN and infinity: 0*x is 0 and x - x is
/// 0, whatever x turns out to be. Products and quotients are grouped so that what varies with
/// neither or with one index only is multiplied (and divided) first, since the evaluation computes
/// it once per row or column.
class Builder {
 public:
  /// Where the nodes made from now on come from.
  void set_place(formulas::Span span, std::shared_ptr<const formulas::Source> source);

  /// `value` in each of `dimension` components.
  NodePtr number(double value, int dimension = 1);
  NodePtr parameter(const std::string& name);
  NodePtr variable(const std::string& name, VariableSymbol symbol);
  NodePtr row();
  NodePtr column();

  NodePtr negate(const NodePtr& a);
  NodePtr add(const NodePtr& a, const NodePtr& b);
  NodePtr subtract(const NodePtr& a, const NodePtr& b);
  NodePtr multiply(const NodePtr& a, const NodePtr& b);
  NodePtr multiply(double coefficient, const NodePtr& a);
  NodePtr divide(const NodePtr& a, const NodePtr& b);
  /// A quotient that stays one, for what is rounded or compared afterwards: 49*(1/49) is not 1.
  NodePtr divide_exactly(const NodePtr& a, const NodePtr& b);
  NodePtr reciprocal(const NodePtr& a);
  NodePtr power(const NodePtr& base, const NodePtr& exponent);
  NodePtr power_integer(const NodePtr& base, int exponent);
  /// The other elementwise operations of one argument and of two.
  NodePtr apply(Operation operation, const NodePtr& a);
  NodePtr apply(Operation operation, const NodePtr& a, const NodePtr& b);
  NodePtr where(const NodePtr& condition, const NodePtr& a, const NodePtr& b);
  NodePtr exp(const NodePtr& a) { return apply(Operation::exp, a); }
  NodePtr sqrt(const NodePtr& a) { return apply(Operation::sqrt, a); }
  NodePtr square(const NodePtr& a) { return apply(Operation::square, a); }

  NodePtr sum(const NodePtr& a);
  NodePtr dot(const NodePtr& a, const NodePtr& b);
  NodePtr sqdist(const NodePtr& a, const NodePtr& b);
  NodePtr concat(const std::vector<NodePtr>& parts);
  NodePtr slice(const NodePtr& a, int offset, int count);
  NodePtr matvec(const NodePtr& matrix, const NodePtr& a);
  NodePtr vecmat(const NodePtr& matrix, const NodePtr& a);
  NodePtr outer(const NodePtr& a, const NodePtr& b);

  /// A scalar in each of `dimension` components; a vector as it is.
  NodePtr with_dimension(const NodePtr& a, int dimension);
  /// The nodes of another builder, as they are.
  NodePtr import(const NodePtr& root);
  /// `root` with i and j exchanged: variables keep their names and vary with the other index.
  NodePtr transpose(const NodePtr& root);

 private:
  using Key = std::tuple<Operation, int, unsigned, std::uint64_t, std::string, int,
                         std::vector<std::size_t>>;
  /// coefficient · Π factors; the factors are no products themselves.
  struct Product {
    double coefficient = 1;
    std::vector<NodePtr> factors;
  };
  /// coefficient · rest; no rest: a number.
  struct Term {
    double coefficient = 1;
    NodePtr rest;
  };

  NodePtr intern(Node node);
  NodePtr make(Operation operation, int dimension, std::vector<NodePtr> arguments);
  NodePtr elementwise(Operation operation, std::vector<NodePtr> arguments);
  std::optional<NodePtr> fold_constants(Operation operation, const std::vector<NodePtr>& arguments);
  std::optional<NodePtr> fold_repeated(Operation operation, std::vector<NodePtr> arguments);
  NodePtr copy(const NodePtr& root, bool transposed);

  Product factors_of(const NodePtr& a);
  void append_factors(const NodePtr& a, Product& product);
  NodePtr build_product(const Product& product, int dimension);
  Product merge_factors(const Product& product);
  NodePtr scale_by_number(double coefficient, const NodePtr& a);
  NodePtr product_in_order(const std::vector<NodePtr>& factors);
  void divide_by(Product& result, const Product& dividend, const Product& divisor);
  NodePtr quotient(const Product& numerator, Product denominator, unsigned axes, int dimension);
  NodePtr fold_square(const NodePtr& a);

  NodePtr combine(const NodePtr& a, const NodePtr& b, int sign);
  bool append_terms(const NodePtr& a, double coefficient, std::vector<Term>& terms);
  std::optional<NodePtr> merge_terms(const NodePtr& a, const NodePtr& b, int sign);
  std::optional<NodePtr> factor_out(const NodePtr& a, const NodePtr& b, int sign);
  std::optional<NodePtr> add_parts(const NodePtr& a, const NodePtr& b, int sign);
  NodePtr build_sum(const std::vector<Term>& terms, int dimension);

  NodePtr dot_of_factors(const Product& product);

  std::map<Key, NodePtr> nodes_;
  std::unordered_map<const Node*, std::size_t> numbers_;
  formulas::Span span_;
  std::shared_ptr<const formulas::Source> source_;
};

/// The scalar that every component of the vector `a` is, if it is made so; else nothing.
NodePtr repeated_component(const NodePtr& a);
/// The value, if `a` is a number or a vector of equal numbers.
std::optional<double> constant_value(const NodePtr& a);
inline bool is_constant(const NodePtr& a, double value) {
  const std::optional<double> found = constant_value(a);
  return found && *found == value;
}

/// As far as the operations show it, whatever the variables and parameters are.
bool is_never_negative(const Node& a, int depth = 8);
bool is_always_positive(const Node& a, int depth = 8);

/// The graph's nodes, arguments before the nodes that use them, always in the same order.
std::vector<NodePtr> in_order(const NodePtr& root);

}  // namespace kronwerk::kernels
