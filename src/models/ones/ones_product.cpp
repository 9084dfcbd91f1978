#include "models/ones/ones_product.hpp"

#include <algorithm>

#include "kronwerk/factors/dense/dense_values.hpp"
#include "models/covariance/chains.hpp"

namespace kronwerk::models {

std::vector<bool> ones_of(const Covariance& covariance, const ScaledProduct& product) {
  std::vector<bool> result;
  bool diagonal = true;
  for (std::size_t mode = 0; mode < product.chains.size(); ++mode) {
    const auto& chain = product.chains[mode];
    result.push_back(is_ones(chain));
    diagonal = diagonal && (!result.back() || covariance.diagonal_in_basis(mode, chain));
  }
  if (diagonal) result.assign(result.size(), false);
  return result;
}

OnesProduct::OnesProduct(const Covariance& covariance, BasisMatrices& matrices,
                         const ScaledProduct& product, const OnesColumns::Set& set)
    : scale_(product.scale) {
  for (std::size_t mode = 0; mode < product.chains.size(); ++mode) {
    if (set.ones[mode]) continue;
    Mode& part = modes_.emplace_back(Mode{covariance.extents()[mode], set.strides[mode], {}, {}});
    if (auto list = covariance.diagonal_in_basis(mode, product.chains[mode])) {
      part.list = std::move(*list);
    } else {
      part.full =
          matrices.full(covariance.comm(), covariance.matrix_bases()[mode], product.chains[mode])
              .full;
    }
  }
}

bool OnesProduct::diagonal() const {
  return std::ranges::all_of(modes_, [](const Mode& mode) { return mode.full == nullptr; });
}

double OnesProduct::at(Index row, Index column) const {
  double result = scale_;
  for (const Mode& mode : modes_) {
    const Index i = row / mode.stride % mode.extent, j = column / mode.stride % mode.extent;
    if (mode.full) {
      const auto place = static_cast<std::size_t>(std::max(i, j) * mode.extent + std::min(i, j));
      result *= factors::dense_values(*mode.full)[place];
    } else if (i != j) {
      return 0;
    } else if (!mode.list.empty()) {
      result *= mode.list[static_cast<std::size_t>(i)];
    }
  }
  return result;
}

}  // namespace kronwerk::models
