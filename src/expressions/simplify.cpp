#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "kronwerk/expressions/factor_node.hpp"
#include "kronwerk/expressions/lowering.hpp"
#include "kronwerk/expressions/node.hpp"

namespace kronwerk::expressions {
namespace {

using Terms = std::vector<ProductTerm>;
using Values = std::map<std::string, double>;

/// The only mode in which two terms differ, if there is one; -1 if they are alike.
std::optional<std::ptrdiff_t> single_difference(const ProductTerm& a, const ProductTerm& b) {
  std::ptrdiff_t mode = -1;
  for (std::size_t k = 0; k < a.factors.size(); ++k) {
    if (a.factors[k]->text == b.factors[k]->text) continue;
    if (mode >= 0) return std::nullopt;
    mode = static_cast<std::ptrdiff_t>(k);
  }
  return mode;
}

/// a + b as one term, if they differ in one mode at most.
bool merge_into(ProductTerm& a, const ProductTerm& b) {
  const auto mode = single_difference(a, b);
  if (!mode) return false;
  const auto k = static_cast<std::size_t>(std::max<std::ptrdiff_t>(*mode, 0));
  const ScaledFactor merged = sum({{a.coefficient, a.factors[k]}, {b.coefficient, b.factors[k]}});
  a.coefficient = merged.coefficient;
  a.factors[k] = merged.factor;
  return true;
}

/// Merges terms until no two differ in one mode only. Since sums are normalised, this finds the
/// product in I⊗I − ρ_d I⊗W − ρ_o W⊗I + ρ_oρ_d W⊗W.
Terms merged(Terms terms) {
  std::erase_if(terms, [](const ProductTerm& term) { return term.coefficient == 0; });
  for (std::size_t i = 0; i < terms.size(); ++i) {
    for (std::size_t j = i + 1; j < terms.size(); ++j) {
      if (!merge_into(terms[i], terms[j])) continue;
      terms.erase(terms.begin() + static_cast<std::ptrdiff_t>(j));
      return merged(std::move(terms));
    }
  }
  return terms;
}

Terms scaled(Terms terms, double factor) {
  for (ProductTerm& term : terms) term.coefficient *= factor;
  return merged(std::move(terms));
}

Terms identity_terms(const Extents& extents) {
  ProductTerm term;
  for (const Index extent : extents) term.factors.push_back(identity_factor(extent));
  return {term};
}

Terms composed(const Terms& a, const Terms& b) {
  Terms result;
  for (const ProductTerm& left : a) {
    for (const ProductTerm& right : b) {
      ProductTerm term{left.coefficient * right.coefficient, {}};
      for (std::size_t k = 0; k < left.factors.size(); ++k) {
        term.factors.push_back(compose(left.factors[k], right.factors[k]));
      }
      result.push_back(std::move(term));
    }
  }
  return merged(std::move(result));
}

Terms joined(const Terms& a, const Terms& b) {
  Terms result;
  for (const ProductTerm& left : a) {
    for (const ProductTerm& right : b) {
      ProductTerm term{left.coefficient * right.coefficient, left.factors};
      term.factors.insert(term.factors.end(), right.factors.begin(), right.factors.end());
      result.push_back(std::move(term));
    }
  }
  return result;
}

class Simplifier {
 public:
  explicit Simplifier(const Values& values) : values_(values) {}

