#pragma once

#include <span>
#include <vector>

#include "kronwerk/factors/base/chain.hpp"

namespace kronwerk::operators {

using core::Index;

/// Several linear combinations of local products of the same block, y_o = Σ_p w_op P_p x with
/// P_p = C_p1 ⊗ … ⊗ C_pq. Each product is computed once, from what others have computed already
/// where one begins like another: W² x from W x, (A ⊗ B) x from (I ⊗ B) x.
class LocalCombination {
 public:
  struct Term {
    double weight = 1;
    std::vector<factors::Chain> chains;
  };
  struct Output {
    factors::View view;
    bool accumulate = false;
  };

  /// Local. Chains with inverses must have been factorised before apply() is called.
  /// @param outputs  the terms of each y_o, at least one term in all; all of the same shape
  explicit LocalCombination(const std::vector<std::vector<Term>>& outputs);

  Index rows() const noexcept { return rows_; }
  Index cols() const noexcept { return cols_; }
  /// How many fibres, of `available` ones, make one piece of work whose buffers are bounded.
  Index piece(Index available) const;
  /// Whether output `o` is x itself.
  bool is_input(std::size_t o) const;

  /// y_o = Σ w_op P_p x, or += where the output accumulates. The outputs must not overlap each
  /// other; one of them may be the same view as x.
  void apply(factors::ConstView x, std::span<const Output> outputs) const;

 private:
  /// A product that is computed from x (source -1) or from an earlier node.
  struct Node {
    int source = -1;
    factors::LocalProduct product;
    int users = 0;  ///< nodes and outputs that read it
  };
  struct Share {
    int node;  ///< -1: x
    double weight;
  };

  bool computed_in_place(std::size_t node, const Output& output, std::size_t o, bool alias) const;

  Index rows_ = 1;
  Index cols_ = 1;
  std::vector<Node> nodes_;
  std::vector<std::vector<Share>> outputs_;
};

}  // namespace kronwerk::operators
