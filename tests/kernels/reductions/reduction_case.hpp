#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "kernels/formula/node_trees.hpp"
#include "kernels/formula/reference.hpp"
#include "kronwerk/kernels/reductions/reduction.hpp"

namespace kronwerk::kernels {

using namespace trees;

inline const std::vector<ReductionKind> sums{
    ReductionKind::sum, ReductionKind::mean, ReductionKind::norm,     ReductionKind::count,
    ReductionKind::any, ReductionKind::all,  ReductionKind::logsumexp};
inline const std::vector<ReductionKind> selections{
    ReductionKind::min,    ReductionKind::max,        ReductionKind::argmin,
    ReductionKind::argmax, ReductionKind::min_argmin, ReductionKind::max_argmax,
    ReductionKind::kmin,   ReductionKind::argkmin,    ReductionKind::kmin_argkmin,
    ReductionKind::kmax,   ReductionKind::argkmax,    ReductionKind::kmax_argkmax};

inline bool is_list(ReductionKind kind) {
  return kind == ReductionKind::kmin || kind == ReductionKind::argkmin ||
         kind == ReductionKind::kmin_argkmin || kind == ReductionKind::kmax ||
         kind == ReductionKind::argkmax || kind == ReductionKind::kmax_argkmax;
}

inline bool is_greatest(ReductionKind kind) {
  return kind == ReductionKind::max || kind == ReductionKind::argmax ||
         kind == ReductionKind::max_argmax || kind == ReductionKind::kmax ||
         kind == ReductionKind::argkmax || kind == ReductionKind::kmax_argkmax;
}

/// What a reduction of one row of values is, and how large its terms are (for the tolerance).
struct ExpectedSum {
  double value = 0;
  double size = 0;
};

inline ExpectedSum reduce_sum(ReductionKind kind, const std::vector<double>& values) {
  long double sum = 0;
  long double size = 0;
  int nonzero = 0;
  bool any_nan = false;
  int zero = 0;
  double greatest = -std::numeric_limits<double>::infinity();
  for (const double value : values) {
    sum += kind == ReductionKind::norm ? static_cast<long double>(value) * value : value;
    size += std::abs(value);
    any_nan = any_nan || std::isnan(value);
    nonzero += value != 0 && !std::isnan(value) ? 1 : 0;
    zero += value == 0 ? 1 : 0;
    greatest = std::max(greatest, value);
  }
  const auto count = static_cast<double>(values.size());
  const auto total = static_cast<double>(sum);
  switch (kind) {
    case ReductionKind::sum:
      return {total, static_cast<double>(size)};
    case ReductionKind::mean:
      return {total / count, static_cast<double>(size) / count};
    case ReductionKind::norm:
      return {std::sqrt(total), std::sqrt(total)};
    case ReductionKind::count:
      return {static_cast<double>(nonzero), 0};
    case ReductionKind::any:
      return {nonzero > 0 ? 1.0 : 0.0, 0};
    case ReductionKind::all:
      return {zero > 0 ? 0.0 : 1.0, 0};
    default:
      break;
  }
  if (any_nan) return {std::numeric_limits<double>::quiet_NaN(), 0};
  if (std::isinf(greatest)) return {greatest, 0};
  long double exponentials = 0;
  for (const double value : values) {
    exponentials += std::exp(static_cast<long double>(value) - greatest);
  }
  return {static_cast<double>(std::log(exponentials) + greatest), 1 + std::abs(greatest)};
}

/// The k first of the indices without NaN, sorted by value, then by index.
inline std::vector<std::int64_t> select(const std::vector<double>& values, bool greatest) {
  std::vector<std::int64_t> order;
  for (std::size_t j = 0; j < values.size(); ++j) {
    if (!std::isnan(values[j])) order.push_back(static_cast<std::int64_t>(j));
  }
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    const double first = values[static_cast<std::size_t>(a)];
    const double second = values[static_cast<std::size_t>(b)];
    return greatest ? first > second : first < second;
  });
  return order;
}

inline Side part(const Side& side, Index begin, Index end) {
  Side result{side.first + begin, end - begin, {}};
  for (const auto& [name, cloud] : side.variables) {
    Cloud piece{cloud.dimension, end - begin, {}};
    for (int c = 0; c < cloud.dimension; ++c) {
      const auto from = cloud.values.begin() + c * cloud.count;
      piece.values.insert(piece.values.end(), from + begin, from + end);
    }
    result.variables.emplace(name, std::move(piece));
  }
  return result;
}

inline std::vector<ReductionRequest> all_requests(Index k) {
  std::vector<ReductionRequest> requests;
  for (const ReductionKind kind : sums) requests.push_back({kind, 1, {}});
  for (const ReductionKind kind : selections) requests.push_back({kind, is_list(kind) ? k : 1, {}});
  return requests;
}

