#include "kernels/engine/operation_codes.hpp"

#include "kronwerk/core/error.hpp"

namespace kronwerk::kernels {

OperationCode code_of(Operation operation) {
  using enum Emission;
  // clang-format off
  switch (operation) {
    case Operation::number: return {lowered};
    case Operation::parameter: return {lowered};
    case Operation::variable: return {stream};
    case Operation::row: return {stream};
    case Operation::column: return {stream};

    case Operation::negate: return {lowered};
    case Operation::exp: return {exponential, Opcode::exp};
    case Operation::log: return {unary, Opcode::log};
    case Operation::sqrt: return {unary, Opcode::sqrt};
    case Operation::rsqrt: return {unary, Opcode::rsqrt};
    case Operation::reciprocal: return {unary, Opcode::reciprocal};
    case Operation::square: return {unary, Opcode::square};
    case Operation::abs: return {unary, Opcode::abs};
    case Operation::sign: return {unary, Opcode::sign};
    case Operation::step: return {unary, Opcode::step};
    case Operation::relu: return {unary, Opcode::relu};
    case Operation::sin: return {unary, Opcode::sin};
    case Operation::cos: return {unary, Opcode::cos};
    case Operation::tan: return {unary, Opcode::tan};
    case Operation::asin: return {unary, Opcode::asin};
    case Operation::acos: return {unary, Opcode::acos};
    case Operation::atan: return {unary, Opcode::atan};
    case Operation::tanh: return {unary, Opcode::tanh};
    case Operation::xlogx: return {unary, Opcode::xlogx};
    case Operation::sinc: return {unary, Opcode::sinc};
    case Operation::round: return {unary, Opcode::round};
    case Operation::floor: return {unary, Opcode::floor};
    case Operation::power_integer: return {lowered};

    case Operation::add: return {binary, Opcode::add, Opcode::add};
    case Operation::subtract: return {binary, Opcode::subtract, Opcode::subtract_from};
    case Operation::multiply: return {binary, Opcode::multiply, Opcode::multiply};
    case Operation::divide: return {binary, Opcode::divide, Opcode::divide_into};
    case Operation::power: return {by_slot, Opcode::power};
    case Operation::atan2: return {by_slot, Opcode::atan2};
    case Operation::mod: return {by_slot, Opcode::mod};
    case Operation::min: return {binary, Opcode::min, Opcode::min};
    case Operation::max: return {binary, Opcode::max, Opcode::max};
    case Operation::less: return {binary, Opcode::less, Opcode::greater};
    case Operation::less_equal: return {binary, Opcode::less_equal, Opcode::greater_equal};
    case Operation::equal: return {binary, Opcode::equal, Opcode::equal};
    case Operation::not_equal: return {binary, Opcode::not_equal, Opcode::not_equal};

    case Operation::where: return {choice, Opcode::select};

    case Operation::sum: return {lowered};
    case Operation::dot: return {pairwise, Opcode::dot};
    case Operation::sqdist: return {pairwise, Opcode::sqdist};
    case Operation::concat: return {lowered};
    case Operation::slice: return {lowered};
    case Operation::matvec: return {lowered};
    case Operation::vecmat: return {lowered};
    case Operation::outer: return {lowered};
  }
  // clang-format on
  throw core::InternalError("not an operation of kernel formulas");
}

}  // namespace kronwerk::kernels
