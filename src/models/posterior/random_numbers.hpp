#pragma once

#include <cstdint>
#include <span>

#include "kronwerk/operators/base/random.hpp"

namespace kronwerk::models {

/// The random numbers of one chain, one after the other: where they are in their two counter-based
/// sequences is all that there is to keep.
class RandomNumbers {
 public:
  RandomNumbers() = default;
  RandomNumbers(std::uint64_t seed, core::Index chain)
      : seed_(seed), stream_(2 * static_cast<std::uint64_t>(chain) + 1) {}

  void normal(std::span<double> values) {
    operators::fill_random(operators::RandomKind::normal, seed_, stream_, normals_, values);
    normals_ += std::ssize(values);
  }
  /// On [0, 1).
  double uniform() {
    double value = 0;
    operators::fill_random(operators::RandomKind::uniform, seed_, stream_ + 1, uniforms_,
                           std::span<double>(&value, 1));
    ++uniforms_;
    return value;
  }

  template <typename Visitor>
  void visit(Visitor&& visitor) {
    visitor(normals_);
    visitor(uniforms_);
  }

 private:
  std::uint64_t seed_ = 1;
  std::uint64_t stream_ = 1;
  core::Index normals_ = 0;
  core::Index uniforms_ = 0;
};

}  // namespace kronwerk::models
