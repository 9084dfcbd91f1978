// Declared in kronwerk/kernels/formula/expression.hpp.
// Text to graph: names and dimensions resolved, every function written in the operations of
// node.hpp.
// See src/MATHEMATICS.md, "Kernel formulas".
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_map>

#include "kernels/formula/functions.hpp"
#include "kernels/formula/operations.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::kernels {
namespace {

using formulas::BinaryOperator;
using formulas::Syntax;
using formulas::SyntaxKind;

/// A vector for every pair (i, j) that is longer than this is a mistake.
constexpr int largest_dimension = 1'000'000;

/// The nearest one, else what most look for.
std::string suggest_function(const std::string& name) {
  const std::string nearest = core::suggestion(name, function_names());
  if (!nearest.empty()) return nearest;
  std::vector<std::string> names;
  for (const Function& function : covariance_functions()) names.push_back(function.usage);
  return fmt::format("; covariance functions are {}", core::join(names, ", "));
}

void check_points(const Symbols& symbols, const std::string& where) {
  if (symbols.first_point.empty()) return;
  const auto first = symbols.variables.find(symbols.first_point);
  const auto second = symbols.variables.find(symbols.second_point);
  if (first == symbols.variables.end() || second == symbols.variables.end()) {
    throw core::ConfigurationError(
        fmt::format("{}: 'd' is the distance of '{}' and '{}', which must both be variables", where,
                    symbols.first_point, symbols.second_point));
  }
  const int dimension = first->second.dimension;
  if (dimension != second->second.dimension) {
    throw core::ConfigurationError(fmt::format(
        "{}: 'd' is a distance of points of equal dimension; '{}' has {} and '{}' has {}", where,
        symbols.first_point, dimension, symbols.second_point, second->second.dimension));
  }
  if (symbols.distance == Distance::great_circle && dimension != 2) {
    throw core::ConfigurationError(fmt::format(
        "{}: the great-circle distance is of points given by longitude and latitude; '{}' has "
        "dimension {}",
        where, symbols.first_point, dimension));
  }
}

void check_names(const Symbols& symbols, const std::string& where) {
  const auto refuse_reserved = [&](const std::string& name, const char* what) {
    if (is_reserved_name(name)) {
      throw core::ConfigurationError(
          fmt::format("{}: '{}' has a meaning in kernel formulas and cannot name a {}; choose "
                      "another name",
                      where, name, what));
    }
  };
  for (const std::string& name : symbols.parameters) {
    refuse_reserved(name, "parameter");
    if (symbols.variables.contains(name)) {
      throw core::ConfigurationError(fmt::format(
          "{}: '{}' names both a parameter and a variable; rename one of them", where, name));
    }
  }
  for (const auto& [name, symbol] : symbols.variables) refuse_reserved(name, "variable");
  check_points(symbols, where);
}

class Analysis {
 public:
  Analysis(const Symbols& symbols, std::shared_ptr<const formulas::Source> source)
      : symbols_(symbols), source_(std::move(source)) {}

  NodePtr run(const Syntax& syntax) {
    NodePtr result = make(syntax);
    if (result->dimension > largest_dimension) {
      fail(syntax.span, fmt::format("a value of {} numbers for every pair (i, j) is too long",
                                    result->dimension));
    }
    return result;
  }

 private:
  [[noreturn]] void fail(formulas::Span span, const std::string& what) const {
    formulas::fail_at(*source_, span, what);
  }
  std::string quoted(formulas::Span span) const {
    return "'" + formulas::excerpt(*source_, span) + "'";
  }

  NodePtr make(const Syntax& syntax) {
    NodePtr node = make_node(syntax);
    if (const auto value = value_of(syntax, node)) {
      if (std::isnan(*value)) {
        fail(syntax.span,
             fmt::format("{} is no number (0/0, inf - inf, 0*inf or a function outside of its "
                         "domain); remove or correct it",
                         quoted(syntax.span)));
      }
      values_.emplace(&syntax, *value);
    }
    return node;
  }

