#pragma once

#include <memory>

#include "factors/dense_apply.hpp"
#include "factors/local_factorisation.hpp"

namespace kronwerk::factors {

/// Cholesky where the matrix is symmetric and turns out positive definite, else LU with row
/// exchanges; for small matrices whose inverse passes an accuracy check also the explicit inverse.
std::unique_ptr<LocalFactorisation> begin_dense_factorisation(const Factor& factor,
                                                              const DenseView& matrix);

/// A view of what begin_dense_factorisation(…)->store() wrote.
std::shared_ptr<const Factorisation> attach_dense_factorisation(
    Index extent, communication::SharedArray<std::byte> memory);

}  // namespace kronwerk::factors
