#include "expressions/expression_draft.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "expressions/functions.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::expressions {
namespace {

using formulas::BinaryOperator;
using formulas::Source;
using formulas::Span;
using formulas::Syntax;
using formulas::SyntaxKind;

/// Largest size of eye(n) and ones(n): above it doubles skip integers.
constexpr double largest_size = 9007199254740992.0;

class Drafter {
 public:
  Drafter(const Source& source, const Symbols& symbols) : source_(source), symbols_(symbols) {}

  DraftPtr draft(const Syntax& syntax) const {
    switch (syntax.kind) {
      case SyntaxKind::number:
        return number(syntax.value, syntax.span);
      case SyntaxKind::name:
        return name(syntax);
      case SyntaxKind::parentheses: {
        DraftPtr inner = draft(*syntax.arguments[0]);
        inner->span = syntax.span;
        return inner;
      }
      case SyntaxKind::plus:
        return draft(*syntax.arguments[0]);
      case SyntaxKind::minus:
        return unary(NodeKind::negation, syntax);
      case SyntaxKind::transpose:
        return unary(NodeKind::transpose, syntax);
      case SyntaxKind::binary:
        return binary(syntax);
      case SyntaxKind::call:
        return call(syntax);
    }
    fail(syntax.span, "this cannot be used in an operator formula");
  }

 private:
  [[noreturn]] void fail(Span span, const std::string& what) const {
    formulas::fail_at(source_, span, what);
  }
  std::string quoted(Span span) const { return "'" + formulas::excerpt(source_, span) + "'"; }

  static DraftPtr make(NodeKind kind, Span span, bool scalar) {
    auto result = std::make_unique<Draft>();
    result->kind = kind;
    result->span = span;
    result->scalar = scalar;
    return result;
  }

  static DraftPtr number(double value, Span span) {
    DraftPtr result = make(NodeKind::number, span, true);
    result->number = value;
    return result;
  }

  static DraftPtr sized(NodeKind kind, Span span, Index rows, Index cols) {
    DraftPtr result = make(kind, span, false);
    result->modes = 1;
    result->fixed_rows = rows;
    result->fixed_cols = cols;
    return result;
  }

  DraftPtr name(const Syntax& syntax) const {
    if (syntax.text == "I") return make(NodeKind::identity, syntax.span, false);
    DraftPtr result;
    if (symbols_.parameters.contains(syntax.text)) {
      result = make(NodeKind::parameter, syntax.span, true);
    } else {
      const MatrixSymbol& symbol = matrix(syntax);
      if (symbol.vector) {
        fail(syntax.span,
             fmt::format("'{0}' is a vector: as a matrix, write diag({0})", syntax.text));
      }
      result = sized(NodeKind::matrix, syntax.span, symbol.rows, symbol.cols);
      result->derivatives = symbol.derivatives;
    }
    result->name = syntax.text;
    return result;
  }

  const MatrixSymbol& matrix(const Syntax& syntax) const {
    const auto found = symbols_.matrices.find(syntax.text);
    if (found != symbols_.matrices.end()) return found->second;
    const auto& functions = function_names();
    if (std::find(functions.begin(), functions.end(), syntax.text) != functions.end()) {
      fail(syntax.span, fmt::format("'{0}' is a function: write {0}(...)", syntax.text));
    }
    std::vector<std::string> candidates;
    for (const auto& [candidate, symbol] : symbols_.matrices) candidates.push_back(candidate);
    for (const auto& [candidate, value] : symbols_.parameters) candidates.push_back(candidate);
    fail(syntax.span, fmt::format("unknown name '{}'{}; define it under 'parameters' or 'matrices'",
                                  syntax.text, core::suggestion(syntax.text, candidates)));
  }

  DraftPtr unary(NodeKind kind, const Syntax& syntax) const {
    DraftPtr inner = draft(*syntax.arguments.back());
    DraftPtr result = make(kind, syntax.span, inner->scalar);
    if (inner->scalar && kind == NodeKind::transpose) return inner;
    result->modes = inner->modes;
    result->arguments.push_back(std::move(inner));
    return result;
  }

