#include "kronwerk/expressions/node.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

namespace kronwerk::expressions {
namespace {

/// How tightly a node's text holds together, as the parser of formulas sees it.
enum class Binding { sum, product, sign, power, postfix };

Binding binding(const Node& node) {
  switch (node.kind) {
    case NodeKind::sum:
    case NodeKind::difference:
      return Binding::sum;
    case NodeKind::product:
    case NodeKind::quotient:
    case NodeKind::scale:
      return Binding::product;
    case NodeKind::negation:
      return Binding::sign;
    case NodeKind::power:
      return Binding::power;
    case NodeKind::number:
      return node.number < 0 ? Binding::sign : Binding::postfix;
    default:
      return Binding::postfix;
  }
}

std::string wrapped(const Node& node, Binding least) {
  const std::string text = to_text(node);
  return binding(node) < least ? "(" + text + ")" : text;
}

std::string binary_text(const Node& node, const char* sign, Binding left, Binding right) {
  return wrapped(*node.arguments[0], left) + sign + wrapped(*node.arguments[1], right);
}

std::string call_text(const char* name, const Node& node) {
  std::string text = std::string(name) + "(";
  for (std::size_t i = 0; i < node.arguments.size(); ++i) {
    if (i > 0) text += ", ";
    text += to_text(*node.arguments[i]);
  }
  return text + ")";
}

double checked(const Node& node, double value) {
  if (!std::isfinite(value)) {
    formulas::fail_value_at(*node.source, node.span,
                            fmt::format("the value of '{}' is not finite", to_text(node)));
  }
  return value;
}

[[noreturn]] void fail_domain(const Node& node, const char* what, double value) {
  formulas::fail_value_at(
      *node.source, node.span,
      fmt::format("{} in '{}': its argument is {}", what, to_text(node), value));
}

double evaluate_function(const Node& node, double argument) {
  switch (node.kind) {
    case NodeKind::exponential:
      return std::exp(argument);
    case NodeKind::logarithm:
      if (argument <= 0)
        fail_domain(node, "the logarithm of a number that is not positive", argument);
      return std::log(argument);
    default:
      if (argument < 0) fail_domain(node, "the square root of a negative number", argument);
      return std::sqrt(argument);
  }
}

double evaluate_binary(const Node& node, double a, double b) {
  switch (node.kind) {
    case NodeKind::sum:
      return a + b;
    case NodeKind::difference:
      return a - b;
    case NodeKind::product:
      return a * b;
    case NodeKind::quotient:
      if (b == 0) {
        formulas::fail_value_at(*node.source, node.span,
                                fmt::format("division by zero in '{}'", to_text(node)));
      }
      return a / b;
    default:
      if (a < 0 && b != std::floor(b)) {
        fail_domain(node, "a broken power of a negative number", a);
      }
      if (a == 0 && b < 0) fail_domain(node, "a negative power of zero", b);
      return std::pow(a, b);
  }
}

}  // namespace

std::string to_text(const Node& node) {
  switch (node.kind) {
    case NodeKind::number:
      return fmt::format("{}", node.number);
    case NodeKind::parameter:
    case NodeKind::matrix:
      return node.name;
    case NodeKind::zero:
      return "0";
    case NodeKind::identity:
      return node.sized ? fmt::format("eye({})", node.rows[0]) : "I";
    case NodeKind::ones:
      return fmt::format("ones({})", node.rows[0]);
    case NodeKind::diagonal:
    case NodeKind::grid_diagonal:
      return "diag(" + node.name + ")";
    case NodeKind::sum:
      return binary_text(node, " + ", Binding::sum, Binding::product);
    case NodeKind::difference:
      return binary_text(node, " - ", Binding::sum, Binding::product);
    case NodeKind::negation:
      return "-" + wrapped(*node.arguments[0], Binding::sign);
    case NodeKind::product:
    case NodeKind::scale:
      return binary_text(node, "*", Binding::product, Binding::sign);
    case NodeKind::quotient:
      return binary_text(node, "/", Binding::product, Binding::sign);
    case NodeKind::power:
      return binary_text(node, "^", Binding::postfix, Binding::sign);
    case NodeKind::transpose:
      return wrapped(*node.arguments[0], Binding::postfix) + "'";
    case NodeKind::exponential:
      return call_text("exp", node);
    case NodeKind::logarithm:
      return call_text("log", node);
    case NodeKind::square_root:
      return call_text("sqrt", node);
    case NodeKind::inverse:
      return call_text("inv", node);
    case NodeKind::kron:
      return call_text("kron", node);
    case NodeKind::kronsum:
      return call_text("kronsum", node);
  }
  return "?";
}

double evaluate(const Node& node, const std::map<std::string, double>& parameters) {
  switch (node.kind) {
    case NodeKind::number:
      return node.number;
    case NodeKind::parameter: {
      const auto found = parameters.find(node.name);
      if (found == parameters.end()) {
        formulas::fail_at(*node.source, node.span,
                          "the parameter '" + node.name + "' has no value");
      }
      return checked(node, found->second);
    }
    case NodeKind::negation:
      return -evaluate(*node.arguments[0], parameters);
    case NodeKind::exponential:
    case NodeKind::logarithm:
    case NodeKind::square_root:
      return checked(node, evaluate_function(node, evaluate(*node.arguments[0], parameters)));
    default:
      break;
  }
  const double left = evaluate(*node.arguments[0], parameters);
  return checked(node, evaluate_binary(node, left, evaluate(*node.arguments[1], parameters)));
}

bool is_number(const Node& node, double value) {
  return node.kind == NodeKind::number && node.number == value;
}

Extents Expression::row_extents() const {
  return root_->rows;
}
Extents Expression::col_extents() const {
  return root_->cols;
}
std::string Expression::text() const {
  return to_text(*root_);
}

}  // namespace kronwerk::expressions
