#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "kronwerk/operators/base/judge.hpp"
#include "kronwerk/operators/products/product_sum.hpp"

namespace kronwerk::operators {

/// How the solves inside an operator are judged, and who is told of every verdict.
struct Judging {
  double tolerance = 1e-10;
  std::function<void(const Verdict&)> tell;
};

/// Whether applying the chain solves with a factor: an inverse of what is no diagonal.
bool solves(const factors::Chain& chain);

/// scale * (C_1 ⊗ … ⊗ C_K), applied as products of matrices and solves in turn, (⊗A_k)(⊗B_k⁻¹)…,
/// of which every solve is judged by its residual and refined: b is what the part to the right
/// gave. As many exchanges as parts, and those of one more product per solve. Collective on comm.
/// @param batch          the vectors of the chains' leading identity mode; 1 without one
/// @param leading_modes  the split; that of the ProductSum of the same chains if absent
/// @throws as ProductSum
OperatorPtr make_judged_product(const communication::Communicator& comm,
                                std::shared_ptr<Workspace> workspace, const ScaledProduct& product,
                                Index batch, std::optional<int> leading_modes,
                                const Judging& judging);

}  // namespace kronwerk::operators
