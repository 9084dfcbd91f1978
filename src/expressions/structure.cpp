#include "kronwerk/expressions/structure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "expressions/function_of.hpp"
#include "expressions/terms.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::expressions {
namespace {

using Names = std::set<std::string>;

bool is_diagonal(const FactorNode& factor) {
  return std::all_of(factor.links.begin(), factor.links.end(), [](const FactorLink& link) {
    if (link.leaf->kind != FactorLeaf::Kind::sum) {
      return link.leaf->kind == FactorLeaf::Kind::diagonal;
    }
    return std::all_of(link.leaf->terms.begin(), link.leaf->terms.end(),
                       [](const auto& term) { return is_diagonal(*term.second); });
  });
}

/// Number of leaves, those below sums included.
std::size_t size_of(const FactorNode& factor) {
  std::size_t size = 0;
  for (const FactorLink& link : factor.links) {
    size += link.leaf->kind == FactorLeaf::Kind::sum ? 1 : 0;
    for (const auto& [coefficient, term] : link.leaf->terms) size += 1 + size_of(*term);
    if (link.leaf->terms.empty()) size += 1;
  }
  return size;
}

/// What may generate the factors of a mode: their matrices first, so that one decomposition serves
/// every value of the parameters, then what is composed of several, the smallest first.
class Candidates {
 public:
  explicit Candidates(const Names& symmetric) : symmetric_(symmetric) {}

  void add(const FactorNodePtr& factor) {
    for (const FactorLink& link : factor->links) {
      insert(without_inverse(link));
      for (const auto& [coefficient, term] : link.leaf->terms) {
        add(link.transposed ? transpose(term) : term);
      }
    }
    if (factor->links.size() < 2) return;
    const bool inverted = std::all_of(factor->links.begin(), factor->links.end(),
                                      [](const FactorLink& link) { return link.inverse; });
    insert(inverted ? inverse(factor) : factor);
  }

  std::vector<FactorNodePtr> in_order() const {
    std::vector<FactorNodePtr> result;
    for (const auto& [text, factor] : found_) result.push_back(factor);
    std::stable_sort(result.begin(), result.end(),
                     [](const auto& a, const auto& b) { return size_of(*a) < size_of(*b); });
    return result;
  }

 private:
  static FactorNodePtr without_inverse(const FactorLink& link) {
    const FactorNodePtr whole = std::make_shared<const FactorNode>(
        FactorNode{link.leaf->rows, link.leaf->cols, {{link.leaf, false, false}}, link.leaf->text});
    return link.transposed ? transpose(whole) : whole;
  }

  void insert(const FactorNodePtr& factor) {
    if (factor->rows != factor->cols) return;
    const std::string text = text_of(*factor, symmetric_);
    const auto [place, is_new] = found_.try_emplace(text, factor);
    // Of W and a symmetric W', the plain one.
    if (!is_new && factor->text.size() < place->second->text.size()) place->second = factor;
  }

  const Names& symmetric_;
  std::map<std::string, FactorNodePtr> found_;
};

/// The distinct factors of one mode, identities apart.
struct ModeFactors {
  bool identity = false;
  std::vector<FactorNodePtr> others;
};

ModeFactors factors_of_mode(const SumOfProducts& sum, std::size_t mode, const Names& symmetric) {
  ModeFactors result;
  Names texts;
  for (const ProductTerm& term : sum.terms) {
    const FactorNodePtr& factor = term.factors[mode];
    if (factor->is_identity()) {
      result.identity = true;
    } else if (texts.insert(text_of(*factor, symmetric)).second) {
      result.others.push_back(factor);
    }
  }
  return result;
}

FactorNodePtr find_generator(const ModeFactors& mode, const Names& symmetric) {
  Candidates candidates(symmetric);
  for (const FactorNodePtr& factor : mode.others) candidates.add(factor);
  for (const FactorNodePtr& candidate : candidates.in_order()) {
    const FunctionOf functions(*candidate, symmetric);
    const bool all =
        std::all_of(mode.others.begin(), mode.others.end(),
                    [&](const FactorNodePtr& factor) { return functions.holds(*factor); });
    if (all) return candidate;
  }
  return nullptr;
}

bool is_combination(const FactorNode& factor) {
  return factor.links.size() == 1 && !factor.links[0].inverse &&
         factor.links[0].leaf->kind == FactorLeaf::Kind::sum;
}

/// A factor as a combination of what stands in it, by text.
using Combination = std::map<std::string, double>;

Combination combination_of(const FactorNode& factor, const Names& symmetric) {
  Combination result;
  if (!is_combination(factor)) {
    result[text_of(factor, symmetric)] = 1;
    return result;
  }
  for (const auto& [coefficient, term] : factor.links[0].leaf->terms) {
    const auto part = factor.links[0].transposed ? transpose(term) : term;
    for (const auto& [text, weight] : combination_of(*part, symmetric)) {
      result[text] += coefficient * weight;
    }
  }
  return result;
}

double weight_of(const Combination& combination, const std::string& text) {
  const auto found = combination.find(text);
  return found == combination.end() ? 0 : found->second;
}

/// Factors, each once, in the order in which they came.
class DistinctFactors {
 public:
  explicit DistinctFactors(const Names& symmetric) : symmetric_(symmetric) {}

