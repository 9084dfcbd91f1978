#include "kernels/formula/builder.hpp"

#include <algorithm>
#include <bit>
#include <unordered_set>

#include "kernels/formula/operations.hpp"

namespace kronwerk::kernels {
namespace {

unsigned exchanged(unsigned axes) {
  return ((axes & axis_i) != 0 ? axis_j : no_axis) | ((axes & axis_j) != 0 ? axis_i : no_axis);
}

void visit(const NodePtr& node, std::unordered_set<const Node*>& seen,
           std::vector<NodePtr>& order) {
  if (!seen.insert(node.get()).second) return;
  for (const NodePtr& argument : node->arguments) visit(argument, seen, order);
  order.push_back(node);
}

}  // namespace

std::vector<NodePtr> in_order(const NodePtr& root) {
  std::unordered_set<const Node*> seen;
  std::vector<NodePtr> order;
  visit(root, seen, order);
  return order;
}

NodePtr repeated_component(const NodePtr& a) {
  if (a->operation != Operation::concat) return nullptr;
  const NodePtr& first = a->arguments[0];
  // Equal nodes are one node, so that pointers are compared.
  const bool repeated = std::all_of(a->arguments.begin(), a->arguments.end(),
                                    [&](const NodePtr& part) { return part == first; });
  return repeated && first->dimension == 1 ? first : nullptr;
}

std::optional<double> constant_value(const NodePtr& a) {
  if (a->operation == Operation::number) return a->number;
  const NodePtr component = repeated_component(a);
  if (!component || component->operation != Operation::number) return std::nullopt;
  return component->number;
}

void Builder::set_place(formulas::Span span, std::shared_ptr<const formulas::Source> source) {
  span_ = span;
  source_ = std::move(source);
}

NodePtr Builder::intern(Node node) {
  std::vector<std::size_t> arguments;
  for (const NodePtr& argument : node.arguments) arguments.push_back(numbers_.at(argument.get()));
  if (traits_of(node.operation).has(commutative)) std::sort(arguments.begin(), arguments.end());
  Key key(node.operation, node.dimension, node.axes, std::bit_cast<std::uint64_t>(node.number),
          node.name, node.offset, std::move(arguments));
  const auto found = nodes_.find(key);
  if (found != nodes_.end()) return found->second;
  if (!node.source) {
    node.span = span_;
    node.source = source_;
  }
  const auto made = std::make_shared<const Node>(std::move(node));
  numbers_.emplace(made.get(), numbers_.size());
  nodes_.emplace(std::move(key), made);
  return made;
}

NodePtr Builder::make(Operation operation, int dimension, std::vector<NodePtr> arguments) {
  Node node;
  node.operation = operation;
  node.dimension = dimension;
  for (const NodePtr& argument : arguments) node.axes |= argument->axes;
  node.arguments = std::move(arguments);
  return intern(std::move(node));
}

NodePtr Builder::number(double value, int dimension) {
  Node node;
  node.number = value == 0 ? 0 : value;  // -0 is 0
  return with_dimension(intern(std::move(node)), dimension);
}

NodePtr Builder::parameter(const std::string& name) {
  Node node;
  node.operation = Operation::parameter;
  node.name = name;
  return intern(std::move(node));
}

NodePtr Builder::variable(const std::string& name, VariableSymbol symbol) {
  Node node;
  node.operation = Operation::variable;
  node.name = name;
  node.dimension = symbol.dimension;
  node.axes = symbol.axes;
  return intern(std::move(node));
}

NodePtr Builder::row() {
  Node node;
  node.operation = Operation::row;
  node.axes = axis_i;
  return intern(std::move(node));
}

NodePtr Builder::column() {
  Node node;
  node.operation = Operation::column;
  node.axes = axis_j;
  return intern(std::move(node));
}

NodePtr Builder::with_dimension(const NodePtr& a, int dimension) {
  if (a->dimension == dimension || a->dimension > 1) return a;
  return make(Operation::concat, dimension,
              std::vector<NodePtr>(static_cast<std::size_t>(dimension), a));
}

NodePtr Builder::copy(const NodePtr& root, bool transposed) {
  std::unordered_map<const Node*, NodePtr> known;
  for (const NodePtr& node : in_order(root)) {
    Node copied = *node;
    if (transposed) {
      copied.axes = exchanged(node->axes);
      if (node->operation == Operation::row) copied.operation = Operation::column;
      if (node->operation == Operation::column) copied.operation = Operation::row;
    }
    for (NodePtr& argument : copied.arguments) argument = known.at(argument.get());
    known.emplace(node.get(), intern(std::move(copied)));
  }
  return known.at(root.get());
}

NodePtr Builder::import(const NodePtr& root) {
  return copy(root, false);
}

NodePtr Builder::transpose(const NodePtr& root) {
  return copy(root, true);
}

}  // namespace kronwerk::kernels
