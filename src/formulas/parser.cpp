// Declared in kronwerk/formulas/syntax.hpp.
#include <algorithm>
#include <utility>

#include "formulas/chain.hpp"
#include "kronwerk/formulas/syntax.hpp"

namespace kronwerk::formulas {
namespace {

bool is_comparison(BinaryOperator operation) {
  return operation >= BinaryOperator::less;
}

/// Recursive descent over the tokens. `nesting_` bounds the recursion, Syntax::depth the tree.
class Parser {
 public:
  explicit Parser(const Source& source) : source_(source), tokens_(tokenise(source)) {}

  SyntaxPtr run() {
    if (current().kind == TokenKind::end) fail_at(source_, {0, 0}, "the formula is empty");
    SyntaxPtr result = comparison();
    if (current().kind == TokenKind::right_parenthesis) {
      fail_here("there is no '(' to this ')'");
    }
    if (current().kind == TokenKind::comma) {
      fail_here("a ',' separates arguments of a function only");
    }
    if (current().kind != TokenKind::end) {
      fail_here("an operator is missing before '" + excerpt(source_, current().span) + "'");
    }
    return result;
  }

 private:
  const Token& current() const { return tokens_[next_]; }
  const Token& advance() { return tokens_[next_++]; }
  bool at_operator(BinaryOperator operation) const {
    return current().kind == TokenKind::binary_operator && current().operation == operation;
  }
  bool at_sum() const {
    return at_operator(BinaryOperator::add) || at_operator(BinaryOperator::subtract);
  }
  bool at_product() const {
    return at_operator(BinaryOperator::multiply) || at_operator(BinaryOperator::divide);
  }
  bool at_comparison() const {
    return current().kind == TokenKind::binary_operator && is_comparison(current().operation);
  }
  [[noreturn]] void fail_here(const std::string& what) const {
    fail_at(source_, current().span, what);
  }

  [[noreturn]] void fail_too_nested(Span span) const {
    fail_at(source_, span,
            "the formula is nested more than " + std::to_string(deepest_nesting) +
                " deep; multiply it out, or name a part of it");
  }

  SyntaxPtr comparison() {
    SyntaxPtr left = sum();
    if (!at_comparison()) return left;
    const Token sign = advance();
    SyntaxPtr result = binary(source_, sign, std::move(left), sum());
    if (at_comparison()) fail_here("comparisons cannot be chained");
    return result;
  }

  SyntaxPtr sum() {
    SyntaxPtr first = product();
    return at_sum() ? rest_of_sum(std::move(first)) : first;
  }
  SyntaxPtr rest_of_sum(SyntaxPtr first) {
    std::vector<Link> links{{{}, std::move(first)}};
    while (at_sum()) {
      const Token sign = advance();
      links.push_back({sign, product()});
    }
    return chain(source_, std::move(links));
  }

  SyntaxPtr product() {
    SyntaxPtr first = signed_power();
    return at_product() ? rest_of_product(std::move(first)) : first;
  }
  SyntaxPtr rest_of_product(SyntaxPtr first) {
    std::vector<Link> links{{{}, std::move(first)}};
    while (at_product()) {
      const Token sign = advance();
      links.push_back({sign, signed_power()});
    }
    return chain(source_, std::move(links));
  }

  SyntaxPtr signed_power() {
    if (!at_sum()) return power();
    const Token sign = advance();
    const Nesting nesting(*this, sign.span);
    Syntax node;
    node.kind = sign.operation == BinaryOperator::add ? SyntaxKind::plus : SyntaxKind::minus;
    node.head = sign.span;
    node.arguments = {signed_power()};
    node.span = {sign.span.begin, node.arguments[0]->span.end};
    return finish(source_, std::move(node));
  }

  SyntaxPtr power() {
    SyntaxPtr base = postfix();
    if (!at_operator(BinaryOperator::power)) return base;
    const Token sign = advance();
    const Nesting nesting(*this, sign.span);
    return binary(source_, sign, std::move(base), signed_power());
  }

  SyntaxPtr postfix() {
    SyntaxPtr result = primary();
    while (current().kind == TokenKind::apostrophe) {
      Syntax node;
      node.kind = SyntaxKind::transpose;
      node.head = advance().span;
      node.span = {result->span.begin, node.head.end};
      node.arguments = {std::move(result)};
      result = finish(source_, std::move(node));
    }
    return result;
  }

