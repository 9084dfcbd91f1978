#include "application/gaussian/covariance_formula.hpp"

#include <algorithm>
#include <functional>

#include "kronwerk/expressions/factor_node.hpp"

namespace kronwerk::application {
namespace {

using expressions::FactorLeaf;
using expressions::FactorNode;
using expressions::NodeKind;
using expressions::NodePtr;

/// The terms of a sum at the top of the formula, with what multiplies the whole sum.
void collect_addends(const NodePtr& node, const std::function<NodePtr(NodePtr)>& outside,
                     std::vector<NodePtr>& addends) {
  const expressions::NodeFactory make(*node);
  switch (node->kind) {
    case NodeKind::sum:
      collect_addends(node->arguments[0], outside, addends);
      return collect_addends(node->arguments[1], outside, addends);
    case NodeKind::difference:
      collect_addends(node->arguments[0], outside, addends);
      return collect_addends(
          node->arguments[1], [&](NodePtr inner) { return outside(make.negation(inner)); },
          addends);
    case NodeKind::scale:
      return collect_addends(
          node->arguments[1],
          [&](NodePtr inner) { return outside(make.product(node->arguments[0], inner)); }, addends);
    default:
      addends.push_back(outside(node));
  }
}

bool is_diagonal(const FactorNode& factor) {
  return std::ranges::all_of(factor.links, [](const expressions::FactorLink& link) {
    return link.leaf->kind == FactorLeaf::Kind::diagonal;
  });
}

bool is_noise(const expressions::SumOfProducts& sum) {
  return sum.terms.size() == 1 && std::ranges::all_of(sum.terms[0].factors, [](const auto& factor) {
           return is_diagonal(*factor);
         });
}

}  // namespace

CovarianceFormula::CovarianceFormula(expressions::Expression expression)
    : expression_(std::move(expression)), names_(expressions::factor_names(expression_)) {
  collect_addends(
      expression_.node(), [](NodePtr node) { return node; }, addends_);
}

expressions::SumOfProducts CovarianceFormula::simplified(
    const Parameters& parameters, const expressions::MatrixNames& names) const {
  return expressions::simplify(expression_, parameters, names);
}

CovarianceFormula::Parts CovarianceFormula::parts(const Parameters& parameters,
                                                  const expressions::MatrixNames& names) const {
  const auto simplify = [&](const NodePtr& node) {
    return expressions::simplify(expressions::Expression(node), parameters, names);
  };
  const expressions::NodeFactory make(expression_.root());
  NodePtr signal;
  std::vector<NodePtr> diagonal;
  for (const NodePtr& addend : addends_) {
    if (is_noise(simplify(addend))) {
      diagonal.push_back(addend);
    } else {
      signal = signal ? make.sum(signal, addend) : addend;
    }
  }
  // A covariance of diagonals alone is a signal with noise only if it has several terms.
  if (!signal) {
    signal = diagonal.front();
    diagonal.erase(diagonal.begin());
  }
  Parts parts{simplify(signal), {expression_.row_extents(), expression_.col_extents(), {}}};
  if (diagonal.empty()) return parts;
  NodePtr noise = diagonal.front();
  for (std::size_t i = 1; i < diagonal.size(); ++i) noise = make.sum(noise, diagonal[i]);
  parts.noise = simplify(noise);
  return parts;
}

const CovarianceFormula::Derivative& CovarianceFormula::derivative(const std::string& parameter) {
  const auto found = derivatives_.find(parameter);
  if (found != derivatives_.end()) return found->second;
  auto expression = expressions::differentiate(expression_, parameter);
  auto names = expressions::factor_names(expression);
  return derivatives_.emplace(parameter, Derivative{std::move(expression), std::move(names)})
      .first->second;
}

}  // namespace kronwerk::application
