// Coordinates of Gaussian Markov fields whose precision is given by sparse matrices (Rue and Held
// 2005). See src/MATHEMATICS.md, "Gaussian models".
#include "models/covariance/sparse_basis.hpp"

#include <fmt/format.h>

#include <limits>

#include "kronwerk/factors/sparse/sparse_cholesky_factor.hpp"

namespace kronwerk::models {

using core::Index;
using factors::Basis;
using factors::BasisKind;
using factors::BasisPtr;
using factors::Chain;
using factors::FactorPtr;
using factors::Link;

namespace {

BasisPtr root_basis(Link root, double log_abs_det, std::string description) {
  auto basis = std::make_shared<Basis>();
  basis->kind = BasisKind::pair;
  basis->extent = root.factor->rows();
  basis->from_basis = {root};
  basis->to_basis = factors::transposed({root});
  basis->eigenvalues.assign(static_cast<std::size_t>(basis->extent), 1.0);
  basis->log_abs_det = log_abs_det;
  basis->description = std::move(description);
  return basis;
}

/// V with V Vᵀ = A for inv(A) with a sparse A.
BasisPtr sparse_precision_basis(const communication::Communicator& comm, const FactorPtr& matrix) {
  const Index n = matrix->rows();
  const auto cholesky = factors::sparse_cholesky(comm, matrix);
  const auto fail = [&](const std::string& what) {
    throw core::DataError(fmt::format("the factor '{}' ({} x {}) is no precision matrix: it is {}",
                                      matrix->name(), n, n, what));
  };
  if (!cholesky.symmetric) fail("not symmetric");
  if (!cholesky.factor) fail("not positive definite");
  constexpr double epsilon = std::numeric_limits<double>::epsilon();
  if (cholesky.least_pivot <= static_cast<double>(n) * epsilon * cholesky.greatest_pivot) {
    fail(fmt::format(
        "singular to working precision, the pivots of its Cholesky factorisation being between "
        "{:.2g} and {:.2g}; add a multiple of the identity to it",
        cholesky.least_pivot, cholesky.greatest_pivot));
  }
  return root_basis({cholesky.factor}, -cholesky.log_abs_det,
                    fmt::format("sparse Cholesky factorisation ({} x {})", n, n));
}

/// Whether the chain is A⁻¹A⁻ᵀ with a sparse A, or its transpose.
bool is_inverse_of_gram(const Chain& chain) {
  return chain.size() == 2 && chain[0].factor == chain[1].factor && chain[0].inverse &&
         chain[1].inverse && chain[0].transposed != chain[1].transposed &&
         chain[0].factor->kind() == factors::Kind::sparse;
}

}  // namespace

BasisPtr sparse_basis(const communication::Communicator& comm, const Chain& chain) {
  if (chain.size() == 1 && chain[0].inverse && chain[0].factor->kind() == factors::Kind::sparse) {
    return sparse_precision_basis(comm, chain[0].factor);
  }
  if (!is_inverse_of_gram(chain)) return nullptr;
  // K⁻¹ = AᵀA for A⁻¹A⁻ᵀ.
  const FactorPtr& factor = chain[0].factor;
  const Index n = factor->rows();
  const std::vector<FactorPtr> factors{factor};
  factors::factorise(comm, factors);
  return root_basis({factor, !chain[0].transposed},
                    -2 * factor->factorisation()->determinant().log_abs,
                    fmt::format("given root of the precision, {} ({} x {})",
                                factor->factorisation()->description(), n, n));
}

}  // namespace kronwerk::models
