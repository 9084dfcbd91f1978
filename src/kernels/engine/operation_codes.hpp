#pragma once

#include "kernels/engine/instruction.hpp"
#include "kronwerk/kernels/formula/node.hpp"

namespace kronwerk::kernels {

/// How an operation of two numbers or one becomes steps.
enum class Emission {
  stream,       ///< a leaf, read along its side
  unary,        ///< `forward`, on A
  exponential,  ///< with the factor of its argument
  binary,       ///< `forward`, A op operand, or `reversed`, operand op A
  by_slot,      ///< `forward`, its second argument in a slot
  pairwise,     ///< `forward`, of row values and column values
  choice,       ///< by a condition
  lowered,      ///< none: the scalar graph writes it in terms of others
};

struct OperationCode {
  Emission emission = Emission::lowered;
  Opcode forward = Opcode::load;
  Opcode reversed = Opcode::load;
};

/// One row for every operation; a new one without a row does not compile.
OperationCode code_of(Operation operation);

}  // namespace kronwerk::kernels
