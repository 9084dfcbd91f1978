#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kronwerk/kernels/formula/cloud.hpp"
#include "support/dense_oracle.hpp"

namespace kronwerk::kernels {

/// Numbers in [-scale, scale) at `count` points.
inline Cloud random_cloud(Index count, int dimension, std::uint64_t seed, double scale = 1) {
  std::vector<double> values = oracle::random_vector(count * dimension, seed);
  for (double& value : values) value *= scale;
  return {dimension, count, values};
}

/// The rows of the tests' kernel matrices: points x of the dimension, and numbers a.
inline Side random_rows(Index count, int dimension, std::uint64_t seed = 1) {
  return {0,
          count,
          {{"x", random_cloud(count, dimension, seed)}, {"a", random_cloud(count, 1, seed + 1)}}};
}

/// The columns: points y, numbers b, and vectors v of three numbers.
inline Side random_columns(Index count, int dimension, std::uint64_t seed = 11) {
  return {0,
          count,
          {{"y", random_cloud(count, dimension, seed)},
           {"b", random_cloud(count, 1, seed + 1)},
           {"v", random_cloud(count, 3, seed + 2)}}};
}

}  // namespace kronwerk::kernels