  void add(const FactorNodePtr& factor) {
    if (texts_.insert(text_of(*factor, symmetric_)).second) factors_.push_back(factor);
  }
  /// What combination_of() writes the factor with.
  void add_parts(const FactorNodePtr& factor) {
    if (!is_combination(*factor)) return add(factor);
    for (const auto& [coefficient, term] : factor->links[0].leaf->terms) {
      add_parts(factor->links[0].transposed ? transpose(term) : term);
    }
  }
  const std::vector<FactorNodePtr>& get() const { return factors_; }

 private:
  const Names& symmetric_;
  Names texts_;
  std::vector<FactorNodePtr> factors_;
};

/// A pair that all factors of the mode are combinations of, if there is one.
/// What stands in the formula comes before combinations of it, so that one decomposition serves
/// every value of the parameters, however simplify() wrote the sum.
std::optional<ModeStructure> find_pair(const ModeFactors& mode, const Names& symmetric) {
  if (mode.others.size() < 2) return std::nullopt;
  const auto in_span = [&](const FactorNodePtr& factor) {
    return weights_in_pair(*factor, *mode.others[0], *mode.others[1], symmetric).has_value();
  };
  if (mode.identity && !in_span(identity_factor(mode.others[0]->rows))) return std::nullopt;
  if (!std::all_of(mode.others.begin(), mode.others.end(), in_span)) return std::nullopt;
  // None of these is a multiple of another.
  DistinctFactors candidates(symmetric);
  for (const FactorNodePtr& factor : mode.others) candidates.add(factor);
  for (const FactorNodePtr& factor : mode.others) candidates.add_parts(factor);
  std::vector<std::pair<std::size_t, std::size_t>> found;  // size, place
  for (std::size_t i = 0; i < candidates.get().size(); ++i) {
    if (in_span(candidates.get()[i])) found.emplace_back(size_of(*candidates.get()[i]), i);
  }
  std::sort(found.begin(), found.end());
  const auto [first, second] = std::minmax(found[0].second, found[1].second);
  ModeStructure result{ModeStructure::Kind::pair, candidates.get()[first],
                       candidates.get()[second]};
  for (std::size_t i = 2; i < found.size(); ++i) {
    result.combinations.push_back(candidates.get()[found[i].second]);
  }
  return result;
}

ModeStructure structure_of(const ModeFactors& mode, const Names& symmetric) {
  using Kind = ModeStructure::Kind;
  if (mode.others.empty()) return {Kind::identity, nullptr, nullptr};
  if (std::all_of(mode.others.begin(), mode.others.end(),
                  [](const FactorNodePtr& factor) { return is_diagonal(*factor); })) {
    return {Kind::diagonal, nullptr, nullptr};
  }
  const bool square =
      std::all_of(mode.others.begin(), mode.others.end(),
                  [](const FactorNodePtr& factor) { return factor->rows == factor->cols; });
  if (!square) return {Kind::none, nullptr, nullptr};
  if (FactorNodePtr generator = find_generator(mode, symmetric)) {
    return {Kind::functions, std::move(generator), nullptr};
  }
  if (auto pair = find_pair(mode, symmetric)) return std::move(*pair);
  return {Kind::none, nullptr, nullptr};
}

std::string why_none(const ModeFactors& mode, std::size_t number) {
  constexpr std::size_t most_listed = 4;
  std::vector<std::string> names;
  if (mode.identity) names.emplace_back("I");
  for (const FactorNodePtr& factor : mode.others) {
    if (factor->rows != factor->cols) {
      return fmt::format("the factor '{}' of mode {} is {} x {}, not square", factor->text, number,
                         factor->rows, factor->cols);
    }
    if (names.size() < most_listed) names.push_back("'" + factor->text + "'");
  }
  const std::size_t count = mode.others.size() + (mode.identity ? 1 : 0);
  return fmt::format(
      "the factors of mode {} ({}{}) are neither functions of one matrix nor two "
      "matrices only",
      number, core::join(names, ", "), count > names.size() ? ", …" : "");
}

bool is_kronecker_sum(const SumOfProducts& sum) {
  std::set<std::size_t> used;
  bool shift = false;
  for (const ProductTerm& term : sum.terms) {
    std::vector<std::size_t> modes;
    for (std::size_t k = 0; k < term.factors.size(); ++k) {
      if (!term.factors[k]->is_identity()) modes.push_back(k);
    }
    if (modes.size() > 1 || (modes.empty() && shift)) return false;
    if (modes.empty()) {
      shift = true;
    } else if (!used.insert(modes.front()).second) {
      return false;
    }
  }
  return sum.row_extents == sum.col_extents;
}

}  // namespace

