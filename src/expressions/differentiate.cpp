// Declared in kronwerk/expressions/expression.hpp.
// See src/MATHEMATICS.md, "Derivatives".
#include "kronwerk/expressions/node.hpp"
#include "kronwerk/expressions/symbolic.hpp"

namespace kronwerk::expressions {
namespace {

NodePtr derivative(const NodePtr& node, const std::string& parameter);

/// (f^g)' = g f^(g-1) f' + f^g log(f) g'; each part only where its derivative is not zero, so that
/// the logarithm is not asked for where the exponent is constant.
NodePtr derivative_of_power(const Node& node, const NodePtr& whole, const std::string& parameter) {
  const NodeFactory make(node);
  const NodePtr& base = node.arguments[0];
  const NodePtr& exponent = node.arguments[1];
  const NodePtr base_derivative = derivative(base, parameter);
  const NodePtr exponent_derivative = derivative(exponent, parameter);
  NodePtr result = make.number(0);
  if (!is_number(*base_derivative, 0)) {
    const NodePtr lower = exponent->kind == NodeKind::number
                              ? make.number(exponent->number - 1)
                              : make.difference(exponent, make.number(1));
    result = make.product(make.product(exponent, make.power(base, lower)), base_derivative);
  }
  if (!is_number(*exponent_derivative, 0)) {
    const NodePtr growth = make.product(whole, make.function(NodeKind::logarithm, base));
    result = make.sum(result, make.product(growth, exponent_derivative));
  }
  return result;
}

/// ∂(A_1 ⊗ … ⊗ A_K) = Σ_k A_1 ⊗ … ⊗ ∂A_k ⊗ … ⊗ A_K; in a Kronecker sum the others are identities.
NodePtr derivative_of_kron(const Node& node, const std::string& parameter) {
  const NodeFactory make(node);
  NodePtr result = make.zero(node.rows, node.cols);
  for (std::size_t k = 0; k < node.arguments.size(); ++k) {
    std::vector<NodePtr> arguments = node.arguments;
    if (node.kind == NodeKind::kronsum) {
      for (NodePtr& argument : arguments) argument = make.identity(argument->rows);
    }
    arguments[k] = derivative(node.arguments[k], parameter);
    result = make.sum(result, make.kron(std::move(arguments)));
  }
  return result;
}

NodePtr derivative_of_scalar_function(const Node& node, const NodePtr& whole,
                                      const std::string& parameter) {
  const NodeFactory make(node);
  const NodePtr& argument = node.arguments[0];
  const NodePtr inner = derivative(argument, parameter);
  if (is_number(*inner, 0)) return inner;
  switch (node.kind) {
    case NodeKind::exponential:
      return make.product(whole, inner);
    case NodeKind::logarithm:
      return make.quotient(inner, argument);
    default:
      return make.quotient(inner, make.product(make.number(2), whole));
  }
}

NodePtr derivative(const NodePtr& node, const std::string& parameter) {
  const NodeFactory make(*node);
  const auto& arguments = node->arguments;
  const auto inner = [&](std::size_t i) { return derivative(arguments[i], parameter); };
  switch (node->kind) {
    case NodeKind::parameter:
      return make.number(node->name == parameter ? 1 : 0);
    case NodeKind::matrix: {
      const auto found = node->derivatives.find(parameter);
      return found == node->derivatives.end() ? make.zero(node->rows, node->cols)
                                              : make.matrix(found->second, node->rows, node->cols);
    }
    case NodeKind::number:
    case NodeKind::zero:
    case NodeKind::identity:
    case NodeKind::ones:
    case NodeKind::diagonal:
    case NodeKind::grid_diagonal:
      return make.zero(node->rows, node->cols);
    case NodeKind::sum:
      return make.sum(inner(0), inner(1));
    case NodeKind::difference:
      return make.difference(inner(0), inner(1));
    case NodeKind::negation:
      return make.negation(inner(0));
    case NodeKind::product:
    case NodeKind::scale:
      return make.sum(make.product(inner(0), arguments[1]), make.product(arguments[0], inner(1)));
    case NodeKind::quotient: {
      // (f/g)' = f'/g - (f/g) g'/g
      const NodePtr top = inner(0);
      const NodePtr bottom = inner(1);
      const NodePtr first = is_number(*top, 0) ? top : make.quotient(top, arguments[1]);
      if (is_number(*bottom, 0)) return first;
      return make.difference(first, make.quotient(make.product(node, bottom), arguments[1]));
    }
    case NodeKind::power:
      return derivative_of_power(*node, node, parameter);
    case NodeKind::exponential:
    case NodeKind::logarithm:
    case NodeKind::square_root:
      return derivative_of_scalar_function(*node, node, parameter);
    case NodeKind::transpose:
      return make.transpose(inner(0));
    case NodeKind::inverse:  // ∂(A⁻¹) = -A⁻¹ (∂A) A⁻¹
      return make.negation(make.product(make.product(node, inner(0)), node));
    case NodeKind::kron:
    case NodeKind::kronsum:
      return derivative_of_kron(*node, parameter);
  }
  return make.zero(node->rows, node->cols);
}

}  // namespace

Expression differentiate(const Expression& expression, const std::string& parameter) {
  return Expression(derivative(expression.node(), parameter), true);
}

NodePtr differentiate(const NodePtr& scalar, const std::string& parameter) {
  return derivative(scalar, parameter);
}

}  // namespace kronwerk::expressions
