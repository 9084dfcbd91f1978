// Counter-based random numbers: Philox4x32-10 of Salmon, Moraes, Dror and Shaw (2011), one counter
// per pair of values, so that any part of the sequence can be made by any rank.
#include <Random123/philox.h>

#include <cmath>
#include <numbers>

#include "kronwerk/operators/kronecker_product.hpp"

namespace kronwerk::operators {
namespace {

struct Pair {
  double first;
  double second;
};

Pair pair_at(RandomKind kind, std::uint64_t seed, std::uint64_t counter) {
  using Generator = r123::Philox4x32;
  const Generator::ctr_type position{
      {static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32), 0, 0}};
  const Generator::key_type key{
      {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}};
  const auto bits = Generator{}(position, key);
  const auto uniform = [](std::uint32_t high, std::uint32_t low) {
    const auto word = (static_cast<std::uint64_t>(high) << 32) | low;
    return static_cast<double>(word >> 11) * 0x1p-53;  // [0, 1)
  };
  const double u = uniform(bits[0], bits[1]);
  const double v = uniform(bits[2], bits[3]);
  if (kind == RandomKind::uniform) return {u, v};
  // Box and Muller (1958); 1 - u lies in (0, 1].
  const double radius = std::sqrt(-2 * std::log(1 - u));
  const double angle = 2 * std::numbers::pi * v;
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

}  // namespace

void fill_random(RandomKind kind, std::uint64_t seed, Index first, std::span<double> values) {
  for (std::size_t i = 0; i < values.size();) {
    const auto position = static_cast<std::uint64_t>(first) + i;
    const Pair pair = pair_at(kind, seed, position / 2);
    if (position % 2 == 1) {
      values[i++] = pair.second;
      continue;
    }
    values[i++] = pair.first;
    if (i < values.size()) values[i++] = pair.second;
  }
}

}  // namespace kronwerk::operators