  SyntaxPtr primary() {
    const Token token = current();
    switch (token.kind) {
      case TokenKind::number:
        return number();
      case TokenKind::name:
        return name_or_call();
      case TokenKind::left_parenthesis:
        return parentheses();
      case TokenKind::end:
        fail_here("the formula ends where an operand is expected");
      default:
        fail_here("an operand is expected before '" + excerpt(source_, token.span) + "'");
    }
  }

  SyntaxPtr number() {
    const Token token = advance();
    Syntax node;
    node.text = excerpt(source_, token.span);
    node.value = token.value;
    node.span = node.head = token.span;
    return finish(source_, std::move(node));
  }

  SyntaxPtr parentheses() {
    const Token open = advance();
    const Nesting nesting(*this, open.span);
    Syntax node;
    node.kind = SyntaxKind::parentheses;
    node.head = open.span;
    node.arguments = {comparison()};
    node.span = {open.span.begin, close(open.span)};
    return finish(source_, std::move(node));
  }

  SyntaxPtr name_or_call() {
    const Token token = advance();
    Syntax node;
    node.kind = SyntaxKind::name;
    node.text = source_.text.substr(token.span.begin, token.span.end - token.span.begin);
    node.span = node.head = token.span;
    if (current().kind != TokenKind::left_parenthesis) return finish(source_, std::move(node));
    node.kind = SyntaxKind::call;
    const Token open = advance();
    const Nesting nesting(*this, open.span);
    if (current().kind != TokenKind::right_parenthesis) {
      node.arguments.push_back(comparison());
      while (current().kind == TokenKind::comma) {
        advance();
        node.arguments.push_back(comparison());
      }
    }
    node.span.end = close(open.span);
    return finish(source_, std::move(node));
  }

  /// Consumes the ')' that belongs to `open`; returns where it ends.
  std::size_t close(Span open) {
    if (current().kind == TokenKind::right_parenthesis) return advance().span.end;
    if (current().kind == TokenKind::end) fail_at(source_, open, "this '(' is never closed");
    if (current().kind == TokenKind::comma) {
      fail_here("a ',' separates arguments of a function only");
    }
    fail_here("an operator is missing before '" + excerpt(source_, current().span) + "'");
  }

  class Nesting {
   public:
    Nesting(Parser& parser, Span span) : parser_(parser) {
      if (++parser_.nesting_ > deepest_nesting) parser_.fail_too_nested(span);
    }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;
    ~Nesting() { --parser_.nesting_; }

   private:
    Parser& parser_;
  };

  const Source& source_;
  std::vector<Token> tokens_;
  std::size_t next_ = 0;
  int nesting_ = 0;
};

void collect_names(const Syntax& syntax, std::vector<std::string>& found) {
  if (syntax.kind == SyntaxKind::name &&
      std::find(found.begin(), found.end(), syntax.text) == found.end()) {
    found.push_back(syntax.text);
  }
  for (const SyntaxPtr& argument : syntax.arguments) collect_names(*argument, found);
}

}  // namespace

SyntaxPtr parse(const Source& source) {
  if (source.text.size() > longest_formula) {
    fail_at(source, {0, 0},
            "the formula has " + std::to_string(source.text.size()) + " characters; at most " +
                std::to_string(longest_formula) + " are allowed");
  }
  return Parser(source).run();
}

std::vector<std::string> names(const Syntax& syntax) {
  std::vector<std::string> found;
  collect_names(syntax, found);
  return found;
}

std::string to_text(BinaryOperator operation) {
  switch (operation) {
    case BinaryOperator::add:
      return "+";
    case BinaryOperator::subtract:
      return "-";
    case BinaryOperator::multiply:
      return "*";
    case BinaryOperator::divide:
      return "/";
    case BinaryOperator::power:
      return "^";
    case BinaryOperator::less:
      return "<";
    case BinaryOperator::less_equal:
      return "<=";
    case BinaryOperator::greater:
      return ">";
    case BinaryOperator::greater_equal:
      return ">=";
    case BinaryOperator::equal:
      return "==";
    case BinaryOperator::not_equal:
      return "!=";
  }
  return "?";
}

}  // namespace kronwerk::formulas
