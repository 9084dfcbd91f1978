#pragma once

#include <vector>

#include "kernels/engine/instruction.hpp"
#include "kernels/engine/scalar_graph.hpp"

namespace kronwerk::kernels {

/// What is to become of a number of the graph.
struct Sink {
  enum class Kind {
    sum,
    sum_squares,
    count_nonzero,
    count_zero,
    count_nan,
    least,
    greatest,
    exponentials,   ///< Σ exp(F - shift), then Σ w exp(F - shift) for every weight
    tile,           ///< the values themselves
    extra_product,  ///< Σ F v with v one further column value, after those of the formula
  };
  Kind kind = Kind::sum;
  int node = 0;
  std::vector<int> weights{};
  // Set by compile().
  int accumulator = 0;  ///< the first of them
  int shift = 0;
  int selection = 0;
};

/// The values along one side that the code for pairs reads, in this order: variables, and what is
/// computed of them by `code` for four vectors of points at a time.
struct SidePlan {
  struct Value {
    int source = 0;  ///< input, or inputs.size() + output
    ScalarNode::Part part = ScalarNode::Part::whole;
  };
  unsigned axis = axis_i;
  std::vector<ScalarNode> inputs;  ///< leaves
  Code code;
  int outputs = 0;
  int slots = 0;
  std::vector<Value> values;
};

/// Code for pairs. Accumulator 0 is kept in registers. Products of one number with many column
/// values are made of the number's tile, when that is complete; their sums follow the accumulators.
struct Compiled {
  Code code;
  int slots = 0;
  int accumulators = 1;
  int products = 0;
  int first_factor = 0;  ///< of the column values
  int shifts = 0;
  int selections = 0;
  SidePlan rows;
  SidePlan columns;
  std::vector<Sink> sinks;

  int sums() const noexcept { return accumulators + products; }
};

Compiled compile(ScalarGraph& graph, std::vector<Sink> sinks);

}  // namespace kronwerk::kernels
