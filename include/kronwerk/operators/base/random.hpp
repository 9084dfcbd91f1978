#pragma once

#include <cstdint>
#include <span>

#include "kronwerk/operators/products/kronecker_product.hpp"

namespace kronwerk::operators {

/// As fill_random() without a stream, which is stream 0: 2^64 sequences for every seed, each as
/// good as independent of the others. Vectorised. Local.
void fill_random(RandomKind kind, std::uint64_t seed, std::uint64_t stream, Index first,
                 std::span<double> values);

}  // namespace kronwerk::operators
