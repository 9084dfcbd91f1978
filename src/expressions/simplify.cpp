#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "kronwerk/expressions/factor_node.hpp"
#include "kronwerk/expressions/lowering.hpp"
#include "kronwerk/expressions/node.hpp"

namespace kronwerk::expressions {
namespace {

using Terms = std::vector<ProductTerm>;
using Values = std::map<std::string, double>;

/// Products of sums multiply their numbers of terms; a formula that expands further is refused.
constexpr std::size_t most_terms = 1000;

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

/// a + b as one term, if they differ in one mode at most. With several modes, two terms that are
/// applied as they are are better than one whose factor must be formed first.
bool merge_into(ProductTerm& a, const ProductTerm& b) {
  const auto mode = single_difference(a, b);
  if (!mode) return false;
  const auto k = static_cast<std::size_t>(std::max<std::ptrdiff_t>(*mode, 0));
  const bool formed = !is_plain(*a.factors[k]) || !is_plain(*b.factors[k]);
  if (*mode >= 0 && formed && a.factors.size() > 1) return false;
  const ScaledFactor merged = sum({{a.coefficient, a.factors[k]}, {b.coefficient, b.factors[k]}});
  a.coefficient = merged.coefficient;
  a.factors[k] = merged.factor;
  return true;
}

/// Adds `term` to `terms` and merges until no two differ in one mode only. Since sums are
/// normalised, this finds the product in I⊗I − ρ_d I⊗W − ρ_o W⊗I + ρ_oρ_d W⊗W.
void add_merged(Terms& terms, ProductTerm term) {
  if (term.coefficient == 0) return;
  for (auto other = terms.begin(); other != terms.end(); ++other) {
    if (!merge_into(*other, term)) continue;
    ProductTerm merged = std::move(*other);
    terms.erase(other);
    return add_merged(terms, std::move(merged));
  }
  terms.push_back(std::move(term));
}

Terms merged(Terms terms) {
  Terms result;
  for (ProductTerm& term : terms) add_merged(result, std::move(term));
  return result;
}

Terms scaled(Terms terms, double factor) {
  for (ProductTerm& term : terms) term.coefficient *= factor;
  std::erase_if(terms, [](const ProductTerm& term) { return term.coefficient == 0; });
  return terms;
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

  /// @throws ConfigurationError also where a number overflows or there are too many terms
  Terms terms(const Node& node) const {
    Terms result = unchecked_terms(node);
    const bool finite = std::all_of(result.begin(), result.end(), [](const ProductTerm& term) {
      return std::isfinite(term.coefficient) &&
             std::all_of(term.factors.begin(), term.factors.end(),
                         [](const auto& factor) { return is_finite(*factor); });
    });
    if (!finite) fail(node, "a coefficient of '{}' is too large for double precision");
    return result;
  }

 private:
  Terms unchecked_terms(const Node& node) const {
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
        return product(node);
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

  [[noreturn]] static void fail(const Node& node, fmt::format_string<std::string> what) {
    formulas::fail_at(*node.source, node.span,
                      fmt::format(what, formulas::excerpt(*node.source, node.span)));
  }

  static void check_count(const Node& node, std::size_t count) {
    if (count > most_terms) fail(node, "'{}' expands into more than 1000 Kronecker products");
  }

  static bool is_finite(const FactorNode& factor) {
    if (factor.links.empty() || factor.links[0].leaf->kind != FactorLeaf::Kind::sum) return true;
    const auto& sum = factor.links[0].leaf->terms;
    return std::all_of(sum.begin(), sum.end(),
                       [](const auto& term) { return std::isfinite(term.first); });
  }

  Terms added(const Node& node, double sign) const {
    Terms result = terms(*node.arguments[0]);
    for (ProductTerm& term : scaled(terms(*node.arguments[1]), sign)) {
      result.push_back(std::move(term));
    }
    check_count(node, result.size());
    return merged(std::move(result));
  }

  Terms product(const Node& node) const {
    const Terms left = terms(*node.arguments[0]);
    const Terms right = terms(*node.arguments[1]);
    check_count(node, left.size() * right.size());
    return composed(left, right);
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
    for (const NodePtr& argument : node.arguments) {
      const Terms more = terms(*argument);
      check_count(node, result.size() * more.size());
      result = joined(result, more);
    }
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
      check_count(node, result.size());
    }
    return merged(std::move(result));
  }

  const Values& values_;
};

/// A factor as summands that are applied as they are; itself, if it is none that must be formed.
std::vector<ScaledFactor> summands(const FactorNodePtr& factor) {
  std::vector<std::pair<double, FactorNodePtr>> plain;
  std::vector<ScaledFactor> result;
  const bool whole = factor->links.size() != 1 || !is_plain(*factor) ||
                     factor->links[0].leaf->kind != FactorLeaf::Kind::sum;
  if (whole) return {{1, factor}};
  for (const auto& [coefficient, term] : factor->links[0].leaf->terms) {
    const FactorNodePtr turned = factor->links[0].transposed ? transpose(term) : term;
    if (is_plain(*turned)) {
      plain.emplace_back(coefficient, turned);
    } else {
      result.push_back({coefficient, turned});
    }
  }
  if (result.empty()) return {{1, factor}};
  if (!plain.empty()) result.push_back(sum(plain));
  return result;
}

/// The same operator, with every factor that would have to be formed split into several terms.
/// Where that would be too many, it stays as it is.
Terms without_formed_sums(const Terms& terms) {
  Terms result;
  for (const ProductTerm& term : terms) {
    Terms parts{{term.coefficient, {}}};
    for (const FactorNodePtr& factor : term.factors) {
      Terms longer;
      for (const ScaledFactor& summand : summands(factor)) {
        for (ProductTerm part : parts) {
          part.coefficient *= summand.coefficient;
          part.factors.push_back(summand.factor);
          longer.push_back(std::move(part));
        }
      }
      parts = std::move(longer);
      if (result.size() + parts.size() > most_terms) return terms;
    }
    result.insert(result.end(), parts.begin(), parts.end());
  }
  return result;
}

bool is_bare_sum(const ProductTerm& term) {
  if (term.factors.size() != 1 || term.factors[0]->links.size() != 1) return false;
  const FactorLink& link = term.factors[0]->links[0];
  return link.leaf->kind == FactorLeaf::Kind::sum && !link.transposed && !link.inverse;
}

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
  if (expression.is_derivative()) result.terms = without_formed_sums(result.terms);
  return result;
}

std::string SumOfProducts::text() const {
  std::string text;
  for (const ProductTerm& term : terms) {
    const bool first = text.empty();
    const double size = term.coefficient < 0 ? -term.coefficient : term.coefficient;
    text += term.coefficient < 0 ? (first ? "-" : " - ") : (first ? "" : " + ");
    if (size != 1) text += fmt::format("{:.6g}*", size);
    const bool bracket = is_bare_sum(term) && (size != 1 || term.coefficient < 0 || !first);
    text += bracket ? "(" + term_text(term) + ")" : term_text(term);
  }
  return text.empty() ? "0" : text;
}

}  // namespace kronwerk::expressions
