// Declared in kronwerk/expressions/lowering.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "expressions/regroup.hpp"
#include "expressions/terms.hpp"
#include "kronwerk/expressions/node.hpp"

namespace kronwerk::expressions {
namespace {

using Values = std::map<std::string, double>;

class Simplifier {
 public:
  Simplifier(const Values& values, const MatrixNames& names) : values_(values), names_(names) {}

  /// @throws ConfigurationError where there are too many terms; DataError where a number
  /// overflows
  Terms terms(const Node& node) const {
    Terms result = unchecked_terms(node);
    const bool finite = std::all_of(result.begin(), result.end(), [](const ProductTerm& term) {
      return std::isfinite(term.coefficient) &&
             std::all_of(term.factors.begin(), term.factors.end(),
                         [](const auto& factor) { return is_finite(*factor); });
    });
    if (!finite) {
      formulas::fail_value_at(*node.source, node.span,
                              fmt::format("a coefficient of '{}' is too large for double precision",
                                          formulas::excerpt(*node.source, node.span)));
    }
    return result;
  }

 private:
  Terms unchecked_terms(const Node& node) const {
    switch (node.kind) {
      case NodeKind::zero:
        return {};
      case NodeKind::identity:
        return identity_terms(node.rows);
      case NodeKind::ones:
        return {{1, {ones_factor(node.rows[0])}}};
      case NodeKind::matrix:
        return {{1, {matrix_factor(name_of(node), node.rows[0], node.cols[0])}}};
      case NodeKind::diagonal:
        return {{1, {diagonal_factor(node.name, node.rows[0])}}};
      case NodeKind::grid_diagonal:
        return grid_diagonal_terms(node.name, node.rows);
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
    for (ProductTerm& term : result) term = transpose(term);
    return result;
  }

  Terms inverted(const Node& node) const {
    Terms result = terms(*node.arguments[0]);
    if (result.empty()) {
      formulas::fail_value_at(*node.source, node.span,
                              "the operator is zero at these parameters and cannot be inverted");
    }
    if (result.size() > 1) {
      const SumOfProducts whole{node.rows, node.cols, combined(result)};
      if (whole.terms.size() > 1) {
        formulas::fail_at(
            *node.source, node.span,
            fmt::format("'{}' is a sum of {} Kronecker products, whose inverse is not a sum of "
                        "products; 'inv' takes one product: to solve with a sum, make it the whole "
                        "operator and use 'task: solve'",
                        formulas::excerpt(*node.source, node.arguments[0]->span),
                        whole.terms.size()));
      }
      result = whole.terms;
    }
    for (const auto* product : products(result.front())) {
      for (const FactorNodePtr& factor : *product) {
        if (factor->rows == factor->cols) continue;
        formulas::fail_at(*node.source, node.span,
                          fmt::format("cannot invert the factor '{}', which is {} x {}",
                                      factor->text, factor->rows, factor->cols));
      }
    }
    result.front() = inverse(result.front());
    return result;
  }

  /// The terms of an argument of kron or kronsum.
  Terms argument_terms(const Node& node, const Node& argument) const {
    Terms result = terms(argument);
    const bool over_grid = std::any_of(result.begin(), result.end(),
                                       [](const ProductTerm& term) { return !term.steps.empty(); });
    if (over_grid && node.arguments.size() > 1) {
      fail(
          argument,
          "'{}' holds a diagonal over a whole grid, which cannot be one factor of a larger one; in "
          "a single mode, diag() takes a vector of one dimension");
    }
    return result;
  }

  Terms kron(const Node& node) const {
    if (node.arguments.size() == 1) return terms(*node.arguments[0]);
    Terms result{ProductTerm{}};
    for (const NodePtr& argument : node.arguments) {
      const Terms more = argument_terms(node, *argument);
      check_count(node, result.size() * more.size());
      result = joined(result, more);
    }
    return merged(std::move(result));
  }

  Terms kronsum(const Node& node) const {
    if (node.arguments.size() == 1) return terms(*node.arguments[0]);
    Terms result;
    for (std::size_t k = 0; k < node.arguments.size(); ++k) {
      Terms part{ProductTerm{}};
      for (std::size_t other = 0; other < node.arguments.size(); ++other) {
        const Node& argument = *node.arguments[other];
        part = joined(part,
                      other == k ? argument_terms(node, argument) : identity_terms(argument.rows));
      }
      result.insert(result.end(), part.begin(), part.end());
      check_count(node, result.size());
    }
    return merged(std::move(result));
  }

  /// What the matrix is called at the parameters' values.
  const std::string& name_of(const Node& matrix) const {
    const auto found = names_.find(matrix.name);
    return found == names_.end() ? matrix.name : found->second;
  }

  const Values& values_;
  const MatrixNames& names_;
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
    Terms parts{{term.coefficient, {}, term.steps}};
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

std::string text_of(const ProductTerm& term) {
  return text(term);
}

bool is_bare_sum(const ProductTerm& term) {
  if (!term.steps.empty() || term.factors.size() != 1 || term.factors[0]->links.size() != 1)
    return false;
  const FactorLink& link = term.factors[0]->links[0];
  return link.leaf->kind == FactorLeaf::Kind::sum && !link.transposed && !link.inverse;
}

}  // namespace

SumOfProducts simplify(const Expression& expression, const Values& parameters,
                       const MatrixNames& names) {
  SumOfProducts result{expression.row_extents(), expression.col_extents(), {}};
  result.terms = combined(Simplifier(parameters, names).terms(expression.root()));
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
    text += bracket ? "(" + text_of(term) + ")" : text_of(term);
  }
  return text.empty() ? "0" : text;
}

}  // namespace kronwerk::expressions
