#include "kernels/engine/code_generator.hpp"

#include <algorithm>

#include "kernels/engine/operation_codes.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::kernels {

namespace {

constexpr double log2_of_e = 1.44269504088896340736;

}  // namespace

int SideValues::of(int node) {
  const auto [place, fresh] = single_.try_emplace(node, static_cast<int>(nodes_.size()));
  if (fresh) nodes_.push_back(node);
  return place->second;
}

int SideValues::of(const std::vector<int>& nodes) {
  if (nodes.size() == 1) return of(nodes[0]);
  const int first = static_cast<int>(nodes_.size());
  const auto [place, fresh] = ranges_.try_emplace(nodes, first);
  if (fresh) {
    for (std::size_t c = 0; c < nodes.size(); ++c) {
      single_.try_emplace(nodes[c], first + static_cast<int>(c));
    }
    nodes_.insert(nodes_.end(), nodes.begin(), nodes.end());
  }
  return place->second;
}

CodeGenerator::CodeGenerator(const ScalarGraph& graph, unsigned axes)
    : graph_(graph), axes_(axes), uses_(static_cast<std::size_t>(graph.size())) {}

bool CodeGenerator::inner(int node) const {
  return graph_[node].axes == axes_;
}

bool CodeGenerator::is_operand(int node) const {
  return !inner(node) || uses_[static_cast<std::size_t>(node)].slot >= 0;
}

bool CodeGenerator::is_column(int node) const {
  return axes_ == both_axes && graph_[node].axes == axis_j;
}

void CodeGenerator::use(int node) {
  if (!inner(node)) return;
  Use& use = uses_[static_cast<std::size_t>(node)];
  if (use.remaining++ == 0) plan(node);
}

// Counts the uses of everything below, and how many slots an evaluation needs (Sethi and Ullman
// 1970, as if it were a tree).
void CodeGenerator::plan(int root) {
  std::vector<std::pair<int, bool>> pending{{root, false}};
  while (!pending.empty()) {
    const auto [node, ready] = pending.back();
    pending.pop_back();
    const ScalarNode& scalar = graph_[node];
    const bool whole = scalar.operation == Operation::sqdist || scalar.operation == Operation::dot;
    Use& use = uses_[static_cast<std::size_t>(node)];
    if (ready) {
      std::vector<int> needs;
      for (const int argument : scalar.arguments) {
        if (inner(argument)) needs.push_back(uses_[static_cast<std::size_t>(argument)].need);
      }
      std::sort(needs.rbegin(), needs.rend());
      for (std::size_t n = 0; n < needs.size(); ++n) {
        use.need = std::max(use.need, needs[n] + static_cast<int>(n));
      }
      continue;
    }
    pending.emplace_back(node, true);
    if (whole) continue;
    for (const int argument : scalar.arguments) {
      if (!inner(argument)) continue;
      if (uses_[static_cast<std::size_t>(argument)].remaining++ == 0) {
        pending.emplace_back(argument, false);
      }
    }
  }
}

int CodeGenerator::allocate() {
  if (free_.empty()) return slots_++;
  const int slot = free_.back();
  free_.pop_back();
  return slot;
}

int CodeGenerator::keep() {
  Instruction store;
  store.opcode = Opcode::store;
  store.a = allocate();
  code_.push_back(store);
  return store.a;
}

void CodeGenerator::consume(int node) {
  if (!inner(node)) return;
  Use& use = uses_[static_cast<std::size_t>(node)];
  if (--use.remaining == 0 && use.slot >= 0) {
    free_.push_back(use.slot);
    use.slot = -1;
  }
}

// A is the value of `node`; it stays until its last use.
void CodeGenerator::park(int node) {
  Use& use = uses_[static_cast<std::size_t>(node)];
  if (use.slot < 0) use.slot = keep();
}

void CodeGenerator::operate(Opcode opcode, int node) {
  Instruction instruction;
  instruction.opcode = opcode;
  const ScalarNode& scalar = graph_[node];
  if (inner(node)) {
    instruction.kind = OperandKind::slot;
    instruction.a = uses_[static_cast<std::size_t>(node)].slot;
  } else if (scalar.operation == Operation::number) {
    instruction.number = scalar.number;
  } else if (scalar.axes == axis_i) {
    instruction.kind = OperandKind::row;
    instruction.a = rows.of(node);
  } else {
    instruction.kind = OperandKind::column;
    instruction.a = columns.of(node);
  }
  code_.push_back(instruction);
}

void CodeGenerator::bring(int node) {
  if (is_operand(node)) {
    operate(Opcode::load, node);
    return;
  }
  emit_new(node);
  if (uses_[static_cast<std::size_t>(node)].remaining > 1) park(node);
}

void CodeGenerator::emit(int node) {
  bring(node);
  consume(node);
}

int CodeGenerator::hold(int node) {
  if (!inner(node)) {
    bring(node);
    return keep();
  }
  if (!is_operand(node)) {
    bring(node);
    park(node);
  }
  return uses_[static_cast<std::size_t>(node)].slot;
}

void CodeGenerator::let_go(int node, int slot) {
  if (inner(node)) {
    consume(node);
  } else {
    release(slot);
  }
}

