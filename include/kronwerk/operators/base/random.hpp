#pragma once

#include <cstdint>
#include <span>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::operators {

using core::Index;

enum class RandomKind { normal, uniform };

/// The `count` numbers from global position `first` on of the counter-based sequence `seed`
/// (Philox4x32-10): standard normal or uniform on [0, 1). The same for every np. Vectorised. Local.
void fill_random(RandomKind kind, std::uint64_t seed, Index first, std::span<double> values);
/// As fill_random() without a stream, which is stream 0: 2^64 sequences for every seed, each as
/// good as independent of the others. Local.
void fill_random(RandomKind kind, std::uint64_t seed, std::uint64_t stream, Index first,
                 std::span<double> values);

}  // namespace kronwerk::operators
