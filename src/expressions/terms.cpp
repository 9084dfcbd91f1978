#include "expressions/terms.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace kronwerk::expressions {
namespace {

using Factors = std::vector<FactorNodePtr>;

bool all_identities(const Factors& factors) {
  return std::all_of(factors.begin(), factors.end(),
                     [](const auto& factor) { return factor->is_identity(); });
}

std::string product_text(const Factors& factors) {
  std::string text;
  for (const FactorNodePtr& factor : factors) {
    if (!text.empty()) text += ", ";
    text += factor->text;
  }
  return factors.size() > 1 ? "kron(" + text + ")" : text;
}

std::string steps_text(const std::vector<GridStep>& steps) {
  std::string text;
  for (const GridStep& step : steps) {
    for (const GridDiagonal& diagonal : step.diagonals) {
      text += text.empty() ? "" : "*";
      text += diagonal.inverse ? "inv(diag(" + diagonal.name + "))" : "diag(" + diagonal.name + ")";
    }
    if (!all_identities(step.factors)) text += "*" + product_text(step.factors);
  }
  return text;
}

/// The only mode in which two terms differ, if there is one; -1 if they are alike.
std::optional<std::ptrdiff_t> single_difference(const ProductTerm& a, const ProductTerm& b) {
  if (steps_text(a.steps) != steps_text(b.steps)) return std::nullopt;
  std::ptrdiff_t mode = -1;
  for (std::size_t k = 0; k < a.factors.size(); ++k) {
    if (a.factors[k]->text == b.factors[k]->text) continue;
    if (mode >= 0) return std::nullopt;
    mode = static_cast<std::ptrdiff_t>(k);
  }
  return mode;
}

/// a + b as one term, if they differ in one mode at most. With several modes, two terms that are
/// applied as they are are better than one whose factor must be formed first.
bool merge_into(ProductTerm& a, const ProductTerm& b, Forming forming) {
  const auto mode = single_difference(a, b);
  if (!mode) return false;
  const auto k = static_cast<std::size_t>(std::max<std::ptrdiff_t>(*mode, 0));
  const bool formed = !is_plain(*a.factors[k]) || !is_plain(*b.factors[k]);
  if (*mode >= 0 && formed && forming == Forming::avoided) return false;
  const ScaledFactor merged = sum({{a.coefficient, a.factors[k]}, {b.coefficient, b.factors[k]}});
  a.coefficient = merged.coefficient;
  a.factors[k] = merged.factor;
  return true;
}

void add_merged(Terms& terms, ProductTerm term, Forming forming) {
  if (term.coefficient == 0) return;
  for (auto other = terms.begin(); other != terms.end(); ++other) {
    if (!merge_into(*other, term, forming)) continue;
    ProductTerm merged = std::move(*other);
    terms.erase(other);
    return add_merged(terms, std::move(merged), forming);
  }
  terms.push_back(std::move(term));
}

Factors& last_product(ProductTerm& term) {
  return term.steps.empty() ? term.factors : term.steps.back().factors;
}

void compose_last(ProductTerm& term, const Factors& factors) {
  Factors& last = last_product(term);
  for (std::size_t k = 0; k < last.size(); ++k) last[k] = compose(last[k], factors[k]);
}

/// Diagonals commute: they are kept in order of their names, and v / v is dropped.
void multiply_diagonal(std::vector<GridDiagonal>& diagonals, const GridDiagonal& diagonal) {
  const auto opposite = std::find_if(diagonals.begin(), diagonals.end(), [&](const auto& other) {
    return other.name == diagonal.name && other.inverse != diagonal.inverse;
  });
  if (opposite != diagonals.end()) {
    diagonals.erase(opposite);
    return;
  }
  const auto after = std::find_if(diagonals.begin(), diagonals.end(),
                                  [&](const auto& other) { return other.name > diagonal.name; });
  diagonals.insert(after, diagonal);
}

/// Diagonals with nothing but identities between them become one step.
void append_step(ProductTerm& term, const GridStep& step) {
  if (term.steps.empty() || !all_identities(term.steps.back().factors)) {
    term.steps.push_back(step);
    return;
  }
  auto& diagonals = term.steps.back().diagonals;
  for (const GridDiagonal& diagonal : step.diagonals) multiply_diagonal(diagonals, diagonal);
  if (diagonals.empty()) {
    term.steps.pop_back();
    compose_last(term, step.factors);
  } else {
    term.steps.back().factors = step.factors;
  }
}

/// Reverses the order of the products and of the diagonals between them.
ProductTerm reversed(const ProductTerm& term) {
  ProductTerm result{
      term.coefficient, term.steps.empty() ? term.factors : term.steps.back().factors, {}};
  for (std::size_t s = term.steps.size(); s-- > 0;) {
    result.steps.push_back(
        {term.steps[s].diagonals, s == 0 ? term.factors : term.steps[s - 1].factors});
  }
  return result;
}

}  // namespace