SpectralStructure find_structure(const SumOfProducts& sum, const Names& symmetric) {
  SpectralStructure result;
  result.modes.resize(sum.row_extents.size());
  const auto with_steps = std::find_if(sum.terms.begin(), sum.terms.end(),
                                       [](const ProductTerm& term) { return !term.steps.empty(); });
  if (with_steps != sum.terms.end()) {
    for (ModeStructure& mode : result.modes) mode.kind = ModeStructure::Kind::none;
    result.why_not = fmt::format("'{}' holds a diagonal over the whole grid", text(*with_steps));
    return result;
  }
  for (std::size_t k = 0; k < result.modes.size(); ++k) {
    const ModeFactors mode = factors_of_mode(sum, k, symmetric);
    result.modes[k] = structure_of(mode, symmetric);
    if (result.modes[k].kind == ModeStructure::Kind::none && result.why_not.empty()) {
      result.why_not = why_none(mode, k + 1);
    }
  }
  result.kronecker_sum = is_kronecker_sum(sum);
  return result;
}

std::optional<PairWeights> weights_in_pair(const FactorNode& factor, const FactorNode& first,
                                           const FactorNode& second, const Names& symmetric) {
  const std::string text = text_of(factor, symmetric);
  if (text == text_of(first, symmetric)) return PairWeights{1, 0};
  if (text == text_of(second, symmetric)) return PairWeights{0, 1};
  const Combination a = combination_of(first, symmetric);
  const Combination b = combination_of(second, symmetric);
  const Combination c = combination_of(factor, symmetric);
  std::set<std::string> parts;
  for (const Combination* combination : {&a, &b, &c}) {
    for (const auto& [part, weight] : *combination) parts.insert(part);
  }
  // By the two parts that determine the weights best; all others must agree.
  double largest = 0;
  PairWeights result;
  for (const std::string& p : parts) {
    for (const std::string& q : parts) {
      const double determinant =
          weight_of(a, p) * weight_of(b, q) - weight_of(a, q) * weight_of(b, p);
      if (!(std::abs(determinant) > largest)) continue;
      largest = std::abs(determinant);
      result.first =
          (weight_of(c, p) * weight_of(b, q) - weight_of(c, q) * weight_of(b, p)) / determinant;
      result.second =
          (weight_of(a, p) * weight_of(c, q) - weight_of(a, q) * weight_of(c, p)) / determinant;
    }
  }
  constexpr double rounding = 64 * std::numeric_limits<double>::epsilon();
  for (const std::string& part : parts) {
    const double x = result.first * weight_of(a, part);
    const double y = result.second * weight_of(b, part);
    const double size = std::abs(x) + std::abs(y) + std::abs(weight_of(c, part));
    if (!(std::abs(x + y - weight_of(c, part)) <= rounding * size)) return std::nullopt;
  }
  return result;
}

std::vector<std::complex<double>> evaluate_at(const FactorNode& factor, const FactorNode& generator,
                                              std::span<const std::complex<double>> eigenvalues,
                                              const Names& symmetric) {
  const FunctionOf function(generator, symmetric);
  double largest = 0;
  for (const auto& eigenvalue : eigenvalues) largest = std::max(largest, std::abs(eigenvalue));
  std::vector<std::complex<double>> values;
  for (const auto& eigenvalue : eigenvalues) {
    values.push_back(function.at(factor, eigenvalue, largest));
  }
  return values;
}

}  // namespace kronwerk::expressions
