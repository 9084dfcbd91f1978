#pragma once

#include <optional>

#include "kronwerk/distribution/estimate.hpp"
#include "kronwerk/methods/memory.hpp"
#include "kronwerk/methods/operator_formula.hpp"

namespace kronwerk::methods {

/// What is done with an operator, as far as memory goes.
struct Workload {
  enum class Kind {
    apply,        ///< to vectors
    solve,        ///< with vectors
    determinant,  ///< its logarithm
    decompose,    ///< all factors, for eigenvalues or exponentials
    inspect,      ///< diagonals or entries of the factors as they are
  };
  Kind kind = Kind::apply;
  bool in_blocks = true;               ///< on vectors that come in blocks
  core::Index count = 1;               ///< of vectors
  std::optional<core::Index> batch{};  ///< of a block, if that is given
  bool derivatives = false;
  configuration::Method method = configuration::Method::automatic;  ///< asked for
};

/// The largest block of right-hand sides whose home block stays below 256 MB per rank, or what is
/// given; at least 1 and at most `count`.
core::Index choose_batch(const OperatorFormula& formula, const Workload& work, int ranks);

MemoryNeeds estimate_memory(const OperatorFormula& formula, const Workload& work, int ranks,
                            int nodes);

/// The estimate of one application of the operator, or of what solves with it, for a block of
/// vectors: all terms of a sum together.
distribution::ProductEstimate estimate_operator(const OperatorFormula& formula,
                                                const MemoryNeeds& needs);

}  // namespace kronwerk::methods
