#include "adversary/material/tree.hpp"

#include <fmt/format.h>

#include <utility>

namespace kronwerk::adversary {

NodePtr make(Kind kind, std::vector<NodePtr> arguments, Grid rows, Grid cols) {
  Node node;
  node.kind = kind;
  node.arguments = std::move(arguments);
  node.rows = std::move(rows);
  node.cols = std::move(cols);
  return std::make_shared<const Node>(std::move(node));
}

namespace {

NodePtr named(Kind kind, const std::string& name, Grid rows, Grid cols) {
  Node node;
  node.kind = kind;
  node.name = name;
  node.rows = std::move(rows);
  node.cols = std::move(cols);
  return std::make_shared<const Node>(std::move(node));
}

NodePtr joined(Kind kind, std::vector<NodePtr> arguments) {
  Grid rows;
  Grid cols;
  for (const NodePtr& argument : arguments) {
    rows.insert(rows.end(), argument->rows.begin(), argument->rows.end());
    cols.insert(cols.end(), argument->cols.begin(), argument->cols.end());
  }
  return make(kind, std::move(arguments), std::move(rows), std::move(cols));
}

/// How tightly a kind binds: an operand that binds less needs parentheses.
int binding(const Node& node) {
  switch (node.kind) {
    case Kind::sum:
    case Kind::difference:
      return 1;
    case Kind::negation:
      return 2;
    case Kind::number:
      return node.number < 0 ? 2 : 6;
    case Kind::product:
    case Kind::quotient:
    case Kind::scale:
      return 3;
    case Kind::power:
      return 4;
    case Kind::transpose:
      return 5;
    default:
      return 6;
  }
}

std::string within(const Node& node, int tightness) {
  return binding(node) < tightness ? "(" + node.text() + ")" : node.text();
}

std::string call(const char* name, const Node& node) {
  std::string text = std::string(name) + "(";
  for (std::size_t i = 0; i < node.arguments.size(); ++i) {
    text += (i == 0 ? "" : ", ") + node.arguments[i]->text();
  }
  return text + ")";
}

}  // namespace

NodePtr number(double value) {
  Node node;
  node.number = value;
  return std::make_shared<const Node>(std::move(node));
}
NodePtr parameter(const std::string& name) {
  return named(Kind::parameter, name, {}, {});
}
NodePtr matrix(const std::string& name, Index rows, Index cols) {
  return named(Kind::matrix, name, {rows}, {cols});
}
NodePtr identity(const Grid& grid) {
  return named(Kind::identity, "I", grid, grid);
}
NodePtr eye(const std::string& size, Index extent) {
  return named(Kind::eye, size, {extent}, {extent});
}
NodePtr diagonal(const std::string& name, const Grid& grid) {
  return named(Kind::diagonal, name, grid, grid);
}
NodePtr transpose(const NodePtr& a) {
  return make(Kind::transpose, {a}, a->cols, a->rows);
}
NodePtr inverse(const NodePtr& a) {
  return make(Kind::inverse, {a}, a->rows, a->cols);
}
NodePtr kron(std::vector<NodePtr> arguments) {
  return joined(Kind::kron, std::move(arguments));
}
NodePtr kronsum(std::vector<NodePtr> arguments) {
  return joined(Kind::kronsum, std::move(arguments));
}
NodePtr sum(const NodePtr& a, const NodePtr& b) {
  return make(Kind::sum, {a, b}, a->rows, a->cols);
}
NodePtr difference(const NodePtr& a, const NodePtr& b) {
  return make(Kind::difference, {a, b}, a->rows, a->cols);
}
NodePtr product(const NodePtr& a, const NodePtr& b) {
  if (a->scalar() == b->scalar()) return make(Kind::product, {a, b}, a->rows, b->cols);
  const NodePtr& scaled = a->scalar() ? b : a;
  Node node;
  node.kind = Kind::scale;
  node.arguments = {a->scalar() ? a : b, scaled};
  node.rows = scaled->rows;
  node.cols = scaled->cols;
  node.swapped = !a->scalar();
  return std::make_shared<const Node>(std::move(node));
}
NodePtr quotient(const NodePtr& a, const NodePtr& b) {
  return make(Kind::quotient, {a, b}, a->rows, a->cols);
}
NodePtr negation(const NodePtr& a) {
  return make(Kind::negation, {a}, a->rows, a->cols);
}

std::string Node::text() const {
  const auto argument = [this](std::size_t i, int tightness) {
    return within(*arguments.at(i), tightness);
  };
  switch (kind) {
    case Kind::number:
      return fmt::format("{}", number);
    case Kind::parameter:
    case Kind::matrix:
    case Kind::identity:
      return name;
    case Kind::eye:
      return "eye(" + name + ")";
    case Kind::diagonal:
      return "diag(" + name + ")";
    case Kind::transpose:
      return argument(0, 5) + "'";
    case Kind::inverse:
      return call("inv", *this);
    case Kind::kron:
      return call("kron", *this);
    case Kind::kronsum:
      return call("kronsum", *this);
    case Kind::exponential:
      return call("exp", *this);
    case Kind::logarithm:
      return call("log", *this);
    case Kind::square_root:
      return call("sqrt", *this);
    case Kind::sum:
      return argument(0, 1) + " + " + argument(1, 3);
    case Kind::difference:
      return argument(0, 1) + " - " + argument(1, 3);
    case Kind::product:
      return argument(0, 3) + "*" + argument(1, 4);
    case Kind::scale:
      return swapped ? argument(1, 3) + "*" + argument(0, 4)
                     : argument(0, 3) + "*" + argument(1, 4);
    case Kind::quotient:
      return argument(0, 3) + "/" + argument(1, 4);
    case Kind::power:
      return argument(0, 5) + "^" + argument(1, 5);
    case Kind::negation:
      return "-" + argument(0, 3);
  }
  return "?";
}

}  // namespace kronwerk::adversary
