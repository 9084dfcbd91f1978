#pragma once

#include <optional>
#include <span>
#include <vector>

namespace kronwerk::models {

/// The inverse of an information matrix, zero in the rows of `fixed` variables; absent if it is not
/// positive definite.
std::optional<std::vector<double>> estimate_covariance(std::span<const double> information,
                                                       std::span<const char> fixed);

/// V M V of (n, n) matrices: the covariance V of estimates as it is where the variance is not the
/// model's, by the sums M of products of the scores (White 1982).
std::vector<double> sandwich(std::span<const double> covariance, std::span<const double> products);

}  // namespace kronwerk::models