Terms merged(Terms terms) {
  const bool one_mode = terms.empty() || terms.front().factors.size() <= 1;
  return merged(std::move(terms), one_mode ? Forming::allowed : Forming::avoided);
}

Terms merged(Terms terms, Forming forming) {
  Terms result;
  for (ProductTerm& term : terms) add_merged(result, std::move(term), forming);
  return result;
}

Terms scaled(Terms terms, double factor) {
  for (ProductTerm& term : terms) term.coefficient *= factor;
  std::erase_if(terms, [](const ProductTerm& term) { return term.coefficient == 0; });
  return terms;
}

Terms identity_terms(const Extents& extents) {
  ProductTerm term;
  for (const Index extent : extents) term.factors.push_back(identity_factor(extent));
  return {term};
}

Terms grid_diagonal_terms(const std::string& name, const Extents& grid) {
  Terms result = identity_terms(grid);
  result.front().steps.push_back({{{name, false}}, result.front().factors});
  return result;
}

Terms composed(const Terms& a, const Terms& b) {
  Terms result;
  for (const ProductTerm& left : a) {
    for (const ProductTerm& right : b) {
      ProductTerm term = left;
      term.coefficient *= right.coefficient;
      compose_last(term, right.factors);
      for (const GridStep& step : right.steps) append_step(term, step);
      result.push_back(std::move(term));
    }
  }
  return merged(std::move(result));
}

Terms joined(const Terms& a, const Terms& b) {
  Terms result;
  for (const ProductTerm& left : a) {
    for (const ProductTerm& right : b) {
      ProductTerm term{left.coefficient * right.coefficient, left.factors};
      term.factors.insert(term.factors.end(), right.factors.begin(), right.factors.end());
      result.push_back(std::move(term));
    }
  }
  return result;
}

ProductTerm transpose(const ProductTerm& term) {
  ProductTerm result = reversed(term);
  for (FactorNodePtr& factor : result.factors) factor = transpose(factor);
  for (GridStep& step : result.steps) {
    for (FactorNodePtr& factor : step.factors) factor = transpose(factor);
  }
  return result;
}

ProductTerm inverse(const ProductTerm& term) {
  ProductTerm result = reversed(term);
  result.coefficient = 1 / term.coefficient;
  for (FactorNodePtr& factor : result.factors) factor = inverse(factor);
  for (GridStep& step : result.steps) {
    for (GridDiagonal& diagonal : step.diagonals) diagonal.inverse = !diagonal.inverse;
    for (FactorNodePtr& factor : step.factors) factor = inverse(factor);
  }
  return result;
}

std::vector<const Factors*> products(const ProductTerm& term) {
  std::vector<const Factors*> result{&term.factors};
  for (const GridStep& step : term.steps) result.push_back(&step.factors);
  return result;
}

std::string text(const ProductTerm& term) {
  if (term.steps.empty()) return product_text(term.factors);
  const bool bare = all_identities(term.factors);
  return (bare ? "" : product_text(term.factors) + "*") + steps_text(term.steps);
}

}  // namespace kronwerk::expressions
