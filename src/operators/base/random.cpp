// Counter-based random numbers: one counter per pair of values, so that any part of a sequence can
// be made by any rank.
// See src/MATHEMATICS.md, "Random numbers".
#include "kronwerk/operators/base/random.hpp"

#include "operators/base/random_simd.hpp"

namespace kronwerk::operators {

void fill_random(RandomKind kind, std::uint64_t seed, std::uint64_t stream, Index first,
                 std::span<double> values) {
  const bool normal = kind == RandomKind::normal;
  RandomPosition position{seed, stream, static_cast<std::uint64_t>(first) / 2};
  double pair[2];
  if (first % 2 == 1 && !values.empty()) {
    fill_pairs(normal, position, 1, pair);
    values[0] = pair[1];
    values = values.subspan(1);
    ++position.pair;
  }
  const Index pairs = std::ssize(values) / 2;
  fill_pairs(normal, position, pairs, values.data());
  if (values.size() % 2 == 0) return;
  position.pair += static_cast<std::uint64_t>(pairs);
  fill_pairs(normal, position, 1, pair);
  values.back() = pair[0];
}

void fill_random(RandomKind kind, std::uint64_t seed, Index first, std::span<double> values) {
  fill_random(kind, seed, 0, first, values);
}

}  // namespace kronwerk::operators