void CodeGenerator::emit_new(int node) {
  const ScalarNode& scalar = graph_[node];
  const OperationCode code = code_of(scalar.operation);
  switch (code.emission) {
    case Emission::stream:
      return emit_stream(node);
    case Emission::unary:
    case Emission::exponential:
      return emit_unary(code, scalar);
    case Emission::binary:
      if (!emit_fused(scalar)) emit_binary(code, scalar);
      return;
    case Emission::by_slot:
      return emit_by_slot(code, scalar);
    case Emission::pairwise:
      return emit_pairwise(code, scalar);
    case Emission::choice:
      return emit_where(scalar);
    case Emission::lowered:
      break;
  }
  throw core::InternalError("an operation of kernel formulas without code");
}

void CodeGenerator::emit_stream(int node) {
  Instruction load;
  load.opcode = Opcode::load_stream;
  const auto found = std::find(streams.begin(), streams.end(), node);
  load.a = static_cast<int>(found - streams.begin());
  if (found == streams.end()) streams.push_back(node);
  code_.push_back(load);
}

bool CodeGenerator::used_here_only(int node) const {
  const Use& use = uses_[static_cast<std::size_t>(node)];
  return inner(node) && use.slot < 0 && use.remaining == 1;
}

// u^2 u and c u + t in one step.
bool CodeGenerator::emit_fused(const ScalarNode& scalar) {
  for (int which = 0; which < 2; ++which) {
    const int node = scalar.arguments[static_cast<std::size_t>(which)];
    const int other = scalar.arguments[static_cast<std::size_t>(1 - which)];
    const ScalarNode& first = graph_[node];
    Instruction instruction;
    if (!used_here_only(node)) continue;
    if (scalar.operation == Operation::multiply && first.operation == Operation::square &&
        first.arguments[0] == other) {
      instruction.opcode = Opcode::cube;
      --uses_[static_cast<std::size_t>(other)].remaining;
    } else if (scalar.operation == Operation::add && first.operation == Operation::multiply &&
               graph_[first.arguments[1]].operation == Operation::number &&
               graph_[other].operation == Operation::number) {
      instruction.opcode = Opcode::affine;
      instruction.number = graph_[first.arguments[1]].number;
      instruction.second_number = graph_[other].number;
    } else {
      continue;
    }
    --uses_[static_cast<std::size_t>(node)].remaining;
    emit(first.arguments[0]);
    code_.push_back(instruction);
    return true;
  }
  return false;
}

void CodeGenerator::emit_unary(const OperationCode& code, const ScalarNode& scalar) {
  emit(scalar.arguments[0]);
  Instruction instruction;
  instruction.opcode = code.forward;
  if (code.emission == Emission::exponential) {
    if (scalar.number != 1) instruction.opcode = Opcode::exp_scaled;
    instruction.number = scalar.number * log2_of_e;
  }
  code_.push_back(instruction);
}

void CodeGenerator::emit_binary(const OperationCode& code, const ScalarNode& scalar) {
  const int a = scalar.arguments[0];
  const int b = scalar.arguments[1];
  const auto need = [&](int node) { return uses_[static_cast<std::size_t>(node)].need; };
  if (is_operand(b)) {
    emit(a);
    operate(code.forward, b);
    consume(b);
  } else if (is_operand(a)) {
    emit(b);
    operate(code.reversed, a);
    consume(a);
  } else if (a == b) {
    hold(a);
    operate(code.forward, a);
    consume(a);
    consume(a);
  } else if (need(b) > need(a)) {
    hold(b);
    emit(a);
    operate(code.forward, b);
    consume(b);
  } else {
    hold(a);
    emit(b);
    operate(code.reversed, a);
    consume(a);
  }
}

void CodeGenerator::emit_by_slot(const OperationCode& code, const ScalarNode& scalar) {
  const int second = scalar.arguments[1];
  Instruction instruction;
  instruction.opcode = code.forward;
  instruction.a = hold(second);
  emit(scalar.arguments[0]);
  code_.push_back(instruction);
  let_go(second, instruction.a);
}

void CodeGenerator::emit_where(const ScalarNode& scalar) {
  Instruction instruction;
  instruction.opcode = Opcode::select;
  instruction.a = hold(scalar.arguments[1]);
  instruction.b = hold(scalar.arguments[2]);
  emit(scalar.arguments[0]);
  code_.push_back(instruction);
  let_go(scalar.arguments[1], instruction.a);
  let_go(scalar.arguments[2], instruction.b);
}

void CodeGenerator::emit_pairwise(const OperationCode& code, const ScalarNode& scalar) {
  const auto half = static_cast<std::ptrdiff_t>(scalar.arguments.size() / 2);
  const auto middle = scalar.arguments.begin() + half;
  Instruction instruction;
  instruction.opcode = code.forward;
  instruction.a = rows.of(std::vector<int>(scalar.arguments.begin(), middle));
  instruction.b = columns.of(std::vector<int>(middle, scalar.arguments.end()));
  instruction.count = static_cast<int>(half);
  code_.push_back(instruction);
}

}  // namespace kronwerk::kernels
