// Declared in kronwerk/operators/products/kronecker_product.hpp.
// Determinant, trace and diagonal of a product, from its factors alone:
//   log|det(C_1 ⊗ … ⊗ C_K)| = Σ_k N/n_k log|det C_k|,   tr = Π_k tr C_k,   diag = ⊗_k diag C_k.
#include <cmath>
#include <numeric>

#include "kronwerk/operators/products/kronecker_product.hpp"
#include "operators/products/chain_diagonal.hpp"

namespace kronwerk::operators {

factors::Determinant KroneckerProduct::determinant() const {
  const Index size = input_.size();
  factors::Determinant result;
  const auto include = [&](double log_abs, int sign, Index power) {
    if (power == 0) return;
    result.log_abs += static_cast<double>(power) * log_abs;
    if (sign == 0 || power % 2 != 0) result.sign *= sign;
  };
  include(std::log(std::abs(scale_)), (scale_ > 0) - (scale_ < 0), size);
  for (const auto& chain : chains_) {
    const auto determinant = chain_determinant(*comm_, chain);
    const Index extent = factors::rows(chain);
    include(determinant.log_abs, determinant.sign, extent == 0 ? 0 : size / extent);
  }
  return result;
}

double KroneckerProduct::trace() const {
  double trace = scale_;
  for (const auto& chain : chains_) {
    const auto diagonal = chain_diagonal(*comm_, chain);
    trace *= std::accumulate(diagonal.begin(), diagonal.end(), 0.0);
  }
  return trace;
}

void KroneckerProduct::diagonal(std::span<double> values) const {
  std::vector<std::vector<double>> diagonals;
  for (const auto& chain : chains_) diagonals.push_back(chain_diagonal(*comm_, chain));
  const auto& extents = input_.extents();
  Index position = input_.home_begin(comm_->rank());
  for (double& value : values) {
    Index rest = position++;
    value = scale_;
    for (std::size_t mode = extents.size(); mode-- > 0;) {
      value *= diagonals[mode][static_cast<std::size_t>(rest % extents[mode])];
      rest /= extents[mode];
    }
  }
}

double trace_of_ratio(const KroneckerProduct& op, const KroneckerProduct& numerator) {
  const auto& comm = op.comm();
  double trace = numerator.scale() / op.scale();
  for (std::size_t mode = 0; mode < op.chains().size(); ++mode) {
    factors::Chain chain = factors::inverse(factors::with_square_links(comm, op.chains()[mode]));
    const factors::Chain& top = numerator.chains()[mode];
    chain.insert(chain.end(), top.begin(), top.end());
    const auto diagonal = chain_diagonal(comm, chain);
    trace *= std::accumulate(diagonal.begin(), diagonal.end(), 0.0);
  }
  return trace;
}

}  // namespace kronwerk::operators
