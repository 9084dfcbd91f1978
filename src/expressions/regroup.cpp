#include "expressions/regroup.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace kronwerk::expressions {
namespace {

using Factors = std::vector<FactorNodePtr>;

/// Numbers that differ by less, relative to what they were summed from, agree to rounding.
constexpr double rounding = 64 * std::numeric_limits<double>::epsilon();

/// A number with the sum of the magnitudes that it was computed from.
struct Sum {
  double value = 0;
  double magnitude = 0;

  void add(double term) { add(term, std::abs(term)); }
  void add(double term, double size) {
    value += term;
    magnitude += size;
  }
  bool vanishes() const { return std::abs(value) <= rounding * magnitude; }
};

/// The summands of a factor, none of which has to be formed; the factor itself if it has none.
std::vector<std::pair<double, FactorNodePtr>> atoms_of(const FactorNodePtr& factor) {
  const bool sum = factor->links.size() == 1 && !factor->links[0].inverse &&
                   factor->links[0].leaf->kind == FactorLeaf::Kind::sum;
  if (!sum) return {{1, factor}};
  std::vector<std::pair<double, FactorNodePtr>> result;
  for (const auto& [coefficient, term] : factor->links[0].leaf->terms) {
    if (!is_plain(*term)) return {{1, factor}};
    result.emplace_back(coefficient, factor->links[0].transposed ? transpose(term) : term);
  }
  return result;
}

/// Σ c (atom ⊗ … ⊗ atom): the coefficients by the texts of the atoms.
struct Expansion {
  struct Entry {
    Factors atoms;
    Sum coefficient;
  };
  std::map<std::vector<std::string>, Entry> entries;
};

std::vector<std::string> texts(const Factors& factors) {
  std::vector<std::string> result;
  for (const auto& factor : factors) result.push_back(factor->text);
  return result;
}

std::optional<Expansion> expanded(const Terms& terms) {
  Expansion result;
  for (const ProductTerm& term : terms) {
    std::vector<std::pair<double, Factors>> parts{{term.coefficient, {}}};
    for (const FactorNodePtr& factor : term.factors) {
      std::vector<std::pair<double, Factors>> longer;
      for (const auto& [coefficient, atom] : atoms_of(factor)) {
        for (auto part : parts) {
          part.first *= coefficient;
          part.second.push_back(atom);
          longer.push_back(std::move(part));
        }
      }
      parts = std::move(longer);
      if (result.entries.size() + parts.size() > most_terms) return std::nullopt;
    }
    for (auto& [coefficient, atoms] : parts) {
      auto& entry = result.entries[texts(atoms)];
      entry.coefficient.add(coefficient);
      entry.atoms = std::move(atoms);
    }
  }
  std::erase_if(result.entries,
                [](const auto& entry) { return entry.second.coefficient.vanishes(); });
  return result;
}

/// c (u_1 ⊗ … ⊗ u_K) if the coefficients are such a product, to rounding, and no u_k must be
/// formed: every entry is predicted from those that differ from the largest one in one mode.
std::optional<ProductTerm> as_one_product(const Expansion& expansion) {
  const auto pivot = std::max_element(
      expansion.entries.begin(), expansion.entries.end(), [](const auto& a, const auto& b) {
        return std::abs(a.second.coefficient.value) < std::abs(b.second.coefficient.value);
      });
  const std::size_t modes = pivot->first.size();
  const double largest = pivot->second.coefficient.value;
  std::vector<std::map<std::string, std::pair<double, FactorNodePtr>>> vectors(modes);
  for (const auto& [key, entry] : expansion.entries) {
    std::size_t different = 0;
    std::size_t mode = 0;
    for (std::size_t k = 0; k < modes; ++k) {
      if (key[k] == pivot->first[k]) continue;
      ++different;
      mode = k;
    }
    if (different == 1) {
      vectors[mode][key[mode]] = {entry.coefficient.value / largest, entry.atoms[mode]};
    }
  }
  ProductTerm result{largest, {}};
  std::size_t count = 1;
  for (std::size_t k = 0; k < modes; ++k) {
    vectors[k][pivot->first[k]] = {1, pivot->second.atoms[k]};
    std::vector<std::pair<double, FactorNodePtr>> summands;
    for (const auto& [text, summand] : vectors[k]) summands.push_back(summand);
    const bool formed = summands.size() > 1 && modes > 1 &&
                        std::any_of(summands.begin(), summands.end(),
                                    [](const auto& summand) { return !is_plain(*summand.second); });
    if (formed) return std::nullopt;
    const ScaledFactor factor = sum(summands);
    result.coefficient *= factor.coefficient;
    result.factors.push_back(factor.factor);
    count *= summands.size();
  }
  if (count != expansion.entries.size()) return std::nullopt;
  for (const auto& [key, entry] : expansion.entries) {
    Sum difference = entry.coefficient;
    double predicted = largest;
    for (std::size_t k = 0; k < modes; ++k) {
      const auto found = vectors[k].find(key[k]);
      if (found == vectors[k].end()) return std::nullopt;
      predicted *= found->second.first;
    }
    difference.add(-predicted);
    if (!difference.vanishes()) return std::nullopt;
  }
  return result;
}

/// The coefficients as a matrix for one split: a row for each part on one side, a column for each
/// part on the other.
struct Split {
  struct Row {
    Factors part;
    std::vector<Sum> values;
  };
  std::vector<Row> rows;  ///< that of the identity last
  std::vector<Factors> columns;
};

bool is_identity(const Factors& factors) {
  return std::all_of(factors.begin(), factors.end(),
                     [](const auto& factor) { return factor->is_identity(); });
}

/// @param leading  number of modes on the leading side
/// @param by_leading  whether the rows are the leading parts
Split split(const Expansion& expansion, std::size_t leading, bool by_leading) {
  Split result;
  std::map<std::vector<std::string>, std::size_t> row_of;
  std::map<std::vector<std::string>, std::size_t> column_of;
  const auto place = [](auto& list, const Factors& part) {
    return list.try_emplace(texts(part), list.size()).first->second;
  };
  for (const auto& [key, entry] : expansion.entries) {
    const auto middle = entry.atoms.begin() + static_cast<std::ptrdiff_t>(leading);
    const Factors first(entry.atoms.begin(), middle);
    const Factors second(middle, entry.atoms.end());
    const Factors& row_part = by_leading ? first : second;
    const Factors& column_part = by_leading ? second : first;
    const std::size_t row = place(row_of, row_part);
    const std::size_t column = place(column_of, column_part);
    if (row == result.rows.size()) result.rows.push_back({row_part, {}});
    if (column == result.columns.size()) result.columns.push_back(column_part);
    auto& values = result.rows[row].values;
    values.resize(std::max(values.size(), column + 1));
    values[column] = entry.coefficient;
  }
  for (auto& row : result.rows) row.values.resize(result.columns.size());
  std::stable_partition(result.rows.begin(), result.rows.end(),
                        [](const auto& row) { return !is_identity(row.part); });
  return result;
}

/// Rows as combinations of linearly independent ones among them.
struct RowBasis {
  std::vector<std::size_t> independent;
  /// combinations[row][i]: how much of independent row i is in it.
  std::vector<std::vector<double>> combinations;
};

class Elimination {
 public:
  explicit Elimination(const Split& split) : split_(split) {}

