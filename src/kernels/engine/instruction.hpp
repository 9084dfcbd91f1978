#pragma once

#include <vector>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::kernels {

using core::Index;

/// What one step of an evaluation does to the values "A" of four rows at one vector of columns,
/// which travel from step to step in registers, with the sums "S" that belong to accumulator 0.
enum class Opcode : int {
  // With an operand (OperandKind).
  load,           ///< A = operand
  add,            ///< A + operand
  subtract,       ///< A - operand
  subtract_from,  ///< operand - A
  multiply,
  divide,
  divide_into,  ///< operand / A
  min,
  max,
  less,  ///< A < operand
  less_equal,
  greater,
  greater_equal,
  equal,
  not_equal,
  // From here on without a kind of operand.
  store,       ///< slot a = A
  select,      ///< A = A != 0 ? slot a : slot b
  affine,      ///< A = A * number + second_number
  power,       ///< A ^ slot a
  atan2,       ///< atan2(A, slot a)
  mod,         ///< A mod slot a
  exp,         ///< exp(A)
  exp_scaled,  ///< 2^(A number)
  log,
  sqrt,
  rsqrt,
  reciprocal,
  square,
  cube,
  abs,
  sign,
  step,
  relu,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  tanh,
  xlogx,
  sinc,
  round,
  floor,
  sqdist,  ///< A = sum over `count` components of (row a - column b)^2
  dot,
  load_stream,  ///< four vectors of consecutive places; evaluation along one side
  store_stream,
  // What is done with results; A is kept unless said otherwise.
  sum,           ///< accumulator a += A
  sum_products,  ///< accumulator a += A * column b
  sum_slots,     ///< accumulator a += A * slot b
  sum_squares,
  count_nonzero,  ///< accumulator a += [A is neither 0 nor NaN]
  count_zero,
  count_nan,
  keep_least,        ///< offers A to the lists of selection a
  keep_least_ties,   ///< the same, where columns of lower index may come later
  subtract_maximum,  ///< A = A - shift b, raising the shift (and accumulators a ...) when needed
  store_tile,        ///< tile = A
  next,              ///< the next columns
  end_of_opcodes,
};

enum class OperandKind : int { uniform, row, column, slot };
constexpr int operand_kinds = 4;

constexpr bool has_operand(Opcode opcode) {
  return opcode < Opcode::store;
}

/// Where each step function stands in the table of an instruction set.
constexpr int function_index(Opcode opcode, OperandKind kind = OperandKind::uniform,
                             bool masked = false) {
  const int with_operand = static_cast<int>(Opcode::store) * operand_kinds;
  if (has_operand(opcode)) {
    return static_cast<int>(opcode) * operand_kinds + static_cast<int>(kind);
  }
  return with_operand + 2 * (static_cast<int>(opcode) - static_cast<int>(Opcode::store)) +
         (masked ? 1 : 0);
}
constexpr int function_count = function_index(Opcode::end_of_opcodes);

/// A step before it is bound to an instruction set: numbers of slots, of row values and of column
/// values instead of places.
struct Instruction {
  Opcode opcode = Opcode::load;
  OperandKind kind = OperandKind::uniform;
  int a = 0;
  int b = 0;
  int count = 0;
  double number = 0;
  double second_number = 0;
};

using Code = std::vector<Instruction>;

/// Estimated nanoseconds per pair.
double cost_of(const Code& code);

}  // namespace kronwerk::kernels
