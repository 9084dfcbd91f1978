#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kronwerk/core/extents.hpp"
#include "kronwerk/formulas/source.hpp"

namespace kronwerk::kernels {

using core::Index;

/// What a value may vary with: neither index, the row index i, the column index j, or both.
/// Combined by |.
enum Axes : unsigned { no_axis = 0U, axis_i = 1U, axis_j = 2U, both_axes = 3U };

/// What one node computes of its arguments' values. The evaluation knows these and no others:
/// everything else that a formula may say (norm, clamp, normalize, rbf, …) is written in terms of
/// them by analyse(). Elementwise operations broadcast a scalar against a vector.
enum class Operation {
  // Leaves.
  number,     ///< Node::number
  parameter,  ///< Node::name, one number that does not vary
  variable,   ///< Node::name, a vector of Node::dimension values at each i or j (or one for all)
  row,        ///< i, counted from 0
  column,     ///< j, counted from 0
  // Elementwise, one argument.
  negate,
  exp,
  log,
  sqrt,
  rsqrt,
  reciprocal,
  square,
  abs,
  sign,  ///< -1, 0 or 1
  step,  ///< 1 where the argument is >= 0, else 0
  relu,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  tanh,
  xlogx,  ///< x log x, 0 at 0
  sinc,   ///< sin(x)/x, 1 at 0
  round,  ///< to nearest, halves to even
  floor,
  power_integer,  ///< x^n with the integer n in Node::number
  // Elementwise, two arguments.
  add,
  subtract,
  multiply,
  divide,
  power,  ///< NaN for a negative base with a fractional exponent
  atan2,
  mod,  ///< a - b floor(a/b)
  min,
  max,
  less,
  less_equal,
  equal,
  not_equal,
  // Elementwise, three arguments.
  where,  ///< arguments[0] != 0 ? arguments[1] : arguments[2]
  // Of vectors.
  sum,     ///< Σ of the components
  dot,     ///< of two vectors of equal dimension
  sqdist,  ///< |a - b|²
  concat,
  slice,   ///< Node::dimension components from Node::offset
  matvec,  ///< M v: arguments[0] is M, row-major (dimension x dim v)
  vecmat,  ///< Mᵀ v: arguments[0] is M, row-major (dim v x dimension)
  outer,   ///< a bᵀ, row-major
};

/// One node of a kernel formula: a vector of `dimension` values (1: a scalar) for every pair (i,
/// j), or fewer where it does not vary with both. Immutable.
struct Node {
  Operation operation = Operation::number;
  int dimension = 1;
  unsigned axes = no_axis;  ///< of Axes
  double number = 0;
  std::string name;
  int offset = 0;
  std::vector<std::shared_ptr<const Node>> arguments;
  /// Where the node comes from; a derivative keeps the place of what was differentiated.
  formulas::Span span;
  std::shared_ptr<const formulas::Source> source;
};

using NodePtr = std::shared_ptr<const Node>;

}  // namespace kronwerk::kernels
