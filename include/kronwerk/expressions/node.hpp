#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kronwerk/expressions/expression.hpp"
#include "kronwerk/formulas/source.hpp"

namespace kronwerk::expressions {

enum class NodeKind {
  // Scalars only.
  number,
  parameter,
  quotient,
  power,
  exponential,
  logarithm,
  square_root,
  // Linear maps only.
  zero,
  identity,
  ones,  ///< ones(n), a factor
  matrix,
  diagonal,       ///< diag(name), a factor
  grid_diagonal,  ///< diag(name) over a grid of several modes
  scale,          ///< arguments[0] is the scalar
  transpose,
  inverse,
  kron,
  kronsum,
  // Either.
  sum,
  difference,
  negation,
  product,  ///< of two scalars, or the composition of two linear maps
};

/// One node of the typed tree: a scalar, or a linear map between two grids of equally many modes. A
/// factor-level matrix is a map over grids of one mode. Immutable.
struct Node {
  NodeKind kind = NodeKind::number;
  double number = 0;
  std::string name;    ///< of a parameter, matrix or vector
  bool sized = false;  ///< of an identity: written eye(n), as nothing else may tell its size
  /// Of a matrix that depends on parameters: the names of its derivatives.
  std::map<std::string, std::string> derivatives;
  std::vector<std::shared_ptr<const Node>> arguments;
  Extents rows;  ///< empty for scalars
  Extents cols;
  /// Where the node comes from; a derivative keeps the place of what was differentiated.
  formulas::Span span;
  std::shared_ptr<const formulas::Source> source;

  bool is_scalar() const noexcept { return rows.empty(); }
};

using NodePtr = std::shared_ptr<const Node>;

/// The node as a formula.
std::string to_text(const Node& node);

/// The number that a scalar node stands for.
/// @throws ConfigurationError, with a caret, for a parameter without a value; DataError
/// likewise for numbers outside a function's domain, and where the value is not finite
double evaluate(const Node& node, const std::map<std::string, double>& parameters);

/// Makes nodes with the place of one node of the formula, dropping what is zero or neutral whatever
/// the parameters' values.
class NodeFactory {
 public:
  explicit NodeFactory(const Node& origin) : span_(origin.span), source_(origin.source) {}
  NodeFactory(formulas::Span span, std::shared_ptr<const formulas::Source> source)
      : span_(span), source_(std::move(source)) {}

  NodePtr number(double value) const;
  NodePtr zero(Extents rows, Extents cols) const;
  NodePtr identity(Extents extents) const;
  NodePtr matrix(std::string name, Extents rows, Extents cols) const;
  NodePtr sum(NodePtr a, NodePtr b) const;
  NodePtr difference(NodePtr a, NodePtr b) const;
  NodePtr negation(NodePtr a) const;
  /// Of two scalars, two linear maps, or one of each (then the result is a `scale`).
  NodePtr product(NodePtr a, NodePtr b) const;
  /// a / b with a scalar b.
  NodePtr quotient(NodePtr a, NodePtr b) const;
  NodePtr power(NodePtr base, NodePtr exponent) const;
  NodePtr function(NodeKind kind, NodePtr argument) const;
  NodePtr transpose(NodePtr a) const;
  NodePtr inverse(NodePtr a) const;
  NodePtr kron(std::vector<NodePtr> arguments) const;

 private:
  NodePtr make(NodeKind kind, std::vector<NodePtr> arguments, Extents rows, Extents cols) const;

  formulas::Span span_;
  std::shared_ptr<const formulas::Source> source_;
};

/// True for a scalar node that is this number whatever the parameters' values.
bool is_number(const Node& node, double value);

}  // namespace kronwerk::expressions
