// Declared in kronwerk/operators/nearest/nearest_kronecker.hpp.
// Op P⁻¹ for a sum of products Op and a product P of the same factors. In mode k one factor, the
// pivot, is written as (P_k - Σ_{j≠pivot} p_j F_j) / p_pivot; P_k P_k⁻¹ is the identity.
// See src/MATHEMATICS.md, "Krylov methods and the nearest product".
#include <algorithm>
#include <cmath>
#include <map>

#include "kronwerk/operators/nearest/nearest_kronecker.hpp"

namespace kronwerk::operators {
namespace {

// A pivot other than the identity must weigh at least this part of the heaviest factor, for its
// coefficient is divided by.
constexpr double least_pivot = 1e-3;
// What is left where coefficients cancel.
constexpr double rounding = 1e-14;

struct Merged {
  double sum = 0;
  double magnitude = 0;  ///< Σ of what was added, without signs
};

/// The factor to replace by P_k: the heaviest one that is no identity, if it weighs enough; then
/// the identity has P_k⁻¹ as its image, which needs no product.
int pivot_of(const FactorGrams& sum, std::size_t mode, const std::vector<double>& coefficients,
             int identity) {
  const std::size_t count = coefficients.size();
  const auto weight = [&](int i) {
    const auto place = static_cast<std::size_t>(i);
    return i < 0 ? 0.0
                 : std::abs(coefficients[place]) *
                       std::sqrt(std::max(0.0, sum.grams[mode][place * count + place]));
  };
  int heaviest = -1;
  for (int i = 0; i < static_cast<int>(count); ++i) {
    if (i != identity && (heaviest < 0 || weight(i) > weight(heaviest))) heaviest = i;
  }
  return heaviest >= 0 && weight(heaviest) >= least_pivot * weight(identity) ? heaviest : identity;
}

}  // namespace

CombinedSum combine_with_inverse(const FactorGrams& sum,
                                 const std::vector<std::vector<double>>& coefficients,
                                 const std::vector<int>& identities) {
  CombinedSum result;
  for (std::size_t k = 0; k < coefficients.size(); ++k) {
    result.pivots.push_back(pivot_of(sum, k, coefficients[k], identities[k]));
  }
  std::map<std::vector<int>, Merged> merged;
  for (const auto& term : sum.terms) {
    std::map<std::vector<int>, double> images{{{}, term.coefficient}};
    for (std::size_t k = 0; k < coefficients.size(); ++k) {
      const int pivot = result.pivots[k];
      std::map<std::vector<int>, double> longer;
      for (const auto& [places, value] : images) {
        const auto append = [&, &prefix = places](int factor, double weight) {
          auto key = prefix;
          key.push_back(factor);
          if (weight != 0) longer[key] += weight;
        };
        if (term.factors[k] != pivot) {
          append(term.factors[k], value);
          continue;
        }
        const double divided = value / coefficients[k][static_cast<std::size_t>(pivot)];
        for (int j = 0; j < static_cast<int>(coefficients[k].size()); ++j) {
          append(j, j == pivot ? divided : -divided * coefficients[k][static_cast<std::size_t>(j)]);
        }
      }
      images = std::move(longer);
    }
    for (const auto& [places, value] : images) {
      merged[places].sum += value;
      merged[places].magnitude += std::abs(value);
    }
  }
  for (const auto& [places, value] : merged) {
    if (std::abs(value.sum) > rounding * value.magnitude) {
      result.terms.push_back({value.sum, places});
    }
  }
  return result;
}

}  // namespace kronwerk::operators
