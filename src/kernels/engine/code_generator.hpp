#pragma once

#include <map>
#include <vector>

#include "kernels/engine/compile.hpp"

namespace kronwerk::kernels {

struct OperationCode;

/// The values of one side that code refers to, by number; vectors of them stay together.
class SideValues {
 public:
  int of(int node);
  int of(const std::vector<int>& nodes);
  const std::vector<int>& nodes() const noexcept { return nodes_; }

 private:
  std::vector<int> nodes_;
  std::map<int, int> single_;
  std::map<std::vector<int>, int> ranges_;
};

/// Writes code for the numbers of a graph that vary with all of `axes`: both for pairs, one along a
/// side. What varies with less is an operand.
class CodeGenerator {
 public:
  CodeGenerator(const ScalarGraph& graph, unsigned axes);

  /// Announces that `node`'s value will be asked for once more. All announcements come first.
  void use(int node);
  /// Code that brings the value into A; one of the announced uses.
  void emit(int node);
  void append(Instruction instruction) { code_.push_back(instruction); }
  /// Keeps A in a slot until release().
  int keep();
  void release(int slot) { free_.push_back(slot); }
  /// True for what varies with the column only, which some steps take as operand.
  bool is_column(int node) const;

  Code take_code() { return std::move(code_); }
  int slots() const noexcept { return slots_; }

  SideValues rows;
  SideValues columns;
  std::vector<int> streams;  ///< leaves of evaluation along one side

 private:
  struct Use {
    int remaining = 0;
    int slot = -1;
    int need = 0;
  };
  bool inner(int node) const;
  bool is_operand(int node) const;
  void bring(int node);
  int hold(int node);
  void let_go(int node, int slot);
  void plan(int node);
  int allocate();
  void consume(int node);
  void park(int node);
  void operate(Opcode opcode, int operand_node);
  void emit_new(int node);
  bool emit_fused(const ScalarNode& scalar);
  bool used_here_only(int node) const;
  void emit_stream(int node);
  void emit_unary(const OperationCode& code, const ScalarNode& scalar);
  void emit_binary(const OperationCode& code, const ScalarNode& scalar);
  void emit_by_slot(const OperationCode& code, const ScalarNode& scalar);
  void emit_where(const ScalarNode& scalar);
  void emit_pairwise(const OperationCode& code, const ScalarNode& scalar);

  const ScalarGraph& graph_;
  unsigned axes_;
  std::vector<Use> uses_;
  std::vector<int> free_;
  int slots_ = 0;
  Code code_;
};

}  // namespace kronwerk::kernels
