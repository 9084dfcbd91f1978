#include "kronwerk/models/covariance/ones_estimate.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "models/ones/ones_core.hpp"

namespace kronwerk::models {

namespace {

/// Coordinates on which the terms act together: those whose modes without a reflection's first
/// coordinate have ones in none of a term.
double core_of(const core::Extents& extents, const std::vector<std::vector<TermPart>>& terms) {
  double result = 0;
  for (std::size_t subset = 0; subset < std::size_t{1} << extents.size(); ++subset) {
    const bool acts = std::ranges::any_of(terms, [&](const auto& term) {
      for (std::size_t mode = 0; mode < extents.size(); ++mode) {
        if ((subset >> mode & 1) != 0 && term[mode] == TermPart::ones) return false;
      }
      return true;
    });
    if (!acts) continue;
    double product = 1;
    for (std::size_t mode = 0; mode < extents.size(); ++mode) {
      if ((subset >> mode & 1) != 0) product *= static_cast<double>(extents[mode] - 1);
    }
    result += product;
  }
  return result;
}

}  // namespace

std::vector<bool> modes_with_mixed_ones(const std::vector<std::vector<TermPart>>& terms) {
  std::vector<bool> result;
  for (std::size_t mode = 0; mode < terms.front().size(); ++mode) {
    const auto has = [&](TermPart part) {
      return std::ranges::any_of(terms, [&](const auto& term) { return term[mode] == part; });
    };
    result.push_back(has(TermPart::ones) && has(TermPart::matrix));
  }
  return result;
}

OnesEstimate estimate_ones(const core::Extents& extents,
                           const std::vector<std::vector<TermPart>>& terms) {
  OnesEstimate result;
  const std::vector<bool> mixed = modes_with_mixed_ones(terms);
  result.needed = std::ranges::find(mixed, true) != mixed.end();
  if (!result.needed) return result;
  result.core = core_of(extents, terms);
  std::set<std::vector<bool>> sets;
  bool plain = false;
  for (const auto& term : terms) {
    std::vector<bool> ones;
    double columns = 1;
    bool any = false;
    for (std::size_t mode = 0; mode < extents.size(); ++mode) {
      ones.push_back(term[mode] == TermPart::ones);
      any = any || (mixed[mode] && ones.back());
      if (!ones.back()) columns *= static_cast<double>(extents[mode]);
    }
    plain = plain || !any;
    if (any && sets.insert(ones).second) result.columns += columns;
  }
  // The update costs less wherever a term acts on the whole grid, even where that is 4 x 4. Of
  // terms with ones alone the core is decomposed by reflections, which lose nothing, and once for
  // any noise.
  result.update = plain || result.core > static_cast<double>(OnesCore::most);
  return result;
}

double OnesEstimate::bytes_per_node() const noexcept {
  // The matrix, its decomposition and what that works in; or the matrix, its factor, the inverse
  // and two matrices on the way to them.
  return needed ? 8 * 5 * std::pow(update ? columns : core, 2) : 0;
}

}  // namespace kronwerk::models
