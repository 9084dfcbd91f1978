#include "kronwerk/expressions/factor_node.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace kronwerk::expressions {
namespace {

bool transposing_changes(const FactorLink& link) {
  return link.leaf->kind != FactorLeaf::Kind::diagonal && link.leaf->kind != FactorLeaf::Kind::ones;
}

std::string link_text(const FactorLink& link, bool alone) {
  const bool bare = link.leaf->kind != FactorLeaf::Kind::sum || (alone && !link.transposed);
  std::string text =
      bare || (link.inverse && !link.transposed) ? link.leaf->text : "(" + link.leaf->text + ")";
  if (link.transposed) text += "'";
  return link.inverse ? "inv(" + text + ")" : text;
}

FactorNodePtr make(Index rows, Index cols, std::vector<FactorLink> links) {
  std::string text;
  for (const FactorLink& link : links) {
    if (!text.empty()) text += "*";
    text += link_text(link, links.size() == 1);
  }
  if (links.empty()) text = "I";
  return std::make_shared<const FactorNode>(FactorNode{rows, cols, std::move(links), text});
}

FactorNodePtr of_leaf(FactorLeaf leaf) {
  const Index rows = leaf.rows;
  const Index cols = leaf.cols;
  return make(rows, cols, {{std::make_shared<const FactorLeaf>(std::move(leaf)), false, false}});
}

std::string term_text(double coefficient, const std::string& factor, bool first) {
  const double size = std::abs(coefficient);
  const char* sign = coefficient < 0 ? (first ? "-" : " - ") : (first ? "" : " + ");
  // Fifteen digits: numbers that agree to rounding have the same text.
  return size == 1 ? fmt::format("{}{}", sign, factor)
                   : fmt::format("{}{:.15g}*{}", sign, size, factor);
}

/// A sum that is a term of a sum becomes part of it.
void append_flat(std::vector<std::pair<double, FactorNodePtr>>& flat, double coefficient,
                 const FactorNodePtr& factor) {
  const bool plain_sum = factor->links.size() == 1 && !factor->links[0].transposed &&
                         !factor->links[0].inverse &&
                         factor->links[0].leaf->kind == FactorLeaf::Kind::sum;
  if (plain_sum) {
    for (const auto& [inner, term] : factor->links[0].leaf->terms) {
      append_flat(flat, coefficient * inner, term);
    }
    return;
  }
  const auto like = std::find_if(flat.begin(), flat.end(), [&](const auto& term) {
    return term.second->text == factor->text;
  });
  if (like == flat.end()) {
    flat.emplace_back(coefficient, factor);
  } else {
    const double before = like->first;
    like->first += coefficient;
    constexpr double rounding = 4e-16;
    if (std::abs(like->first) <= rounding * std::abs(before)) like->first = 0;
  }
}

/// Identities first, then by text, so that A + B and B + A are one matrix and rho*W - I is -(I -
/// rho*W).
bool goes_before(const FactorNode& a, const FactorNode& b) {
  return a.is_identity() != b.is_identity() ? a.is_identity() : a.text < b.text;
}

/// The number to divide a sum by: its first coefficient, or only that one's sign where it is so
/// small beside the others that the factor would be out of scale.
double normaliser(const std::vector<std::pair<double, FactorNodePtr>>& terms) {
  constexpr double largest_ratio = 1e8;
  const double leading = terms.front().first;
  const bool safe = std::all_of(terms.begin(), terms.end(), [&](const auto& term) {
    return std::abs(term.first / leading) <= largest_ratio;
  });
  return safe ? leading : std::copysign(1.0, leading);
}

}  // namespace

bool is_plain(const FactorNode& factor) {
  return factor.links.empty() || (factor.links.size() == 1 && !factor.links[0].inverse);
}

FactorNodePtr identity_factor(Index extent) {
  return make(extent, extent, {});
}

FactorNodePtr matrix_factor(const std::string& name, Index rows, Index cols) {
  return of_leaf({FactorLeaf::Kind::matrix, rows, cols, {}, name});
}

FactorNodePtr diagonal_factor(const std::string& name, Index extent) {
  return of_leaf({FactorLeaf::Kind::diagonal, extent, extent, {}, "diag(" + name + ")"});
}

FactorNodePtr ones_factor(Index extent) {
  return of_leaf({FactorLeaf::Kind::ones, extent, extent, {}, fmt::format("ones({})", extent)});
}

FactorNodePtr transpose(const FactorNodePtr& factor) {
  std::vector<FactorLink> links(factor->links.rbegin(), factor->links.rend());
  for (FactorLink& link : links) {
    if (transposing_changes(link)) link.transposed = !link.transposed;
  }
  return make(factor->cols, factor->rows, std::move(links));
}

FactorNodePtr inverse(const FactorNodePtr& factor) {
  std::vector<FactorLink> links(factor->links.rbegin(), factor->links.rend());
  const bool square_links = std::all_of(links.begin(), links.end(), [](const FactorLink& link) {
    return link.leaf->rows == link.leaf->cols;
  });
  if (!square_links) {
    // B'B is square although its links are not: it becomes one leaf.
    FactorLeaf leaf{
        FactorLeaf::Kind::sum, factor->rows, factor->cols, {{1.0, factor}}, factor->text};
    return make(factor->rows, factor->cols,
                {{std::make_shared<const FactorLeaf>(std::move(leaf)), false, true}});
  }
  for (FactorLink& link : links) link.inverse = !link.inverse;
  return make(factor->rows, factor->cols, std::move(links));
}

FactorNodePtr compose(const FactorNodePtr& a, const FactorNodePtr& b) {
  std::vector<FactorLink> links = a->links;
  for (const FactorLink& link : b->links) {
    const bool cancels = !links.empty() && links.back().leaf->text == link.leaf->text &&
                         links.back().transposed == link.transposed &&
                         links.back().inverse != link.inverse;
    if (cancels) {
      links.pop_back();
    } else {
      links.push_back(link);
    }
  }
  return make(a->rows, b->cols, std::move(links));
}

ScaledFactor sum(const std::vector<std::pair<double, FactorNodePtr>>& terms) {
  std::vector<std::pair<double, FactorNodePtr>> flat;
  for (const auto& [coefficient, factor] : terms) append_flat(flat, coefficient, factor);
  std::erase_if(flat, [](const auto& term) { return term.first == 0; });
  if (flat.empty()) return {0, terms.front().second};
  if (flat.size() == 1) return {flat.front().first, flat.front().second};
  std::stable_sort(flat.begin(), flat.end(),
                   [](const auto& a, const auto& b) { return goes_before(*a.second, *b.second); });
  const double leading = normaliser(flat);
  FactorLeaf leaf{
      FactorLeaf::Kind::sum, flat.front().second->rows, flat.front().second->cols, {}, {}};
  for (const auto& [coefficient, factor] : flat) {
    leaf.text += term_text(coefficient / leading, factor->text, leaf.terms.empty());
    leaf.terms.emplace_back(coefficient / leading, factor);
  }
  return {leading, of_leaf(std::move(leaf))};
}

}  // namespace kronwerk::expressions
