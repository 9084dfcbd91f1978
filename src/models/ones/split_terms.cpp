#include "models/ones/split_terms.hpp"

#include <algorithm>

#include "kronwerk/models/covariance/ones_estimate.hpp"

namespace kronwerk::models {

using factors::Chain;

namespace {

std::vector<std::vector<TermPart>> parts_of(const std::vector<ScaledProduct>& signal) {
  std::vector<std::vector<TermPart>> result;
  for (const ScaledProduct& term : signal) {
    auto& parts = result.emplace_back();
    for (const Chain& chain : term.chains) {
      parts.push_back(is_ones(chain)                ? TermPart::ones
                      : factors::is_identity(chain) ? TermPart::identity
                                                    : TermPart::matrix);
    }
  }
  return result;
}

}  // namespace

std::vector<ScaledProduct> effective_terms(const CovarianceTerms& terms) {
  std::vector<ScaledProduct> result;
  for (const ScaledProduct& term : terms.signal) {
    if (term.scale != 0) result.push_back(term);
  }
  if (terms.noise && terms.noise->scale != 0) result.push_back(*terms.noise);
  return result;
}

SplitTerms split_terms(const Extents& extents, const CovarianceTerms& terms) {
  SplitTerms result;
  result.plain = effective_terms(terms);
  const bool noisy = terms.noise && terms.noise->scale != 0;
  if (!noisy || !terms.inverses.empty() || terms.signal.empty()) return result;
  auto parts = parts_of(terms.signal);
  const bool scalar = std::ranges::all_of(terms.noise->chains,
                                          [](const Chain& c) { return factors::is_identity(c); });
  if (!scalar && !std::ranges::all_of(contents(result.plain, {}), has_basis)) {
    parts.push_back(parts_of({*terms.noise}).front());
  }
  const OnesEstimate estimate = estimate_ones(extents, parts);
  if (!estimate.needed) return result;
  const std::vector<bool> mixed = modes_with_mixed_ones(parts);
  const auto with_ones = [&](const ScaledProduct& term) {
    for (std::size_t mode = 0; mode < mixed.size(); ++mode) {
      if (mixed[mode] && is_ones(term.chains[mode])) return true;
    }
    return false;
  };
  result.plain.clear();
  for (ScaledProduct& term : effective_terms(terms)) {
    (with_ones(term) ? result.with_ones : result.plain).push_back(std::move(term));
  }
  result.modes = contents_beside_ones(result.plain, result.with_ones, mixed);
  result.through_core =
      (scalar && !estimate.update) || !std::ranges::all_of(result.modes, has_basis);
  return result;
}

}  // namespace kronwerk::models