  DraftPtr binary(const Syntax& syntax) const {
    DraftPtr left = draft(*syntax.arguments[0]);
    DraftPtr right = draft(*syntax.arguments[1]);
    switch (syntax.operation) {
      case BinaryOperator::add:
      case BinaryOperator::subtract:
        return sum(syntax, std::move(left), std::move(right));
      case BinaryOperator::multiply:
        return product(syntax, std::move(left), std::move(right));
      case BinaryOperator::divide:
        return quotient(syntax, std::move(left), std::move(right));
      case BinaryOperator::power:
        return power(syntax, std::move(left), std::move(right));
      default:
        fail(syntax.head, fmt::format("'{}' compares: an operator formula has no comparisons",
                                      formulas::to_text(syntax.operation)));
    }
  }

  DraftPtr joined(NodeKind kind, const Syntax& syntax, DraftPtr left, DraftPtr right) const {
    DraftPtr result = make(kind, syntax.span, left->scalar && right->scalar);
    if (!left->scalar && !right->scalar) agree_on_modes(syntax, *left, *right);
    result->modes = std::max(left->modes, right->modes);
    result->arguments.push_back(std::move(left));
    result->arguments.push_back(std::move(right));
    return result;
  }

  DraftPtr sum(const Syntax& syntax, DraftPtr left, DraftPtr right) const {
    if (left->scalar != right->scalar) {
      const Span scalar = left->scalar ? left->span : right->span;
      fail(syntax.span, fmt::format("a number and a matrix cannot be added in {}: write {}*I",
                                    quoted(syntax.span), formulas::excerpt(source_, scalar)));
    }
    const auto kind =
        syntax.operation == BinaryOperator::add ? NodeKind::sum : NodeKind::difference;
    return joined(kind, syntax, std::move(left), std::move(right));
  }

  DraftPtr product(const Syntax& syntax, DraftPtr left, DraftPtr right) const {
    if (left->scalar == right->scalar) {
      return joined(NodeKind::product, syntax, std::move(left), std::move(right));
    }
    if (right->scalar) std::swap(left, right);
    return joined(NodeKind::scale, syntax, std::move(left), std::move(right));
  }

  DraftPtr quotient(const Syntax& syntax, DraftPtr left, DraftPtr right) const {
    if (!right->scalar) {
      fail(right->span, fmt::format("division by the matrix {}: write inv({})", quoted(right->span),
                                    formulas::excerpt(source_, right->span)));
    }
    if (left->scalar) return joined(NodeKind::quotient, syntax, std::move(left), std::move(right));
    // A / s is (1/s) A.
    DraftPtr reciprocal = make(NodeKind::quotient, right->span, true);
    reciprocal->arguments.push_back(number(1, right->span));
    reciprocal->arguments.push_back(std::move(right));
    return joined(NodeKind::scale, syntax, std::move(reciprocal), std::move(left));
  }

  DraftPtr power(const Syntax& syntax, DraftPtr left, DraftPtr right) const {
    if (!left->scalar || !right->scalar) {
      const Span matrix = left->scalar ? right->span : left->span;
      fail(matrix, fmt::format("'^' is for numbers; {} is a matrix: write a power as a product",
                               quoted(matrix)));
    }
    return joined(NodeKind::power, syntax, std::move(left), std::move(right));
  }

  DraftPtr call(const Syntax& syntax) const {
    const std::string& function = syntax.text;
    if (function == "kron" || function == "kronsum") return kron(syntax);
    if (function == "inv") return inverse(syntax);
    if (function == "eye") return of_size(NodeKind::identity, syntax);
    if (function == "ones") return of_size(NodeKind::ones, syntax);
    if (function == "diag") return diagonal(syntax);
    if (function == "rows" || function == "cols") return size(syntax);
    if (function == "exp") return scalar_function(NodeKind::exponential, syntax);
    if (function == "log") return scalar_function(NodeKind::logarithm, syntax);
    if (function == "sqrt") return scalar_function(NodeKind::square_root, syntax);
    if (symbols_.matrices.contains(function) || symbols_.parameters.contains(function) ||
        function == "I") {
      fail(syntax.head, fmt::format("'{0}' is no function: a product is written {0}*(...){1}",
                                    function, function == "I" ? ", a sized identity eye(n)" : ""));
    }
    fail(syntax.head, fmt::format("unknown function '{}'{}", function,
                                  core::suggestion(function, function_names())));
  }

