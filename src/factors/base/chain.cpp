#include "kronwerk/factors/base/chain.hpp"

#include <algorithm>
#include <iterator>

#include "kronwerk/core/error.hpp"
#include "kronwerk/factors/base/make.hpp"

namespace kronwerk::factors {

double Link::flops_per_fibre() const {
  if (!inverse) return factor->flops_per_fibre();
  if (const Factorisation* factorisation = factor->factorisation()) {
    return factorisation->flops_per_fibre();
  }
  // Not factorised yet. A dense solve costs as much as a product; a sparse one more, by the fill.
  return factor->flops_per_fibre() * (factor->kind() == Kind::sparse ? 4.0 : 1.0);
}

void Link::apply(ConstView x, View y) const {
  if (!inverse) {
    factor->apply(x, y, transposed);
    return;
  }
  const Factorisation* factorisation = factor->factorisation();
  if (factorisation == nullptr) {
    throw core::InternalError("the inverse of the factor '" + factor->name() +
                              "' is applied before it was factorised");
  }
  factorisation->solve(x, y, transposed);
}

Index rows(const Chain& chain) {
  return chain.front().rows();
}

Index cols(const Chain& chain) {
  return chain.back().cols();
}

double flops_per_fibre(const Chain& chain) {
  double sum = 0;
  for (const Link& link : chain) sum += link.flops_per_fibre();
  return sum;
}

bool is_identity(const Chain& chain) {
  return std::all_of(chain.begin(), chain.end(),
                     [](const Link& link) { return link.factor->kind() == Kind::identity; });
}

bool is_diagonal(const Chain& chain) {
  return std::ranges::all_of(chain, [](const Link& link) {
    return link.factor->kind() == Kind::identity || link.factor->kind() == Kind::diagonal;
  });
}

bool is_ones(const Chain& chain) {
  const Chain links = without_identities(chain);
  return links.size() == 1 && !links[0].inverse && is_ones(*links[0].factor);
}

Chain without_identities(const Chain& chain) {
  Chain result;
  std::ranges::copy_if(chain, std::back_inserter(result),
                       [](const Link& link) { return link.factor->kind() != Kind::identity; });
  if (result.empty()) return {chain.front()};
  return result;
}

std::string product_name(const Chain& chain) {
  std::string result;
  for (const Link& link : chain) {
    if (!result.empty()) result += "*";
    const std::string name = link.factor->name() + (link.transposed ? "'" : "");
    result += link.inverse ? "inv(" + name + ")" : name;
  }
  return result;
}

bool is_solve(const Link& link) {
  const Kind kind = link.factor->kind();
  return link.inverse && kind != Kind::identity && kind != Kind::diagonal;
}

Chain transposed(const Chain& chain) {
  Chain result(chain.rbegin(), chain.rend());
  for (Link& link : result) link.transposed = !link.transposed;
  return result;
}

Chain inverse(const Chain& chain) {
  Chain result(chain.rbegin(), chain.rend());
  for (Link& link : result) {
    if (link.rows() != link.cols()) {
      throw core::ShapeError(
          "the factor '" + link.factor->name() + "' is " + std::to_string(link.factor->rows()) +
          " x " + std::to_string(link.factor->cols()) + "; only square factors have an inverse");
    }
    link.inverse = !link.inverse;
  }
  return result;
}

std::vector<FactorPtr> to_factorise(const Chain& chain) {
  std::vector<FactorPtr> result;
  for (const Link& link : chain) {
    if (link.inverse && link.factor->factorisation() == nullptr &&
        std::find(result.begin(), result.end(), link.factor) == result.end()) {
      result.push_back(link.factor);
    }
  }
  return result;
}

}  // namespace kronwerk::factors
