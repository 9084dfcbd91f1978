#include "kronwerk/expressions/symbolic.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "expressions/terms.hpp"

namespace kronwerk::expressions {
namespace {

using SymbolicTerms = std::vector<SymbolicTerm>;

class Expander {
 public:
  Expander(const std::set<std::string>& free, const std::map<std::string, double>& parameters,
           const MatrixNames& names)
      : free_(free), parameters_(parameters), names_(names) {}

  SymbolicTerms terms(const NodePtr& node) const {
    if (!depends(*node)) return constant(node);
    const NodeFactory make(*node);
    const auto& arguments = node->arguments;
    switch (node->kind) {
      case NodeKind::scale:
        return scaled(make, arguments[0], terms(arguments[1]));
      case NodeKind::negation:
        return scaled(make, make.number(-1), terms(arguments[0]));
      case NodeKind::sum:
        return merged(make, terms(arguments[0]), terms(arguments[1]));
      case NodeKind::difference:
        return merged(make, terms(arguments[0]),
                      scaled(make, make.number(-1), terms(arguments[1])));
      case NodeKind::transpose: {
        SymbolicTerms result = terms(arguments[0]);
        for (SymbolicTerm& term : result) {
          for (FactorNodePtr& factor : term.factors) factor = transpose(factor);
        }
        return result;
      }
      case NodeKind::product:
        return multiplied(make, terms(arguments[0]), terms(arguments[1]), composed_factors);
      case NodeKind::kron:
        return kron(make, arguments);
      case NodeKind::kronsum:
        return kronsum(make, arguments);
      case NodeKind::matrix:
        fail(*node,
             "the kernel matrix '{}' depends on a parameter that is estimated; here these "
             "may stand before matrices only");
      default:
        fail(*node,
             "'{}' depends on a parameter that is estimated, and an inverse that does is no "
             "sum of Kronecker products");
    }
  }

 private:
  using Combine = std::vector<FactorNodePtr> (*)(const SymbolicTerm& a, const SymbolicTerm& b);

  static std::vector<FactorNodePtr> composed_factors(const SymbolicTerm& a, const SymbolicTerm& b) {
    std::vector<FactorNodePtr> factors;
    for (std::size_t k = 0; k < a.factors.size(); ++k) {
      factors.push_back(compose(a.factors[k], b.factors[k]));
    }
    return factors;
  }
  static std::vector<FactorNodePtr> joined_factors(const SymbolicTerm& a, const SymbolicTerm& b) {
    std::vector<FactorNodePtr> factors = a.factors;
    factors.insert(factors.end(), b.factors.begin(), b.factors.end());
    return factors;
  }

  [[noreturn]] static void fail(const Node& node, fmt::format_string<std::string> what) {
    formulas::fail_at(*node.source, node.span,
                      fmt::format(what, formulas::excerpt(*node.source, node.span)));
  }

  bool depends(const Node& node) const {
    if (node.kind == NodeKind::parameter) return free_.contains(node.name);
    if (std::any_of(node.derivatives.begin(), node.derivatives.end(),
                    [&](const auto& entry) { return free_.contains(entry.first); })) {
      return true;
    }
    return std::any_of(node.arguments.begin(), node.arguments.end(),
                       [&](const NodePtr& argument) { return depends(*argument); });
  }

  SymbolicTerms constant(const NodePtr& node) const {
    const NodeFactory make(*node);
    SymbolicTerms result;
    for (const ProductTerm& term : simplify(Expression(node), parameters_, names_).terms) {
      if (!term.steps.empty()) {
        fail(*node,
             "'{}' holds a diagonal over the whole grid; here every term must be a "
             "Kronecker product of matrices");
      }
      result.push_back({make.number(term.coefficient), term.factors});
    }
    return result;
  }

  static SymbolicTerms scaled(const NodeFactory& make, const NodePtr& scalar, SymbolicTerms terms) {
    for (SymbolicTerm& term : terms) {
      const bool both =
          scalar->kind == NodeKind::number && term.coefficient->kind == NodeKind::number;
      if (both) {
        term.coefficient = make.number(scalar->number * term.coefficient->number);
      } else if (is_number(*scalar, -1)) {
        term.coefficient = make.negation(term.coefficient);
      } else {
        term.coefficient = make.product(scalar, term.coefficient);
      }
    }
    return terms;
  }

  /// Terms with the same factors become one.
  static SymbolicTerms merged(const NodeFactory& make, SymbolicTerms terms,
                              const SymbolicTerms& more) {
    for (const SymbolicTerm& term : more) {
      const auto same = std::find_if(terms.begin(), terms.end(), [&](const SymbolicTerm& other) {
        return std::equal(other.factors.begin(), other.factors.end(), term.factors.begin(),
                          term.factors.end(),
                          [](const auto& a, const auto& b) { return a->text == b->text; });
      });
      if (same == terms.end()) {
        terms.push_back(term);
      } else {
        same->coefficient = make.sum(same->coefficient, term.coefficient);
      }
    }
    return terms;
  }

  static SymbolicTerms multiplied(const NodeFactory& make, const SymbolicTerms& left,
                                  const SymbolicTerms& right, Combine combine) {
    SymbolicTerms result;
    for (const SymbolicTerm& a : left) {
      for (const SymbolicTerm& b : right) {
        SymbolicTerms product{{b.coefficient, combine(a, b)}};
        result = merged(make, std::move(result), scaled(make, a.coefficient, std::move(product)));
      }
    }
    return result;
  }

  SymbolicTerms kron(const NodeFactory& make, const std::vector<NodePtr>& arguments) const {
    SymbolicTerms result = terms(arguments[0]);
    for (std::size_t k = 1; k < arguments.size(); ++k) {
      result = multiplied(make, result, terms(arguments[k]), joined_factors);
    }
    return result;
  }

  SymbolicTerms kronsum(const NodeFactory& make, const std::vector<NodePtr>& arguments) const {
    SymbolicTerms result;
    for (std::size_t k = 0; k < arguments.size(); ++k) {
      std::vector<NodePtr> product = arguments;
      for (std::size_t other = 0; other < product.size(); ++other) {
        if (other != k) product[other] = make.identity(arguments[other]->rows);
      }
      result = merged(make, std::move(result), kron(make, product));
    }
    return result;
  }

  const std::set<std::string>& free_;
  const std::map<std::string, double>& parameters_;
  const MatrixNames& names_;
};

}  // namespace

SymbolicSum expand(const Expression& expression, const std::set<std::string>& free,
                   const std::map<std::string, double>& parameters, const MatrixNames& names) {
  SymbolicSum result{expression.row_extents(), expression.col_extents(), {}};
  for (SymbolicTerm& term : Expander(free, parameters, names).terms(expression.node())) {
    if (!is_number(*term.coefficient, 0)) result.terms.push_back(std::move(term));
  }
  return result;
}

}  // namespace kronwerk::expressions
