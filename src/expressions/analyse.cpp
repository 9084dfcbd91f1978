// Declared in kronwerk/expressions/expression.hpp.
#include <fmt/format.h>

#include "expressions/expression_draft.hpp"

namespace kronwerk::expressions {
namespace {

void check_names(const Symbols& symbols, const std::string& where) {
  const auto refuse_reserved = [&](const std::string& name, const char* what) {
    if (is_reserved_name(name)) {
      throw core::ConfigurationError(fmt::format(
          "{}: '{}' is reserved and cannot name a {}; choose another name", where, name, what));
    }
  };
  for (const auto& [name, value] : symbols.parameters) {
    refuse_reserved(name, "parameter");
    if (symbols.matrices.contains(name)) {
      throw core::ConfigurationError(fmt::format(
          "{}: '{}' names both a parameter and a matrix; rename one of them", where, name));
    }
  }
  for (const auto& [name, symbol] : symbols.matrices) refuse_reserved(name, "matrix");
}

}  // namespace

Expression analyse(const std::string& formula, const Symbols& symbols, const std::string& where) {
  check_names(symbols, where);
  const auto source = std::make_shared<const formulas::Source>(formulas::Source{formula, where});
  const formulas::SyntaxPtr syntax = formulas::parse(*source);
  const DraftPtr draft = make_draft(*syntax, *source, symbols);
  if (draft->scalar) {
    formulas::fail_at(
        *source, draft->span,
        "the formula is a number, not an operator: multiply it by a matrix or eye(n)");
  }
  if (draft->modes == 0) {
    formulas::fail_at(*source, draft->span,
                      fmt::format("the size of '{}' cannot be inferred: write eye(n), or "
                                  "eye(rows(A)) for the size of a matrix A",
                                  formulas::excerpt(*source, draft->span)));
  }
  if (draft->modes > most_modes) {
    formulas::fail_at(*source, draft->span,
                      fmt::format("the grid has {} modes; at most {} are supported, as many as a "
                                  "dataset may have dimensions",
                                  draft->modes, most_modes));
  }
  return Expression(with_sizes(*draft, source));
}

double evaluate_scalar(const std::string& formula, const std::map<std::string, double>& parameters,
                       const std::string& where) {
  const Symbols symbols{parameters, {}};
  check_names(symbols, where);
  const auto source = std::make_shared<const formulas::Source>(formulas::Source{formula, where});
  const formulas::SyntaxPtr syntax = formulas::parse(*source);
  const DraftPtr draft = make_draft(*syntax, *source, symbols);
  if (!draft->scalar) {
    formulas::fail_at(*source, draft->span,
                      fmt::format("'{}' is no number: expected numbers and parameters",
                                  formulas::excerpt(*source, draft->span)));
  }
  return evaluate(*with_sizes(*draft, source), parameters);
}

}  // namespace kronwerk::expressions