  RowBasis basis() {
    for (std::size_t row = 0; row < split_.rows.size(); ++row) take(row);
    for (auto& combination : result_.combinations) combination.resize(result_.independent.size());
    return std::move(result_);
  }

 private:
  struct Reduced {
    std::vector<Sum> values;
    std::vector<double> combination;  ///< of the independent rows
    std::size_t pivot = 0;
  };

  void take(std::size_t row) {
    std::vector<Sum> rest = split_.rows[row].values;
    std::vector<double> combination(result_.independent.size(), 0.0);
    for (const Reduced& reduced : reduced_) {
      const double ratio = rest[reduced.pivot].value / reduced.values[reduced.pivot].value;
      if (ratio == 0) continue;
      for (std::size_t j = 0; j < rest.size(); ++j) {
        rest[j].add(-ratio * reduced.values[j].value,
                    std::abs(ratio) * reduced.values[j].magnitude);
        if (rest[j].vanishes()) rest[j].value = 0;
      }
      for (std::size_t i = 0; i < reduced.combination.size(); ++i) {
        combination[i] += ratio * reduced.combination[i];
      }
    }
    const auto pivot = std::max_element(rest.begin(), rest.end(), [](const Sum& a, const Sum& b) {
      return std::abs(a.value) < std::abs(b.value);
    });
    if (pivot->value == 0) {
      if (cancels_little(row, combination)) {
        result_.combinations.push_back(std::move(combination));
      } else {
        add_independent(row);
      }
      return;
    }
    // row = Σ combination · independent + rest, so that rest = row - Σ combination · independent.
    for (double& value : combination) value = -value;
    combination.push_back(1);
    reduced_.push_back({rest, combination, static_cast<std::size_t>(pivot - rest.begin())});
    add_independent(row);
  }

  void add_independent(std::size_t row) {
    std::vector<double> unit(result_.independent.size() + 1, 0.0);
    unit.back() = 1;
    result_.independent.push_back(row);
    result_.combinations.push_back(std::move(unit));
  }