  /// Of a part of the formula without names: what its operations give, in the arithmetic of
  /// infinities; folding does not look at them.
  std::optional<double> value_of(const Syntax& syntax, const NodePtr& node) const {
    std::vector<double> arguments;
    for (const auto& argument : syntax.arguments) {
      const auto found = values_.find(argument.get());
      if (found == values_.end()) return std::nullopt;
      arguments.push_back(found->second);
    }
    switch (syntax.kind) {
      case SyntaxKind::number:
        return syntax.value;
      case SyntaxKind::plus:
      case SyntaxKind::parentheses:
        return arguments[0];
      case SyntaxKind::minus:
        return -arguments[0];
      case SyntaxKind::binary:
        return value_of_binary(syntax.operation, arguments[0], arguments[1]);
      case SyntaxKind::call:
        if (arguments.empty()) return std::nullopt;
        return evaluate(*node);
      default:
        return std::nullopt;
    }
  }

  static double value_of_binary(BinaryOperator operation, double a, double b) {
    switch (operation) {
      case BinaryOperator::add:
        return a + b;
      case BinaryOperator::subtract:
        return a - b;
      case BinaryOperator::multiply:
        return a * b;
      case BinaryOperator::divide:
        return a / b;
      case BinaryOperator::power:
        return std::pow(a, b);
      case BinaryOperator::less:
        return a < b ? 1 : 0;
      case BinaryOperator::less_equal:
        return a <= b ? 1 : 0;
      case BinaryOperator::greater:
        return a > b ? 1 : 0;
      case BinaryOperator::greater_equal:
        return a >= b ? 1 : 0;
      case BinaryOperator::equal:
        return a == b ? 1 : 0;
      case BinaryOperator::not_equal:
        return a != b ? 1 : 0;
    }
    throw core::InternalError("an operator that kernel formulas do not know");
  }

  /// Of elementwise operations of numbers; nothing for others.
  static std::optional<double> evaluate(const Node& node) {
    if (node.operation == Operation::number) return node.number;
    if (node.axes != no_axis || node.dimension != 1 || node.arguments.empty()) return std::nullopt;
    if (traits_of(node.operation).arguments == Arguments::vectors) return std::nullopt;
    std::vector<double> arguments;
    for (const NodePtr& argument : node.arguments) {
      const auto value = evaluate(*argument);
      if (!value) return std::nullopt;
      arguments.push_back(*value);
    }
    return scalar_value(node.operation, arguments, node.number);
  }

  NodePtr make_node(const Syntax& syntax) {
    switch (syntax.kind) {
      case SyntaxKind::number:
        builder_.set_place(syntax.span, source_);
        return builder_.number(syntax.value);
      case SyntaxKind::name:
        builder_.set_place(syntax.span, source_);
        return name(syntax);
      case SyntaxKind::call:
        return call(syntax);
      case SyntaxKind::plus:
      case SyntaxKind::parentheses:
        return make(*syntax.arguments[0]);
      case SyntaxKind::minus: {
        const NodePtr inner = make(*syntax.arguments[0]);
        builder_.set_place(syntax.span, source_);
        return builder_.negate(inner);
      }
      case SyntaxKind::binary:
        return binary(syntax);
      case SyntaxKind::transpose:
        fail(syntax.head,
             "a kernel formula has no transpose: its vectors have no rows and "
             "columns; a product with a transposed matrix is vecmat(M, v)");
    }
    fail(syntax.span, "this cannot be used in a kernel formula");
  }

  NodePtr name(const Syntax& syntax) {
    if (syntax.text == "i") return builder_.row();
    if (syntax.text == "j") return builder_.column();
    if (syntax.text == "d") return distance(Call{syntax, {}, symbols_, *source_, builder_});
    if (symbols_.parameters.contains(syntax.text)) return builder_.parameter(syntax.text);
    const auto variable = symbols_.variables.find(syntax.text);
    if (variable != symbols_.variables.end()) {
      return builder_.variable(syntax.text, variable->second);
    }
    if (const Function* function = find_function(syntax.text)) {
      fail(syntax.span, fmt::format("'{}' is a function: write {}", syntax.text, function->usage));
    }
    std::vector<std::string> candidates{"i", "j"};
    if (!symbols_.first_point.empty()) candidates.emplace_back("d");
    for (const auto& [candidate, symbol] : symbols_.variables) candidates.push_back(candidate);
    candidates.insert(candidates.end(), symbols_.parameters.begin(), symbols_.parameters.end());
    fail(syntax.span, fmt::format("unknown name '{}'{}; define it under 'parameters' or 'points'",
                                  syntax.text, core::suggestion(syntax.text, candidates)));
  }

