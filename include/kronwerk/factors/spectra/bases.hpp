#pragma once

#include <complex>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/factors/base/chain.hpp"

namespace kronwerk::factors {

/// What is known of a factor's symmetry.
struct Symmetry {
  /// A = Aᵀ to rounding.
  bool symmetric = false;
  /// d > 0 with d_i a_ij = d_j a_ji, so that D^½ A D^-½ is symmetric; all ones if `symmetric`,
  /// empty if there is none.
  std::vector<double> scale;
  /// Bounds of the eigenvalues if there is a scale (Gershgorin, refined where that is cheap);
  /// otherwise minus and plus the least of the 1- and infinity-norms. Zeros unless `bounded`.
  double least = 0;
  double greatest = 0;
  bool bounded = false;
};

enum class SymmetryDetail { scale, bounds };

/// Analyses every factor of the list of which less is known, each once, different ones by different
/// ranks of all nodes at the same time; the same answers on every rank. Collective on comm.
void analyse_symmetry(const communication::Communicator& comm, std::span<const FactorPtr> factors,
                      SymmetryDetail detail);

/// Of one factor, with bounds; analyses it unless that is done. Collective on comm.
const Symmetry& find_symmetry(const communication::Communicator& comm, const FactorPtr& factor);

/// How the matrices of one mode are brought to simple form.
enum class BasisKind {
  identity,           ///< the matrices are diagonal already
  symmetric,          ///< Λ = VᵀAV with orthonormal V
  scaled,             ///< D^½ A D^-½ is symmetric
  pair,               ///< symmetric A and positive definite B: VᵀAV = Λ, VᵀBV = I
  eigenvectors,       ///< X⁻¹AX = Λ with well-conditioned X; Λ may have 2 x 2 blocks
  schur,              ///< A = Q T Qᵀ with T upper quasi-triangular
  generalised_schur,  ///< any A and B: A = Q S Zᵀ, B = Q T Zᵀ, S upper quasi-, T upper triangular
};

/// A = P Λ Q (for a pair also B = P Q): P⁻¹ takes right-hand sides to the basis, Q⁻¹ takes
/// solutions out of it. Immutable, in node-shared memory.
///
/// Real arithmetic throughout: a complex-conjugate pair of eigenvalues a ± bi (b > 0) is the 2 x 2
/// block [a b; -b a] of Λ. Blocks stand first: rows 2p and 2p+1 for p < pairs, then the real
/// eigenvalues. For `schur`, Λ is `triangular` and the order is LAPACK's; likewise for
/// `generalised_schur` (Moler and Stewart 1973), unless only the eigenvalues were asked for.
struct Basis {
  BasisKind kind = BasisKind::identity;
  Index extent = 0;
  Chain to_basis;    ///< P⁻¹
  Chain from_basis;  ///< Q⁻¹
  /// Λ's eigenvalues: a + bi and a - bi at 2p and 2p + 1. Ascending if all are real, unless the
  /// bases are diagonal (`identity`, or a pair of diagonals) or those of a matrix of ones (n, 0,
  /// …); as LAPACK orders them for `schur`.
  std::vector<std::complex<double>> eigenvalues;
  Index pairs = 0;               ///< complex-conjugate pairs
  FactorPtr triangular;          ///< of `schur`: T; of `generalised_schur`: S
  FactorPtr partner_triangular;  ///< of `generalised_schur`: T
  /// Of `generalised_schur`: β in the eigenvalues α/β of the pair, α being in `eigenvalues` (the
  /// diagonals of S and T in complex form); 0 for an infinite one.
  std::vector<double> partner_eigenvalues;
  double condition = 1;      ///< 2-norm condition (estimate) of to_basis and of from_basis
  double log_abs_det = 0;    ///< log|det(P Q)|: of B for a pair, else 0
  int determinant_sign = 1;  ///< of det(P Q); -1 only for `generalised_schur`
  std::string description;   ///< "symmetric eigendecomposition (ELPA, 4000 x 4000)", for reports
  bool real() const noexcept {
    return pairs == 0 && kind != BasisKind::schur && kind != BasisKind::generalised_schur;
  }
};
using BasisPtr = std::shared_ptr<const Basis>;

/// What is asked for one mode.
struct BasisRequest {
  Chain matrix;                    ///< A, square
  std::optional<Chain> partner{};  ///< B of a pair: symmetric positive definite
  bool schur_allowed = false;      ///< take Schur where the eigenvectors' condition is 1e3 or more
  bool eigenvalues_only = false;   ///< to_basis and from_basis stay empty
  /// The pair by QZ, whatever A and B are; else a pair needs symmetric A and definite B.
  bool generalised_schur = false;

  friend bool operator==(const BasisRequest&, const BasisRequest&) = default;
};

/// Bases of several modes: requests for the same chains are computed once; small ones are spread
/// over the ranks and computed at the same time, large symmetric ones (a few thousand) by all ranks
/// together (ELPA) where that is faster. Diagonal matrices and identities cost nothing. Collective
/// on comm.
///
/// An empty pointer: there is no such basis (eigenvectors too ill-conditioned and Schur not
/// allowed, or no symmetric definite pair); why_not says it.
/// @throws DataError for NaN or no convergence, ResourceError
struct BasisResult {
  std::vector<BasisPtr> bases;
  std::vector<std::string> why_not;
};
BasisResult find_bases(const communication::Communicator& comm,
                       std::span<const BasisRequest> requests);

/// How many decompositions (eigen or Schur) this process has taken part in (for tests and reports).
Index decomposition_count() noexcept;

/// exp(t A) as a dense factor, once per node; diagonal if A is. Collective on comm.
/// @throws ShapeError if A is not square, DataError if the exponential is not finite
FactorPtr exponential(const communication::Communicator& comm, std::string name, double t,
                      const Chain& matrix);

/// <A, B> = tr(AᵀB) and tr(A), of explicit factors without inverses. Collective on comm.
double inner_product(const communication::Communicator& comm, const Factor& a, const Factor& b);
double trace(const communication::Communicator& comm, const Factor& factor);

}  // namespace kronwerk::factors
