#include "kronwerk/expressions/powers.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "expressions/terms.hpp"

namespace kronwerk::expressions {
namespace {

/// Coefficients by their powers.
using Polynomial = std::map<int, double>;

constexpr int largest_power = 16;

std::optional<Polynomial> times(const std::optional<Polynomial>& a,
                                const std::optional<Polynomial>& b) {
  if (!a || !b) return std::nullopt;
  Polynomial result;
  for (const auto& [p, x] : *a) {
    for (const auto& [q, y] : *b) {
      if (std::abs(p + q) > largest_power) return std::nullopt;
      result[p + q] += x * y;
    }
  }
  return result;
}

FactorNodePtr factor_of(FactorLink link) {
  const std::shared_ptr<const FactorLeaf> leaf = link.leaf;
  auto whole = std::make_shared<const FactorNode>(
      FactorNode{leaf->rows, leaf->cols, {{leaf, false, false}}, leaf->text});
  return link.transposed ? transpose(whole) : whole;
}

std::optional<Polynomial> polynomial_of(const FactorNode& factor, const FactorNode& base) {
  if (factor.is_identity()) return Polynomial{{0, 1}};
  if (factor.text == base.text) return Polynomial{{1, 1}};
  std::optional<Polynomial> result = Polynomial{{0, 1}};
  for (const FactorLink& link : factor.links) {
    if (factor_of(link)->text == base.text) {
      result = times(result, Polynomial{{link.inverse ? -1 : 1, 1}});
      continue;
    }
    if (link.inverse || link.leaf->kind != FactorLeaf::Kind::sum) return std::nullopt;
    Polynomial sum;
    for (const auto& [coefficient, term] : link.leaf->terms) {
      const auto part = polynomial_of(link.transposed ? *transpose(term) : *term, base);
      if (!part) return std::nullopt;
      for (const auto& [power, value] : *part) sum[power] += coefficient * value;
    }
    result = times(result, sum);
  }
  return result;
}

/// What may be the base: the matrices in a factor, then its summands and itself.
void add_candidates(const FactorNodePtr& factor, std::vector<FactorNodePtr>& candidates) {
  for (const FactorLink& link : factor->links) {
    if (link.leaf->kind != FactorLeaf::Kind::sum) candidates.push_back(factor_of(link));
    for (const auto& [coefficient, term] : link.leaf->terms) {
      add_candidates(link.transposed ? transpose(term) : term, candidates);
    }
  }
  if (!factor->is_identity()) candidates.push_back(factor);
}

/// base^power; identities for 0.
FactorNodePtr power_of(const FactorNodePtr& base, int power) {
  FactorNodePtr result = identity_factor(base->rows);
  const FactorNodePtr step = power < 0 ? inverse(base) : base;
  for (int i = 0; i < std::abs(power); ++i) result = compose(result, step);
  return result;
}

std::vector<ScaledFactor> powers_of(const FactorNodePtr& factor, const FactorNodePtr& base) {
  const auto polynomial = base ? polynomial_of(*factor, *base) : std::nullopt;
  if (!polynomial) return {{1, factor}};
  std::vector<ScaledFactor> result;
  for (const auto& [power, coefficient] : *polynomial) {
    if (coefficient != 0) result.push_back({coefficient, power_of(base, power)});
  }
  return result;
}

/// Like terms, with the magnitudes of what was added, to tell zeros from rounding errors.
class Collected {
 public:
  void add(const ProductTerm& term) {
    std::vector<std::string> key;
    for (const FactorNodePtr& factor : term.factors) key.push_back(factor->text);
    const auto [found, is_new] = places_.try_emplace(std::move(key), terms_.size());
    if (is_new) {
      terms_.push_back({0, term.factors});
      magnitudes_.push_back(0);
    }
    terms_[found->second].coefficient += term.coefficient;
    magnitudes_[found->second] += std::abs(term.coefficient);
  }

  Terms terms() const {
    constexpr double rounding = 64 * std::numeric_limits<double>::epsilon();
    Terms result;
    for (std::size_t i = 0; i < terms_.size(); ++i) {
      if (std::abs(terms_[i].coefficient) > rounding * magnitudes_[i]) result.push_back(terms_[i]);
    }
    return result;
  }

 private:
  std::map<std::vector<std::string>, std::size_t> places_;
  Terms terms_;
  std::vector<double> magnitudes_;
};

}  // namespace

std::vector<FactorNodePtr> find_bases_of_powers(const std::vector<const SumOfProducts*>& sums) {
  std::vector<FactorNodePtr> result(sums.front()->row_extents.size());
  for (std::size_t mode = 0; mode < result.size(); ++mode) {
    std::vector<FactorNodePtr> factors, candidates;
    for (const SumOfProducts* sum : sums) {
      for (const ProductTerm& term : sum->terms) factors.push_back(term.factors[mode]);
    }
    for (const FactorNodePtr& factor : factors) add_candidates(factor, candidates);
    const auto found =
        std::find_if(candidates.begin(), candidates.end(), [&](const FactorNodePtr& candidate) {
          return std::all_of(factors.begin(), factors.end(), [&](const FactorNodePtr& factor) {
            return polynomial_of(*factor, *candidate).has_value();
          });
        });
    if (found != candidates.end()) result[mode] = *found;
  }
  return result;
}

SumOfProducts in_powers(const SumOfProducts& sum, const std::vector<FactorNodePtr>& bases) {
  Collected collected;
  std::size_t count = 0;
  for (const ProductTerm& term : sum.terms) {
    Terms parts{{term.coefficient, {}}};
    for (std::size_t mode = 0; mode < term.factors.size(); ++mode) {
      Terms longer;
      for (const ScaledFactor& power : powers_of(term.factors[mode], bases[mode])) {
        for (ProductTerm part : parts) {
          part.coefficient *= power.coefficient;
          part.factors.push_back(power.factor);
          longer.push_back(std::move(part));
        }
      }
      parts = std::move(longer);
      if (count + parts.size() > most_terms) return sum;
    }
    count += parts.size();
    for (const ProductTerm& part : parts) collected.add(part);
  }
  return {sum.row_extents, sum.col_extents, collected.terms()};
}

}  // namespace kronwerk::expressions
