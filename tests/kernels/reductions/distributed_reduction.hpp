#pragma once

#include <gtest/gtest.h>

#include <string>

#include "kernels/reductions/clouds.hpp"
#include "kernels/reductions/dense_reduction.hpp"
#include "kronwerk/kernels/reductions/reduce.hpp"

namespace kronwerk::kernels {

/// The names of random_rows and random_columns.
inline Expression formula_of(const std::string& text, int dimension) {
  Symbols symbols;
  symbols.variables = {{"x", {dimension, axis_i}}, {"a", {1, axis_i}}, {"y", {dimension, axis_j}},
                       {"b", {1, axis_j}},         {"v", {3, axis_j}}, {"u", {3, no_axis}}};
  symbols.parameters = {"s"};
  return analyse(text, symbols, "test");
}

inline Constants test_constants() {
  return {{{"s", 0.7}}, {{"u", {0.3, -0.4, 1.1}}}};
}

inline void expect_results_near(const ReductionResult& found, const ReductionResult& expected,
                                double tolerance, const std::string& what) {
  EXPECT_EQ(found.rows, expected.rows) << what;
  EXPECT_EQ(found.k, expected.k) << what;
  EXPECT_EQ(found.dimension, expected.dimension) << what;
  EXPECT_EQ(found.indices, expected.indices) << what;
  ASSERT_EQ(found.values.size(), expected.values.size()) << what;
  for (std::size_t v = 0; v < expected.values.size(); ++v) {
    if (std::isnan(expected.values[v])) {
      EXPECT_TRUE(std::isnan(found.values[v])) << what << " at " << v;
    } else if (std::isinf(expected.values[v])) {
      EXPECT_EQ(found.values[v], expected.values[v]) << what << " at " << v;
    } else {
      EXPECT_NEAR(found.values[v], expected.values[v],
                  tolerance * std::max(1.0, std::abs(expected.values[v])))
          << what << " at " << v;
    }
  }
}

/// What reduce() should give this rank.
inline ReductionResult dense_part(
    const communication::Communicator& comm, const ReductionSetup& setup,
    const ReductionRequest& request, const Side& rows, const Side& columns,
    const std::function<bool(Index, Index)>& keep = [](Index, Index) { return true; }) {
  const bool over_columns = setup.over == axis_j;
  const distribution::BlockPartition kept((over_columns ? rows : columns).count, comm.size());
  const Index begin = kept.begin(comm.rank());
  const Index end = kept.end(comm.rank());
  if (over_columns) {
    return dense_reduction(setup.formula, setup.constants, request, rows, columns, begin, end,
                           keep);
  }
  ReductionRequest exchanged = request;
  if (request.weight) exchanged.weight = request.weight->transposed();
  return dense_reduction(setup.formula.transposed(), setup.constants, exchanged, columns, rows,
                         begin, end, [&](Index i, Index j) { return keep(j, i); });
}

}  // namespace kronwerk::kernels