struct ReductionCase {
  NodePtr root;
  Side rows;
  Side columns;
  Index k = 4;
  std::vector<Index> cuts{};         ///< where the columns are cut into blocks
  std::vector<std::size_t> order{};  ///< in which the blocks arrive
  Precision precision = Precision::float64;
  double tolerance = 1e-12;
};

inline std::vector<ReductionResult> reduce_in_blocks(const ReductionCase& test,
                                                     LocalReduction& reduction) {
  std::vector<Index> cuts{0};
  cuts.insert(cuts.end(), test.cuts.begin(), test.cuts.end());
  cuts.push_back(test.columns.count);
  std::vector<std::size_t> order = test.order;
  if (order.empty()) {
    order.resize(cuts.size() - 1);
    std::iota(order.begin(), order.end(), 0U);
  }
  for (const std::size_t block : order) {
    reduction.add(part(test.columns, cuts[block], cuts[block + 1]));
  }
  return reduction.finish();
}

inline void expect_list(const ReductionResult& result, const std::vector<double>& values,
                        bool greatest, std::size_t row, std::size_t component, std::int64_t first) {
  const auto order = select(values, greatest);
  for (std::size_t place = 0; place < static_cast<std::size_t>(result.k); ++place) {
    const std::size_t at = (row * static_cast<std::size_t>(result.k) + place) *
                               static_cast<std::size_t>(result.dimension) +
                           component;
    const bool there = place < order.size();
    if (!result.indices.empty()) {
      EXPECT_EQ(result.indices[at], there ? first + order[place] : -1) << "place " << place;
    }
    if (!result.values.empty()) {
      const double expected = there ? values[static_cast<std::size_t>(order[place])]
                                    : (greatest ? -std::numeric_limits<double>::infinity()
                                                : std::numeric_limits<double>::infinity());
      EXPECT_EQ(result.values[at], expected) << "place " << place;
    }
  }
}

/// All reductions in one pass. Selections are compared with the engine's own values, which another
/// test compares with the reference: rounding must not decide on ties here.
inline void expect_reductions(const ReductionCase& test) {
  const Expression formula(test.root);
  const auto requests = all_requests(test.k);
  LocalReduction reduction(formula, {}, test.precision, requests, test.rows);
  const auto results = reduce_in_blocks(test, reduction);
  ASSERT_EQ(results.size(), requests.size());
  const auto dimension = static_cast<std::size_t>(formula.dimension());
  const auto m = static_cast<std::size_t>(test.rows.count);
  const auto n = static_cast<std::size_t>(test.columns.count);
  const auto reference = reference_matrix(formula, test.rows, test.columns);
  Index nan_values = 0;
  for (std::size_t c = 0; c < dimension; ++c) {
    const Expression component(
        dimension == 1 ? test.root
                       : node(Operation::slice, {test.root}, 1, 0, static_cast<int>(c)));
    std::vector<double> own(m * n);
    evaluate(Program(component, {}, test.precision), test.rows, test.columns, own,
             test.columns.count);
    for (std::size_t i = 0; i < m; ++i) {
      SCOPED_TRACE("row " + std::to_string(i) + " component " + std::to_string(c));
      const std::vector<double> values(own.begin() + static_cast<std::ptrdiff_t>(i * n),
                                       own.begin() + static_cast<std::ptrdiff_t>((i + 1) * n));
      std::vector<double> right;
      for (std::size_t j = 0; j < n; ++j) right.push_back(reference[(i * n + j) * dimension + c]);
      nan_values += std::count_if(values.begin(), values.end(), [](double v) { return v != v; });
      for (std::size_t r = 0; r < requests.size(); ++r) {
        SCOPED_TRACE(to_text(requests[r].kind));
        if (r >= sums.size()) {
          expect_list(results[r], values, is_greatest(requests[r].kind), i, c, test.columns.first);
          continue;
        }
        const ExpectedSum expected = reduce_sum(requests[r].kind, right);
        const double found = results[r].values[i * dimension + c];
        if (std::isfinite(expected.value)) {
          EXPECT_NEAR(found, expected.value, test.tolerance * (expected.size + 1e-3));
        } else {
          EXPECT_TRUE(agree(found, expected.value, 0)) << found << " " << expected.value;
        }
      }
    }
  }
  EXPECT_EQ(reduction.nan_count(), nan_values);
}

inline Side points(const std::string& name, Index count, int dimension, std::uint64_t seed,
                   Index first = 0) {
  return side(count, {{name, random_cloud(count, dimension, seed)}}, first);
}

}  // namespace kronwerk::kernels
