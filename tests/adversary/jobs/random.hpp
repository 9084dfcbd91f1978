#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

namespace kronwerk::adversary {

/// SplitMix64 (Steele et al. 2014): the same numbers for the same seed with every compiler, which
/// the standard library's distributions do not promise.
class Random {
 public:
  /// The seed is mixed first: neighbours would otherwise be one stream, shifted by a few numbers.
  explicit Random(std::uint64_t seed) : state_(seed) { state_ = bits(); }

  std::uint64_t bits() {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  /// In [0, 1).
  double unit() { return static_cast<double>(bits() >> 11) * 0x1.0p-53; }
  double between(double lower, double upper) { return lower + (upper - lower) * unit(); }
  /// In [0, count).
  std::int64_t below(std::int64_t count) {
    return static_cast<std::int64_t>(bits() % static_cast<std::uint64_t>(count));
  }
  /// True once in `count` times.
  bool one_in(std::int64_t count) { return below(count) == 0; }
  bool chance(double probability) { return unit() < probability; }
  double sign() { return one_in(2) ? 1 : -1; }
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - unit()));
    return radius * std::cos(2 * std::numbers::pi * unit());
  }
  template <typename T>
  const T& pick(const std::vector<T>& from) {
    return from[static_cast<std::size_t>(below(std::ssize(from)))];
  }

 private:
  std::uint64_t state_;
};

}  // namespace kronwerk::adversary
