#include "kronwerk/kernels/formula/expression.hpp"

#include <algorithm>

#include "kernels/formula/builder.hpp"

namespace kronwerk::kernels {
namespace {

void check_pair(const Expression& a, const Expression& b) {
  if (a.dimension() != b.dimension() && a.dimension() != 1 && b.dimension() != 1) {
    throw core::InternalError("expressions of different dimensions cannot be combined");
  }
}

Expression combined(const Expression& a, const Expression& b,
                    NodePtr (Builder::*operation)(const NodePtr&, const NodePtr&)) {
  check_pair(a, b);
  Builder builder;
  const NodePtr left = builder.import(a.root());
  return Expression((builder.*operation)(left, builder.import(b.root())));
}

}  // namespace

std::set<std::string> Expression::parameters() const {
  std::set<std::string> names;
  for (const NodePtr& node : in_order(root_)) {
    if (node->operation == Operation::parameter) names.insert(node->name);
  }
  return names;
}

std::map<std::string, VariableSymbol> Expression::variables() const {
  std::map<std::string, VariableSymbol> found;
  for (const NodePtr& node : in_order(root_)) {
    if (node->operation != Operation::variable) continue;
    found.emplace(node->name, VariableSymbol{node->dimension, static_cast<Axes>(node->axes)});
  }
  return found;
}

Expression Expression::transposed() const {
  Builder builder;
  return Expression(builder.transpose(root_));
}

Expression make_number(double value) {
  Builder builder;
  return Expression(builder.number(value));
}

Expression make_variable(const std::string& name, VariableSymbol symbol) {
  Builder builder;
  return Expression(builder.variable(name, symbol));
}

Expression multiply(const Expression& a, const Expression& b) {
  return combined(a, b, &Builder::multiply);
}

Expression add(const Expression& a, const Expression& b) {
  return combined(a, b, &Builder::add);
}

Expression subtract(const Expression& a, const Expression& b) {
  return combined(a, b, &Builder::subtract);
}

Expression exponential(const Expression& a) {
  Builder builder;
  return Expression(builder.exp(builder.import(a.root())));
}

Expression equal(const Expression& a, const Expression& b) {
  check_pair(a, b);
  Builder builder;
  const NodePtr left = builder.import(a.root());
  return Expression(builder.apply(Operation::equal, left, builder.import(b.root())));
}

}  // namespace kronwerk::kernels
