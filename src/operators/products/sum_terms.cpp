#include "operators/products/sum_terms.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kronwerk::operators {
namespace {

using factors::Chain;
using factors::Link;

bool same(const Chain& a, const Chain& b) {
  if (factors::is_identity(a) && factors::is_identity(b)) {
    return factors::rows(a) == factors::rows(b);
  }
  return a == b;
}

int find_or_add(std::vector<Chain>& chains, const Chain& chain) {
  const Chain lean = without_identities(chain);
  const auto found = std::find_if(chains.begin(), chains.end(),
                                  [&](const Chain& other) { return same(other, lean); });
  if (found != chains.end()) return static_cast<int>(found - chains.begin());
  chains.push_back(lean);
  return static_cast<int>(chains.size()) - 1;
}

void check_links(const Chain& chain, std::size_t term, std::size_t mode) {
  if (chain.empty()) {
    throw core::ShapeError(fmt::format("term {} of a sum has no factor in mode {}", term, mode));
  }
  for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
    if (chain[i].cols() == chain[i + 1].rows()) continue;
    throw core::ShapeError(fmt::format(
        "term {} of a sum, mode {}: '{}' with {} columns cannot be multiplied by '{}' with {} rows",
        term, mode, chain[i].factor->name(), chain[i].cols(), chain[i + 1].factor->name(),
        chain[i + 1].rows()));
  }
}

}  // namespace

std::vector<Chain> SumTerms::chains(std::size_t first_mode, std::span<const int> part) const {
  std::vector<Chain> result;
  for (std::size_t k = 0; k < part.size(); ++k) {
    result.push_back(matrices[first_mode + k][static_cast<std::size_t>(part[k])]);
  }
  return result;
}

void check_terms(std::span<const ScaledProduct> terms) {
  if (terms.empty() || terms.front().chains.empty()) {
    throw core::ShapeError("a sum of products needs at least one term with one factor");
  }
  const auto& first = terms.front().chains;
  for (std::size_t t = 0; t < terms.size(); ++t) {
    const auto& chains = terms[t].chains;
    if (chains.size() != first.size()) {
      throw core::ShapeError(fmt::format("term {} of a sum has {} factors, but term 1 has {}",
                                         t + 1, chains.size(), first.size()));
    }
    for (std::size_t mode = 0; mode < chains.size(); ++mode) {
      check_links(chains[mode], t + 1, mode + 1);
      const Index rows = factors::rows(chains[mode]);
      const Index cols = factors::cols(chains[mode]);
      if (rows == factors::rows(first[mode]) && cols == factors::cols(first[mode])) continue;
      throw core::ShapeError(fmt::format(
          "term {} of a sum has a factor of {} x {} in mode {}, but term 1 has one of "
          "{} x {}; all terms must have the same shape",
          t + 1, rows, cols, mode + 1, factors::rows(first[mode]), factors::cols(first[mode])));
    }
  }
}

SumTerms collect_terms(std::span<const ScaledProduct> terms) {
  SumTerms result;
  result.matrices.resize(terms.front().chains.size());
  for (const ScaledProduct& term : terms) {
    distribution::SumShape::Term indices{term.scale, {}};
    for (std::size_t mode = 0; mode < term.chains.size(); ++mode) {
      indices.matrices.push_back(find_or_add(result.matrices[mode], term.chains[mode]));
    }
    auto& known = result.shape.terms;
    const auto like = std::find_if(known.begin(), known.end(), [&](const auto& other) {
      return other.matrices == indices.matrices;
    });
    if (like != known.end()) {
      like->coefficient += indices.coefficient;
    } else {
      known.push_back(std::move(indices));
    }
  }
  for (const auto& matrices : result.matrices) {
    auto& costs = result.shape.modes.emplace_back();
    for (const Chain& chain : matrices) {
      costs.push_back({.rows = factors::rows(chain),
                       .cols = factors::cols(chain),
                       .flops_per_fibre = factors::flops_per_fibre(chain),
                       .identity = factors::is_identity(chain)});
    }
  }
  return result;
}

}  // namespace kronwerk::operators
