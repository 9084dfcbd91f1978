#include "application/gaussian/covariance_formula.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>

#include "kronwerk/expressions/powers.hpp"
#include "kronwerk/expressions/symbolic.hpp"

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

bool has_ones(const expressions::Node& node) {
  return node.kind == NodeKind::ones ||
         std::ranges::any_of(node.arguments,
                             [](const NodePtr& argument) { return has_ones(*argument); });
}

/// kron(inv(S), C) is inv(kron(S, inv(C))): what is inverted, or null.
NodePtr inverted_by(const NodePtr& node) {
  const expressions::NodeFactory make(*node);
  if (node->kind == NodeKind::inverse) return node->arguments[0];
  if (node->kind != NodeKind::kron) return nullptr;
  bool any = false;
  std::vector<NodePtr> arguments;
  for (const NodePtr& argument : node->arguments) {
    const bool inverse = argument->kind == NodeKind::inverse;
    any = any || inverse;
    arguments.push_back(inverse ? argument->arguments[0] : make.inverse(argument));
  }
  return any ? make.kron(std::move(arguments)) : nullptr;
}

}  // namespace

CovarianceFormula::CovarianceFormula(expressions::Expression expression)
    : expression_(std::move(expression)),
      names_(expressions::factor_names(expression_)),
      has_ones_(has_ones(expression_.root())) {
  std::vector<NodePtr> addends;
  collect_addends(
      expression_.node(), [](NodePtr node) { return node; }, addends);
  for (const NodePtr& addend : addends) addends_.push_back(addend_of(addend));
}

CovarianceFormula::Addend CovarianceFormula::addend_of(const NodePtr& node) {
  const expressions::NodeFactory make(*node);
  NodePtr scale = make.number(1);
  NodePtr rest = node;
  for (; rest->kind == NodeKind::scale || rest->kind == NodeKind::negation;
       rest = rest->arguments.back()) {
    scale = rest->kind == NodeKind::scale ? make.product(scale, rest->arguments[0])
                                          : make.negation(scale);
  }
  return {node, scale, inverted_by(rest)};
}

std::string CovarianceFormula::Parts::text() const {
  std::string text = signal.terms.empty() ? "" : signal.text();
  const auto add = [&](double scale, const std::string& part) {
    text += text.empty() ? (scale < 0 ? "-" : "") : (scale < 0 ? " - " : " + ");
    if (std::abs(scale) != 1) text += fmt::format("{:.6g}*", std::abs(scale));
    text += part;
  };
  for (const Inverse& inverse : inverses) add(inverse.scale, "inv(" + inverse.sum.text() + ")");
  if (!noise.terms.empty()) {
    text += (text.empty() || noise.terms.front().coefficient < 0 ? "" : " + ") + noise.text();
  }
  return text.empty() ? "0" : text;
}

std::optional<expressions::SumOfProducts> CovarianceFormula::inverted_sum(
    const Addend& addend, const Parameters& parameters,
    const expressions::MatrixNames& names) const {
  if (!addend.inverted) return std::nullopt;
  auto sum = expressions::simplify(expressions::Expression(addend.inverted), parameters, names);
  if (sum.terms.size() < 2) return std::nullopt;
  return sum;
}

CovarianceFormula::Parts CovarianceFormula::separate(const Parameters& parameters,
                                                     const expressions::MatrixNames& names) const {
  const auto simplify = [&](const NodePtr& node) {
    return expressions::simplify(expressions::Expression(node), parameters, names);
  };
  const expressions::NodeFactory make(expression_.root());
  Parts parts;
  NodePtr signal;
  std::vector<NodePtr> diagonal;
  std::vector<expressions::ProductTerm> apart;
  for (const Addend& addend : addends_) {
    if (auto sum = inverted_sum(addend, parameters, names)) {
      parts.inverses.push_back({expressions::evaluate(*addend.scale, parameters), std::move(*sum)});
    } else if (auto alone = simplify(addend.whole); is_noise(alone)) {
      diagonal.push_back(addend.whole);
    } else {
      std::ranges::move(alone.terms, std::back_inserter(apart));
      signal = signal ? make.sum(signal, addend.whole) : addend.whole;
    }
  }
  // A covariance of diagonals alone is a signal with noise only if it has several terms.
  if (!signal && parts.inverses.empty()) {
    signal = diagonal.front();
    diagonal.erase(diagonal.begin());
  }
  const expressions::SumOfProducts none{expression_.row_extents(), expression_.col_extents(), {}};
  parts.signal = signal ? simplify(signal) : none;
  // Sums of ones and other matrices would act on more coordinates than they do apart.
  if (has_ones_ && parts.signal.terms.size() > 1) parts.signal.terms = std::move(apart);
  parts.noise = none;
  if (diagonal.empty()) return parts;
  NodePtr noise = diagonal.front();
  for (std::size_t i = 1; i < diagonal.size(); ++i) noise = make.sum(noise, diagonal[i]);
  parts.noise = simplify(noise);
  return parts;
}

