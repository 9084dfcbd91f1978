#include "kernels/tiles/tile_dispatch.hpp"

#include "kernels/tiles/tile_tables.hpp"

namespace kronwerk::kernels {

template <typename T>
TileCode<T> tile_code() {
  TileCode<T> tiles;
  enter_arithmetic(tiles);
  enter_functions(tiles);
  enter_results(tiles);
  return tiles;
}

template TileCode<double> tile_code<double>();
template TileCode<float> tile_code<float>();

namespace {

template <typename T>
Step<T> bind(const Instruction& instruction, const TileCode<T>& tiles, Index stride, bool masked,
             bool ties) {
  const Index slot = row_group * tiles.lanes;
  Opcode opcode = instruction.opcode;
  if (ties && opcode == Opcode::keep_least) opcode = Opcode::keep_least_ties;
  Step<T> step;
  step.function =
      tiles.functions[static_cast<std::size_t>(function_index(opcode, instruction.kind, masked))];
  step.a = instruction.a;
  step.b = instruction.b;
  step.stride = stride;
  step.count = instruction.count;
  step.number = static_cast<T>(instruction.number);
  step.second_number = static_cast<T>(instruction.second_number);
  if (has_operand(opcode)) {
    step.a *= instruction.kind == OperandKind::row      ? row_group
              : instruction.kind == OperandKind::column ? stride
                                                        : slot;
    return step;
  }
  switch (opcode) {
    case Opcode::store:
    case Opcode::select:
    case Opcode::power:
    case Opcode::atan2:
    case Opcode::mod:
      step.a *= slot;
      step.b *= slot;
      break;
    case Opcode::sqdist:
    case Opcode::dot: {
      const PairwiseTable& table = opcode == Opcode::sqdist ? tiles.sqdist : tiles.dot;
      const auto components = static_cast<std::size_t>(instruction.count);
      step.function = table[components < table.size() ? components : 0];
      step.a *= row_group;
      step.b *= stride;
      break;
    }
    case Opcode::load_stream:
    case Opcode::store_stream:
      step.a *= stride;
      break;
    case Opcode::sum_products:
      step.b *= stride;
      break;
    case Opcode::sum_slots:
      step.b *= slot;
      break;
    default:
      break;
  }
  return step;
}

}  // namespace

template <typename T>
BoundCode<T>::BoundCode(const Code& code, const TileCode<T>& tiles, Index stride, Index advance,
                        bool ties) {
  for (const Instruction& instruction : code) {
    main.push_back(bind(instruction, tiles, stride, false, ties));
    tail.push_back(bind(instruction, tiles, stride, true, ties));
  }
  Instruction last;
  last.opcode = Opcode::next;
  Step<T> next = bind(last, tiles, stride, false, ties);
  next.a = advance * tiles.lanes;
  next.b = -static_cast<Index>(code.size());
  main.push_back(next);
  tail.push_back(next);
}

template struct BoundCode<double>;
template struct BoundCode<float>;

}  // namespace kronwerk::kernels
