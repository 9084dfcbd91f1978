#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <vector>

#include "kernels/formula/reference.hpp"
#include "kronwerk/kernels/reductions/reduction.hpp"

namespace kronwerk::kernels {

/// What one row's reductions are of: column j, the formula's values there, and the weight's.
struct DensePair {
  Index column;
  std::vector<double> values;
  std::vector<double> weights;
};

/// Reductions of one row from their definitions, in long double; appended to the result.
class DenseRow {
 public:
  using Real = long double;

  DenseRow(const std::vector<DensePair>& pairs, std::size_t dimension)
      : pairs_(pairs), dimension_(dimension) {}

  void append(const ReductionRequest& request, ReductionResult& result) const {
    const Index first = std::ssize(result.values);
    const Index first_index = std::ssize(result.indices);
    const auto size = static_cast<std::size_t>(request.k) * dimension_;
    if (gives_values(request.kind)) result.values.resize(static_cast<std::size_t>(first) + size);
    if (gives_indices(request.kind)) {
      result.indices.resize(static_cast<std::size_t>(first_index) + size);
    }
    for (std::size_t c = 0; c < dimension_; ++c) {
      const auto place = [&](Index begin, std::size_t q) {
        return static_cast<std::size_t>(begin) + q * dimension_ + c;
      };
      const std::vector<DensePair> list = ordered(request.kind, c);
      for (std::size_t q = 0; q < static_cast<std::size_t>(request.k); ++q) {
        const bool there = q < list.size();
        const double nothing = smallest(request.kind) ? infinity : -infinity;
        if (gives_values(request.kind)) {
          result.values[place(first, q)] = !selects(request.kind)
                                               ? static_cast<double>(value(request, c))
                                           : there ? list[q].values[c]
                                                   : nothing;
        }
        if (gives_indices(request.kind)) {
          result.indices[place(first_index, q)] = there ? list[q].column : -1;
        }
      }
    }
  }

 private:
  static constexpr double infinity = std::numeric_limits<double>::infinity();

  static bool smallest(ReductionKind kind) {
    return to_text(kind).find("min") != std::string::npos;
  }
  static bool selects(ReductionKind kind) {
    if (kind == ReductionKind::softmax) return false;
    return smallest(kind) || to_text(kind).find("max") != std::string::npos;
  }

  /// What is not NaN, best first, the lowest column first among equals.
  std::vector<DensePair> ordered(ReductionKind kind, std::size_t c) const {
    std::vector<DensePair> list;
    if (!selects(kind)) return list;
    for (const DensePair& pair : pairs_) {
      if (!std::isnan(pair.values[c])) list.push_back(pair);
    }
    std::sort(list.begin(), list.end(), [&](const DensePair& a, const DensePair& b) {
      if (a.values[c] == b.values[c]) return a.column < b.column;
      return smallest(kind) ? a.values[c] < b.values[c] : a.values[c] > b.values[c];
    });
    return list;
  }

  Real total(const std::function<Real(const DensePair&)>& term) const {
    Real sum = 0;
    for (const DensePair& pair : pairs_) sum += term(pair);
    return sum;
  }

  Real value(const ReductionRequest& request, std::size_t c) const {
    const auto f = [&](const DensePair& pair) {
      return static_cast<Real>(pair.values[request.weight ? 0 : c]);
    };
    const auto count = static_cast<Real>(pairs_.size());
    const Real nonzero = total([&](const DensePair& pair) -> Real { return f(pair) != 0; });
    switch (request.kind) {
      case ReductionKind::sum:
        return total(f);
      case ReductionKind::mean:
        return total(f) / count;
      case ReductionKind::norm:
        return std::sqrt(total([&](const DensePair& pair) { return f(pair) * f(pair); }));
      case ReductionKind::count:
        return nonzero;
      case ReductionKind::any:
        return nonzero > 0;
      case ReductionKind::all:
        return nonzero == count;
      default:
        return exponential(request, f, c);
    }
  }

  Real exponential(const ReductionRequest& request, const std::function<Real(const DensePair&)>& f,
                   std::size_t c) const {
    Real largest = -infinity;
    for (const DensePair& pair : pairs_) largest = std::max(largest, f(pair));
    const bool softmax = request.kind == ReductionKind::softmax;
    if (largest == -infinity) {
      return softmax ? std::numeric_limits<Real>::quiet_NaN() : largest;
    }
    const auto share = [&](const DensePair& pair) { return std::exp(f(pair) - largest); };
    const Real weighted = total([&](const DensePair& pair) {
      return share(pair) * (request.weight ? static_cast<Real>(pair.weights[c]) : Real{1});
    });
    return softmax ? weighted / total(share) : largest + std::log(weighted);
  }

  const std::vector<DensePair>& pairs_;
  std::size_t dimension_;
};

/// One reduction over j of the rows [begin, end) by its definition; `keep` says which pairs take
/// part.
inline ReductionResult dense_reduction(const Expression& formula, const Constants& constants,
                                       const ReductionRequest& request, const Side& rows,
                                       const Side& columns, Index begin, Index end,
                                       const std::function<bool(Index, Index)>& keep) {
  const ReferenceEvaluator evaluate(rows, columns, constants);
  const auto as_doubles = [](const ReferenceEvaluator::Values& values) {
    return std::vector<double>(values.begin(), values.end());
  };
  ReductionResult result{end - begin,
                         request.k,
                         request.weight ? request.weight->dimension() : formula.dimension(),
                         {},
                         {}};
  for (Index i = begin; i < end; ++i) {
    std::vector<DensePair> pairs;
    for (Index j = 0; j < columns.count; ++j) {
      if (!keep(i, j)) continue;
      DensePair pair{columns.first + j, as_doubles(evaluate(*formula.root(), i, j)), {}};
      if (request.weight) pair.weights = as_doubles(evaluate(*request.weight->root(), i, j));
      pairs.push_back(pair);
    }
    DenseRow(pairs, static_cast<std::size_t>(result.dimension)).append(request, result);
  }
  return result;
}

}  // namespace kronwerk::kernels
