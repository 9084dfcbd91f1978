#pragma once

#include <span>
#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/distribution/layout.hpp"

namespace kronwerk::models {

/// w_k with log W ≈ Σ_k log w_k in the least squares over the cells where W > 0 (analysis of
/// variance without interactions): mode after mode until nothing changes. Weights far below the
/// largest count as 1e-12 of it. Collective.
/// @param values  this rank's home block of `layout`
std::vector<std::vector<double>> nearest_weights(const communication::Communicator& comm,
                                                 const distribution::Layout& layout,
                                                 std::span<const double> values);

/// The largest factor between two products, as its logarithm: max |Σ_k log w_k − log v_k|. Local.
double distance(const std::vector<std::vector<double>>& w,
                const std::vector<std::vector<double>>& v);

}  // namespace kronwerk::models