  /// Whether the combination gives the row without cancelling numbers far larger than it, as
  /// ((I - ρB) - I)/ρ does for a small ρ. Columns are measured by their largest entries.
  bool cancels_little(std::size_t row, const std::vector<double>& combination) const {
    constexpr double allowed = 4;
    double size = 0;
    double summed = 0;
    for (std::size_t j = 0; j < split_.columns.size(); ++j) {
      double unit = 0;
      for (const auto& other : split_.rows) unit = std::max(unit, std::abs(other.values[j].value));
      if (unit == 0) continue;
      double sum = 0;
      for (std::size_t i = 0; i < combination.size(); ++i) {
        sum += std::abs(combination[i] * split_.rows[result_.independent[i]].values[j].value);
      }
      size = std::max(size, std::abs(split_.rows[row].values[j].value) / unit);
      summed = std::max(summed, sum / unit);
    }
    return summed <= allowed * size;
  }

  const Split& split_;
  std::vector<Reduced> reduced_;
  RowBasis result_;
};

/// Σ_i (Σ_row combination_{row,i} part_row) ⊗ (independent row i), each bracket merged.
Terms regrouped(const Split& split, bool by_leading) {
  const RowBasis basis = Elimination(split).basis();
  Terms result;
  // Backwards: the identity, if it is one of them, comes first.
  for (std::size_t i = basis.independent.size(); i-- > 0;) {
    Terms row_side;
    for (std::size_t row = 0; row < split.rows.size(); ++row) {
      const double coefficient = basis.combinations[row][i];
      if (coefficient != 0) row_side.push_back({coefficient, split.rows[row].part});
    }
    Terms column_side;
    const auto& values = split.rows[basis.independent[i]].values;
    for (std::size_t j = 0; j < values.size(); ++j) {
      if (values[j].value != 0) column_side.push_back({values[j].value, split.columns[j]});
    }
    row_side = merged(std::move(row_side), Forming::avoided);
    column_side = merged(std::move(column_side), Forming::avoided);
    const Terms product =
        by_leading ? joined(row_side, column_side) : joined(column_side, row_side);
    result.insert(result.end(), product.begin(), product.end());
  }
  return merged(std::move(result));
}

/// What one application costs: vectors that are exchanged beyond the first, then factors applied.
using Cost = std::pair<std::size_t, std::size_t>;

std::size_t factors_applied(const std::vector<Factors>& parts) {
  std::size_t count = 0;
  for (const Factors& part : parts) {
    count += static_cast<std::size_t>(std::count_if(
        part.begin(), part.end(), [](const auto& factor) { return !factor->is_identity(); }));
  }
  return count;
}

Cost cost(const Terms& terms) {
  Expansion whole;  // over the factors as they are
  for (const ProductTerm& term : terms) {
    auto& entry = whole.entries[texts(term.factors)];
    entry.atoms = term.factors;
    entry.coefficient.add(term.coefficient);
  }
  Cost least{std::numeric_limits<std::size_t>::max(), 0};
  for (std::size_t leading = 1; leading < terms.front().factors.size(); ++leading) {
    for (const bool by_leading : {true, false}) {
      Split matrix = split(whole, leading, by_leading);
      std::vector<Factors> rows;
      for (const auto& row : matrix.rows) rows.push_back(row.part);
      const std::size_t applied = factors_applied(rows) + factors_applied(matrix.columns);
      std::erase_if(matrix.rows, [](const auto& row) { return is_identity(row.part); });
      least = std::min(least, Cost{Elimination(matrix).basis().independent.size(), applied});
    }
  }
  return least;
}

Terms combined_products(Terms terms) {
  if (terms.size() < 2 || terms.front().factors.size() < 2) return terms;
  const auto expansion = expanded(terms);
  if (!expansion) return terms;
  if (expansion->entries.empty()) return {};
  if (auto product = as_one_product(*expansion)) return {std::move(*product)};
  constexpr std::size_t worth_regrouping = 100;  // the elimination is cubic
  if (std::max(expansion->entries.size(), terms.size()) > worth_regrouping) return terms;
  Cost least = cost(terms);
  const std::size_t modes = terms.front().factors.size();
  for (std::size_t leading = 1; leading < modes; ++leading) {
    for (const bool by_leading : {true, false}) {
      Terms candidate = regrouped(split(*expansion, leading, by_leading), by_leading);
      if (candidate.empty() || candidate.size() > most_terms) continue;
      const Cost found = cost(candidate);
      if (found >= least) continue;
      least = found;
      terms = std::move(candidate);
    }
  }
  return terms;
}

}  // namespace

Terms combined(Terms terms) {
  const auto with_steps = std::stable_partition(
      terms.begin(), terms.end(), [](const ProductTerm& term) { return term.steps.empty(); });
  Terms rest(std::make_move_iterator(with_steps), std::make_move_iterator(terms.end()));
  terms.erase(with_steps, terms.end());
  terms = combined_products(std::move(terms));
  terms.insert(terms.end(), std::make_move_iterator(rest.begin()),
               std::make_move_iterator(rest.end()));
  return terms;
}

}  // namespace kronwerk::expressions