  Terms terms(const Node& node) const {
    switch (node.kind) {
      case NodeKind::zero:
        return {};
      case NodeKind::identity:
        return identity_terms(node.rows);
      case NodeKind::matrix:
        return {{1, {matrix_factor(node.name, node.rows[0], node.cols[0])}}};
      case NodeKind::diagonal:
        return {{1, {diagonal_factor(node.name, node.rows[0])}}};
      case NodeKind::scale:
        return scaled(terms(*node.arguments[1]), evaluate(*node.arguments[0], values_));
      case NodeKind::negation:
        return scaled(terms(*node.arguments[0]), -1);
      case NodeKind::sum:
        return added(node, 1);
      case NodeKind::difference:
        return added(node, -1);
      case NodeKind::product:
        return composed(terms(*node.arguments[0]), terms(*node.arguments[1]));
      case NodeKind::transpose:
        return transposed(node);
      case NodeKind::inverse:
        return inverted(node);
      case NodeKind::kron:
        return kron(node);
      case NodeKind::kronsum:
        return kronsum(node);
      default:
        break;
    }
    formulas::fail_at(*node.source, node.span, "a scalar stands where an operator is expected");
  }

 private:
  Terms added(const Node& node, double sign) const {
    Terms result = terms(*node.arguments[0]);
    for (ProductTerm& term : scaled(terms(*node.arguments[1]), sign)) {
      result.push_back(std::move(term));
    }
    return merged(std::move(result));
  }

  Terms transposed(const Node& node) const {
    Terms result = terms(*node.arguments[0]);
    for (ProductTerm& term : result) {
      for (FactorNodePtr& factor : term.factors) factor = transpose(factor);
    }
    return result;
  }

  Terms inverted(const Node& node) const {
    Terms result = terms(*node.arguments[0]);
    if (result.empty()) {
      formulas::fail_at(*node.source, node.span,
                        "the operator is zero at these parameters and cannot be inverted");
    }
    if (result.size() > 1) {
      formulas::fail_at(
          *node.source, node.span,
          fmt::format("the inverse of a sum of {} Kronecker products is not a sum of products; "
                      "'inv' takes one product",
                      result.size()));
    }
    ProductTerm& term = result.front();
    term.coefficient = 1 / term.coefficient;
    for (FactorNodePtr& factor : term.factors) {
      if (factor->rows != factor->cols) {
        formulas::fail_at(*node.source, node.span,
                          fmt::format("cannot invert the factor '{}', which is {} x {}",
                                      factor->text, factor->rows, factor->cols));
      }
      factor = inverse(factor);
    }
    return result;
  }

  Terms kron(const Node& node) const {
    Terms result{ProductTerm{}};
    for (const NodePtr& argument : node.arguments) result = joined(result, terms(*argument));
    return merged(std::move(result));
  }

  Terms kronsum(const Node& node) const {
    Terms result;
    for (std::size_t k = 0; k < node.arguments.size(); ++k) {
      Terms part{ProductTerm{}};
      for (std::size_t other = 0; other < node.arguments.size(); ++other) {
        const Node& argument = *node.arguments[other];
        part = joined(part, other == k ? terms(argument) : identity_terms(argument.rows));
      }
      result.insert(result.end(), part.begin(), part.end());
    }
    return merged(std::move(result));
  }

  const Values& values_;
};

std::string term_text(const ProductTerm& term) {
  std::string text;
  for (const FactorNodePtr& factor : term.factors) {
    if (!text.empty()) text += ", ";
    text += factor->text;
  }
  return term.factors.size() > 1 ? "kron(" + text + ")" : text;
}

}  // namespace

SumOfProducts simplify(const Expression& expression, const Values& parameters) {
  SumOfProducts result{expression.row_extents(), expression.col_extents(), {}};
  result.terms = Simplifier(parameters).terms(expression.root());
  return result;
}

std::string SumOfProducts::text() const {
  std::string text;
  for (const ProductTerm& term : terms) {
    const bool first = text.empty();
    const double size = term.coefficient < 0 ? -term.coefficient : term.coefficient;
    text += term.coefficient < 0 ? (first ? "-" : " - ") : (first ? "" : " + ");
    const bool bracket = size != 1 && term.factors.size() == 1;
    if (size != 1) text += fmt::format("{:.6g}*", size);
    text += bracket ? "(" + term_text(term) + ")" : term_text(term);
  }
  return text.empty() ? "0" : text;
}

}  // namespace kronwerk::expressions
