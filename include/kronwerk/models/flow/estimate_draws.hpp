#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::models {

/// Draws from the normal distribution of estimates; the same for every np. Local.
class EstimateDraws {
 public:
  /// @param covariance  (n, n), positive semidefinite: zero rows, of fixed parameters, are allowed
  /// @throws DataError if it is indefinite
  explicit EstimateDraws(std::span<const double> covariance);
  /// x += draw `number`.
  void add(std::uint64_t seed, core::Index number, std::span<double> x) const;

 private:
  std::size_t n_;
  std::vector<double> factor_;  ///< lower triangle, row-major
};

}  // namespace kronwerk::models