  void expect_arguments(const Syntax& syntax, std::size_t count) const {
    if (syntax.arguments.size() == count) return;
    fail(syntax.span, fmt::format("{}() takes one argument, {} are given", syntax.text,
                                  syntax.arguments.size()));
  }

  DraftPtr kron(const Syntax& syntax) const {
    if (syntax.arguments.empty()) fail(syntax.span, syntax.text + "() needs arguments");
    DraftPtr result =
        make(syntax.text == "kron" ? NodeKind::kron : NodeKind::kronsum, syntax.span, false);
    for (const auto& argument : syntax.arguments) {
      DraftPtr inner = draft(*argument);
      if (inner->scalar) {
        fail(inner->span, fmt::format("{} takes matrices; {} is a number: write it in front of {}",
                                      syntax.text, quoted(inner->span), syntax.text));
      }
      if (inner->modes == 0) give_modes(*inner, 1);
      result->modes += inner->modes;
      result->arguments.push_back(std::move(inner));
    }
    return result;
  }

  DraftPtr inverse(const Syntax& syntax) const {
    expect_arguments(syntax, 1);
    DraftPtr result = unary(NodeKind::inverse, syntax);
    if (!result->scalar) return result;
    DraftPtr reciprocal = make(NodeKind::quotient, syntax.span, true);
    reciprocal->arguments.push_back(number(1, syntax.span));
    reciprocal->arguments.push_back(std::move(result->arguments[0]));
    return reciprocal;
  }

  DraftPtr scalar_function(NodeKind kind, const Syntax& syntax) const {
    expect_arguments(syntax, 1);
    DraftPtr result = unary(kind, syntax);
    if (!result->scalar) {
      fail(result->arguments[0]->span,
           fmt::format("{}() takes a number; {} is a matrix", syntax.text,
                       quoted(result->arguments[0]->span)));
    }
    return result;
  }

  /// eye(n) and ones(n).
  DraftPtr of_size(NodeKind kind, const Syntax& syntax) const {
    expect_arguments(syntax, 1);
    const std::string& function = syntax.text;
    const DraftPtr size = draft(*syntax.arguments[0]);
    if (!size->scalar) {
      fail(size->span,
           fmt::format("{0}() takes a size; {1} is a matrix: write {0}(rows({2}))", function,
                       quoted(size->span), formulas::excerpt(source_, size->span)));
    }
    const double value = constant(function, *size);
    if (!(value >= 1) || value > largest_size || value != std::floor(value)) {
      fail(size->span, fmt::format("the size of {}() must be a positive whole number; it is {}",
                                   function, value));
    }
    return sized(kind, syntax.span, static_cast<Index>(value), static_cast<Index>(value));
  }

  /// A size cannot depend on a parameter, or a derivative would have no meaning.
  double constant(const std::string& function, const Draft& size) const {
    if (size.kind == NodeKind::parameter) {
      fail(size.span, fmt::format("the size of {}() cannot depend on the parameter '{}'", function,
                                  size.name));
    }
    std::vector<double> values;
    for (const auto& argument : size.arguments) values.push_back(constant(function, *argument));
    switch (size.kind) {
      case NodeKind::number:
        return size.number;
      case NodeKind::sum:
        return values[0] + values[1];
      case NodeKind::difference:
        return values[0] - values[1];
      case NodeKind::product:
        return values[0] * values[1];
      case NodeKind::quotient:
        return values[0] / values[1];
      case NodeKind::power:
        return std::pow(values[0], values[1]);
      case NodeKind::negation:
        return -values[0];
      case NodeKind::exponential:
        return std::exp(values[0]);
      case NodeKind::logarithm:
        return std::log(values[0]);
      default:
        return std::sqrt(values[0]);
    }
  }

