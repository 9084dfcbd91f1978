#include "kronwerk/expressions/lowering.hpp"

#include <algorithm>
#include <set>

#include "expressions/terms.hpp"
#include "kronwerk/expressions/factor_node.hpp"
#include "kronwerk/factors/base/make.hpp"

namespace kronwerk::expressions {

using factors::Chain;
using factors::FactorPtr;
using factors::Link;

/// Builds factors, each canonical text once.
struct Lowering::State {
  const communication::Communicator* comm;
  std::map<std::string, FactorPtr> built;
  std::set<std::string> data;  ///< of these, what was given and not built
  /// Matrices that are given as products of others.
  std::map<std::string, Chain> given;

  FactorPtr identity(Index extent) {
    FactorPtr& factor = built["I " + std::to_string(extent)];
    if (!factor) factor = factors::make_identity(extent);
    return factor;
  }

  FactorPtr leaf(const FactorLeaf& leaf) {
    const auto found = built.find(leaf.text);
    if (found != built.end()) return found->second;
    if (const auto product = given.find(leaf.text); product != given.end()) {
      return built[leaf.text] = factors::materialise(*comm, leaf.text, product->second);
    }
    if (leaf.kind == FactorLeaf::Kind::ones) {
      return built[leaf.text] = factors::make_ones(leaf.rows, leaf.cols);
    }
    if (leaf.kind != FactorLeaf::Kind::sum) {
      throw core::InternalError("no data were given for '" + leaf.text + "'");
    }
    std::vector<std::pair<double, FactorPtr>> terms;
    for (const auto& [coefficient, term] : leaf.terms) {
      terms.emplace_back(coefficient, explicit_factor(*term));
    }
    FactorPtr factor = factors::linear_combination(*comm, leaf.text, terms);
    built[leaf.text] = factor;
    return factor;
  }

  Chain chain(const FactorNode& node) {
    if (node.is_identity()) return {{identity(node.rows), false, false}};
    Chain result;
    for (const FactorLink& link : node.links) {
      const auto product = given.find(link.leaf->text);
      if (product == given.end()) {
        result.push_back({leaf(*link.leaf), link.transposed, link.inverse});
        continue;
      }
      Chain whole = product->second;
      if (link.transposed) whole = factors::transposed(whole);
      if (link.inverse) whole = factors::inverse(whole);
      result.insert(result.end(), whole.begin(), whole.end());
    }
    return result;
  }

  /// A term of a sum as one matrix: products of plain matrices stay sparse if they are.
  FactorPtr explicit_factor(const FactorNode& node) {
    if (node.is_identity()) return identity(node.rows);
    const auto found = built.find(node.text);
    if (found != built.end()) return found->second;
    if (given.contains(node.text)) return leaf(*node.links.front().leaf);
    return built[node.text] = factors::multiply(*comm, node.text, chain(node));
  }
};

Lowering::Lowering(const communication::Communicator& comm,
                   std::map<std::string, FactorPtr> matrices)
    : state_(std::make_shared<State>(State{&comm, {}, {}, {}})) {
  for (auto& [name, factor] : matrices) {
    state_->built["diag(" + name + ")"] = factor;
    state_->data.insert({name, "diag(" + name + ")"});
    state_->built[name] = std::move(factor);
  }
}

void Lowering::add(const std::string& name, FactorPtr matrix) {
  state_->data.insert(name);
  state_->built[name] = std::move(matrix);
}

void Lowering::add(const std::string& name, Chain product) {
  state_->given[name] = std::move(product);
}

void Lowering::forget_unused() {
  std::erase_if(state_->built, [&](const auto& entry) {
    return !state_->data.contains(entry.first) && entry.second.use_count() == 1;
  });
}

std::vector<LoweredProduct> Lowering::lower(const SumOfProducts& sum) {
  std::vector<LoweredProduct> result;
  for (const ProductTerm& term : sum.terms) {
    LoweredProduct product{term.coefficient, {}, text(term), {}};
    for (const auto& factor : term.factors) {
      product.chains.push_back(state_->chain(*factor));
    }
    for (const GridStep& step : term.steps) {
      LoweredProduct::Step lowered{step.diagonals, {}};
      for (const auto& factor : step.factors) lowered.chains.push_back(state_->chain(*factor));
      product.steps.push_back(std::move(lowered));
    }
    result.push_back(std::move(product));
  }
  return result;
}

factors::Chain Lowering::lower(const FactorNode& factor) {
  return state_->chain(factor);
}

factors::FactorPtr Lowering::explicit_factor(const FactorNode& factor) {
  const bool plain =
      factor.links.size() == 1 && !factor.links[0].inverse && !factor.links[0].transposed;
  return plain ? state_->leaf(*factor.links[0].leaf) : state_->explicit_factor(factor);
}

}  // namespace kronwerk::expressions