/// Of an inverse always, so that a decomposition serves every value of the parameters; else where a
/// mode has several matrices.
std::vector<expressions::FactorNodePtr> CovarianceFormula::bases_of(const Parts& parts) {
  std::vector<const expressions::SumOfProducts*> sums{&parts.signal};
  for (const Inverse& inverse : parts.inverses) sums.push_back(&inverse.sum);
  const bool has_steps = std::ranges::any_of(sums, [](const auto* sum) {
    return std::ranges::any_of(sum->terms, [](const auto& term) { return !term.steps.empty(); });
  });
  std::vector<expressions::FactorNodePtr> bases(parts.signal.row_extents.size());
  if (has_steps) return bases;
  bases = expressions::find_bases_of_powers(sums);
  for (std::size_t mode = 0; parts.inverses.empty() && mode < bases.size(); ++mode) {
    std::set<std::string> texts;
    for (const auto& term : parts.signal.terms) {
      if (!term.factors[mode]->is_identity()) texts.insert(term.factors[mode]->text);
    }
    if (texts.size() < 2) bases[mode] = nullptr;
  }
  return bases;
}

CovarianceFormula::Parts CovarianceFormula::parts(const Parameters& parameters,
                                                  const expressions::MatrixNames& names) const {
  Parts parts = separate(parameters, names);
  const auto bases = bases_of(parts);
  auto signal = expressions::in_powers(parts.signal, bases);
  // A difference that is positive as a whole has no covariances for its terms.
  const bool positive =
      std::ranges::none_of(signal.terms, [](const auto& term) { return term.coefficient < 0; });
  if (positive || !parts.inverses.empty()) parts.signal = std::move(signal);
  for (Inverse& inverse : parts.inverses) inverse.sum = expressions::in_powers(inverse.sum, bases);
  return parts;
}

const CovarianceFormula::KnownDerivative& CovarianceFormula::known_derivative(
    const std::string& parameter) {
  const auto found = derivatives_.find(parameter);
  if (found != derivatives_.end()) return found->second;
  KnownDerivative known;
  const auto add = [&](expressions::Expression expression) {
    known.names.merge(expressions::factor_names(expression));
    return expression;
  };
  for (const Addend& addend : addends_) {
    DerivativeOfAddend& derivative = known.addends.emplace_back(DerivativeOfAddend{
        add(expressions::differentiate(expressions::Expression(addend.whole), parameter)),
        expressions::differentiate(addend.scale, parameter),
        {}});
    if (!addend.inverted) continue;
    derivative.inverted =
        add(expressions::differentiate(expressions::Expression(addend.inverted), parameter));
  }
  return derivatives_.emplace(parameter, std::move(known)).first->second;
}

const std::set<std::string>& CovarianceFormula::names_of_derivative(const std::string& parameter) {
  return known_derivative(parameter).names;
}

CovarianceFormula::Derivative CovarianceFormula::derivative(const std::string& parameter,
                                                            const Parameters& parameters,
                                                            const expressions::MatrixNames& names) {
  const KnownDerivative& known = known_derivative(parameter);
  const expressions::NodeFactory make(expression_.root());
  std::vector<expressions::FactorNodePtr> bases;
  Derivative result;
  NodePtr products;
  result.products = {expression_.row_extents(), expression_.col_extents(), {}};
  for (std::size_t i = 0; i < addends_.size(); ++i) {
    const DerivativeOfAddend& derivative = known.addends[i];
    if (!inverted_sum(addends_[i], parameters, names)) {
      if (has_ones_) {
        auto sum = expressions::simplify(derivative.whole, parameters, names);
        std::ranges::move(sum.terms, std::back_inserter(result.products.terms));
        continue;
      }
      products = products ? make.sum(products, derivative.whole.node()) : derivative.whole.node();
      continue;
    }
    if (bases.empty()) bases = bases_of(separate(parameters, names));
    result.inverses.push_back(
        {expressions::evaluate(*derivative.scale, parameters),
         expressions::in_powers(expressions::simplify(*derivative.inverted, parameters, names),
                                bases)});
  }
  if (products) {
    result.products =
        expressions::simplify(expressions::Expression(products, true), parameters, names);
  }
  return result;
}

}  // namespace kronwerk::application