  const MatrixSymbol& named_matrix(const Syntax& syntax, const char* what) const {
    expect_arguments(syntax, 1);
    const Syntax* argument = syntax.arguments[0].get();
    while (argument->kind == SyntaxKind::parentheses) argument = argument->arguments[0].get();
    if (argument->kind != SyntaxKind::name || argument->text == "I" ||
        symbols_.parameters.contains(argument->text)) {
      fail(argument->span, fmt::format("{}() takes the name of a {}, not {}", syntax.text, what,
                                       quoted(argument->span)));
    }
    return matrix(*argument);
  }

  DraftPtr size(const Syntax& syntax) const {
    const MatrixSymbol& symbol = named_matrix(syntax, "matrix");
    return number(static_cast<double>(syntax.text == "rows" ? symbol.rows : symbol.cols),
                  syntax.span);
  }

  DraftPtr diagonal(const Syntax& syntax) const {
    const MatrixSymbol& symbol = named_matrix(syntax, "vector");
    const Syntax* argument = syntax.arguments[0].get();
    while (argument->kind == SyntaxKind::parentheses) argument = argument->arguments[0].get();
    if (!symbol.vector && symbol.grid.size() < 2) {
      fail(argument->span, fmt::format("diag() takes a vector; '{}' is a matrix of {} x {}",
                                       argument->text, symbol.rows, symbol.cols));
    }
    DraftPtr result = sized(NodeKind::diagonal, syntax.span, symbol.rows, symbol.rows);
    if (symbol.grid.size() > 1) {
      result->kind = NodeKind::grid_diagonal;
      result->modes = static_cast<int>(symbol.grid.size());
      result->fixed_grid = symbol.grid;
    }
    result->name = argument->text;
    return result;
  }

  void agree_on_modes(const Syntax& syntax, Draft& left, Draft& right) const {
    if (left.modes == right.modes) return;
    if (left.modes == 0) return give_modes(left, right.modes);
    if (right.modes == 0) return give_modes(right, left.modes);
    if (is_diagonal_of_vectors(left)) return spread_over_grid(left, right.modes);
    if (is_diagonal_of_vectors(right)) return spread_over_grid(right, left.modes);
    const auto count = [](int modes) {
      return std::to_string(modes) + (modes == 1 ? " mode" : " modes");
    };
    fail(syntax.span,
         fmt::format("the grids do not conform in {}: {} has {} and {} has {}", quoted(syntax.span),
                     quoted(left.span), count(left.modes), quoted(right.span), count(right.modes)));
  }

  /// True if nothing but diag(v) of one-dimensional v and open identities is below: it fits a grid
  /// of any number of modes that has as many points.
  static bool is_diagonal_of_vectors(const Draft& draft) {
    if (draft.scalar) return true;
    if (draft.modes != 1 || draft.kind == NodeKind::kron || draft.kind == NodeKind::kronsum) {
      return false;
    }
    if (draft.arguments.empty()) {
      return draft.kind == NodeKind::diagonal ||
             (draft.kind == NodeKind::identity && draft.fixed_rows < 0);
    }
    return std::all_of(draft.arguments.begin(), draft.arguments.end(),
                       [](const auto& argument) { return is_diagonal_of_vectors(*argument); });
  }

  static void spread_over_grid(Draft& draft, int modes) {
    if (draft.scalar) return;
    draft.modes = modes;
    if (draft.kind == NodeKind::diagonal) draft.kind = NodeKind::grid_diagonal;
    for (const auto& argument : draft.arguments) spread_over_grid(*argument, modes);
  }

  /// Tells the identities below, which fit any grid, how many modes they have.
  static void give_modes(Draft& draft, int modes) {
    if (draft.scalar || draft.modes != 0) return;
    draft.modes = modes;
    for (const auto& argument : draft.arguments) give_modes(*argument, modes);
  }

  const Source& source_;
  const Symbols& symbols_;
};

}  // namespace

DraftPtr make_draft(const formulas::Syntax& syntax, const formulas::Source& source,
                    const Symbols& symbols) {
  return Drafter(source, symbols).draft(syntax);
}

}  // namespace kronwerk::expressions