  NodePtr call(const Syntax& syntax) {
    const Function* function = find_function(syntax.text);
    if (function == nullptr) {
      const bool named = symbols_.parameters.contains(syntax.text) ||
                         symbols_.variables.contains(syntax.text) || is_reserved_name(syntax.text);
      if (named) {
        fail(syntax.head, fmt::format("'{0}' is no function: a product is written {0}*(...), a "
                                      "component elem({0}, index)",
                                      syntax.text));
      }
      fail(syntax.head,
           fmt::format("unknown function '{}'{}", syntax.text, suggest_function(syntax.text)));
    }
    const std::size_t count = syntax.arguments.size();
    if (count < function->least || count > function->most) {
      fail(syntax.span, fmt::format("{}() is called with {} argument{}; it is {}", syntax.text,
                                    count, count == 1 ? "" : "s", function->usage));
    }
    jumps_ += function->jumps ? 1 : 0;
    std::vector<NodePtr> arguments;
    for (std::size_t k = 0; k < count; ++k) {
      // Only the condition of where() decides anything.
      const bool condition = syntax.text == "where" && k == 0;
      jumps_ += condition ? 1 : 0;
      arguments.push_back(make(*syntax.arguments[k]));
      jumps_ -= condition ? 1 : 0;
    }
    jumps_ -= function->jumps ? 1 : 0;
    builder_.set_place(syntax.span, source_);
    NodePtr result =
        function->build(Call{syntax, std::move(arguments), symbols_, *source_, builder_});
    if (result->dimension > largest_dimension) {
      fail(syntax.span, fmt::format("a value of {} numbers for every pair (i, j) is too long",
                                    result->dimension));
    }
    return result;
  }

  NodePtr binary(const Syntax& syntax) {
    const bool compares = syntax.operation >= BinaryOperator::less;
    jumps_ += compares ? 1 : 0;
    const NodePtr a = make(*syntax.arguments[0]);
    const NodePtr b = make(*syntax.arguments[1]);
    jumps_ -= compares ? 1 : 0;
    if (a->dimension != b->dimension && a->dimension != 1 && b->dimension != 1) {
      fail(syntax.span,
           fmt::format("the dimensions do not conform in {}: {} is {} and {} is {}",
                       quoted(syntax.span), quoted(syntax.arguments[0]->span),
                       describe_dimension(a->dimension), quoted(syntax.arguments[1]->span),
                       describe_dimension(b->dimension)));
    }
    builder_.set_place(syntax.span, source_);
    return combine(syntax.operation, a, b);
  }

  NodePtr combine(BinaryOperator operation, const NodePtr& a, const NodePtr& b) {
    switch (operation) {
      case BinaryOperator::add:
        return builder_.add(a, b);
      case BinaryOperator::subtract:
        return builder_.subtract(a, b);
      case BinaryOperator::multiply:
        return builder_.multiply(a, b);
      case BinaryOperator::divide:
        return jumps_ > 0 ? builder_.divide_exactly(a, b) : builder_.divide(a, b);
      case BinaryOperator::power:
        return builder_.power(a, b);
      case BinaryOperator::less:
        return builder_.apply(Operation::less, a, b);
      case BinaryOperator::less_equal:
        return builder_.apply(Operation::less_equal, a, b);
      case BinaryOperator::greater:
        return builder_.apply(Operation::less, b, a);
      case BinaryOperator::greater_equal:
        return builder_.apply(Operation::less_equal, b, a);
      case BinaryOperator::equal:
        return builder_.apply(Operation::equal, a, b);
      case BinaryOperator::not_equal:
        return builder_.apply(Operation::not_equal, a, b);
    }
    throw core::InternalError("an operator that kernel formulas do not know");
  }

  const Symbols& symbols_;
  std::shared_ptr<const formulas::Source> source_;
  Builder builder_;
  std::unordered_map<const Syntax*, double> values_;
  int jumps_ = 0;  ///< calls and comparisons around, whose value jumps
};

}  // namespace

Expression analyse(const std::string& formula, const Symbols& symbols, const std::string& where) {
  check_names(symbols, where);
  const auto source = std::make_shared<const formulas::Source>(formulas::Source{formula, where});
  const formulas::SyntaxPtr syntax = formulas::parse(*source);
  return Expression(Analysis(symbols, source).run(*syntax));
}

bool is_reserved_name(const std::string& name) {
  return name == "i" || name == "j" || name == "d" || find_function(name) != nullptr;
}

std::vector<std::string> used_names(const std::string& formula, const std::string& where) {
  std::vector<std::string> used = formulas::names(*formulas::parse({formula, where}));
  std::erase_if(used, is_reserved_name);
  return used;
}

}  // namespace kronwerk::kernels
