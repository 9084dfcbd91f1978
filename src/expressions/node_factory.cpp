// Declared in kronwerk/expressions/node.hpp.
#include <utility>

#include "kronwerk/expressions/node.hpp"

namespace kronwerk::expressions {
namespace {

bool is_zero(const Node& node) {
  return node.kind == NodeKind::zero || is_number(node, 0);
}

}  // namespace

NodePtr NodeFactory::make(NodeKind kind, std::vector<NodePtr> arguments, Extents rows,
                          Extents cols) const {
  Node node;
  node.kind = kind;
  node.arguments = std::move(arguments);
  node.rows = std::move(rows);
  node.cols = std::move(cols);
  node.span = span_;
  node.source = source_;
  return std::make_shared<const Node>(std::move(node));
}

NodePtr NodeFactory::number(double value) const {
  Node node;
  node.number = value;
  node.span = span_;
  node.source = source_;
  return std::make_shared<const Node>(std::move(node));
}

NodePtr NodeFactory::zero(Extents rows, Extents cols) const {
  return rows.empty() ? number(0) : make(NodeKind::zero, {}, std::move(rows), std::move(cols));
}

NodePtr NodeFactory::identity(Extents extents) const {
  return make(NodeKind::identity, {}, extents, extents);
}

NodePtr NodeFactory::matrix(std::string name, Extents rows, Extents cols) const {
  Node node;
  node.kind = NodeKind::matrix;
  node.name = std::move(name);
  node.rows = std::move(rows);
  node.cols = std::move(cols);
  node.span = span_;
  node.source = source_;
  return std::make_shared<const Node>(std::move(node));
}

NodePtr NodeFactory::sum(NodePtr a, NodePtr b) const {
  if (is_zero(*a)) return b;
  if (is_zero(*b)) return a;
  return make(NodeKind::sum, {a, b}, a->rows, a->cols);
}

NodePtr NodeFactory::difference(NodePtr a, NodePtr b) const {
  if (is_zero(*b)) return a;
  if (is_zero(*a)) return negation(b);
  return make(NodeKind::difference, {a, b}, a->rows, a->cols);
}

NodePtr NodeFactory::negation(NodePtr a) const {
  if (is_zero(*a)) return a;
  if (a->kind == NodeKind::number) return number(-a->number);
  if (a->kind == NodeKind::negation) return a->arguments[0];
  return make(NodeKind::negation, {a}, a->rows, a->cols);
}

NodePtr NodeFactory::product(NodePtr a, NodePtr b) const {
  if (!a->is_scalar() && b->is_scalar()) std::swap(a, b);
  const bool scales = a->is_scalar() && !b->is_scalar();
  if (is_zero(*a) || is_zero(*b)) {
    return scales || b->is_scalar() ? zero(b->rows, b->cols) : zero(a->rows, b->cols);
  }
  if (is_number(*a, 1)) return b;
  if (is_number(*b, 1)) return a;
  if (scales) return make(NodeKind::scale, {a, b}, b->rows, b->cols);
  return make(NodeKind::product, {a, b}, a->rows, b->cols);
}

NodePtr NodeFactory::quotient(NodePtr a, NodePtr b) const {
  if (is_number(*b, 1)) return a;
  if (!a->is_scalar()) return product(quotient(number(1), b), a);
  return make(NodeKind::quotient, {a, b}, {}, {});
}

NodePtr NodeFactory::power(NodePtr base, NodePtr exponent) const {
  if (is_number(*exponent, 1)) return base;
  if (is_number(*exponent, 0)) return number(1);
  return make(NodeKind::power, {base, exponent}, {}, {});
}

NodePtr NodeFactory::function(NodeKind kind, NodePtr argument) const {
  return make(kind, {std::move(argument)}, {}, {});
}

NodePtr NodeFactory::transpose(NodePtr a) const {
  if (a->is_scalar() || a->kind == NodeKind::identity) return a;
  if (a->kind == NodeKind::zero) return zero(a->cols, a->rows);
  return make(NodeKind::transpose, {a}, a->cols, a->rows);
}

NodePtr NodeFactory::inverse(NodePtr a) const {
  if (a->is_scalar()) return quotient(number(1), a);
  return make(NodeKind::inverse, {a}, a->cols, a->rows);
}

NodePtr NodeFactory::kron(std::vector<NodePtr> arguments) const {
  Extents rows;
  Extents cols;
  bool vanishes = false;
  for (const NodePtr& argument : arguments) {
    rows.insert(rows.end(), argument->rows.begin(), argument->rows.end());
    cols.insert(cols.end(), argument->cols.begin(), argument->cols.end());
    vanishes = vanishes || argument->kind == NodeKind::zero;
  }
  if (vanishes) return zero(std::move(rows), std::move(cols));
  return make(NodeKind::kron, std::move(arguments), std::move(rows), std::move(cols));
}

}  // namespace kronwerk::expressions
