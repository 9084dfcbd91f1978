#pragma once

#include <complex>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/factors/spectra/bases.hpp"
#include "kronwerk/operators/base/linear_operator.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"
#include "kronwerk/operators/schur/schur.hpp"

namespace kronwerk::operators {

/// coefficient * ⊗_k Λ_{t,k}: one term of an operator in its basis. An empty list is an identity;
/// the order is that of the mode's Basis::eigenvalues.
struct SpectralTerm {
  double coefficient = 1;
  std::vector<std::vector<std::complex<double>>> eigenvalues;
};

/// coefficient * (Σ terms)⁻¹: the inverse of a sum as part of a larger one.
struct SpectralReciprocal {
  double coefficient = 1;
  std::vector<SpectralTerm> terms;
};

/// Op = (⊗P_k) Λ (⊗Q_k), Λ = Σ_t c_t ⊗_k Λ_{t,k} + Σ reciprocals: sums of products whose factors
/// are brought to simple form together, mode by mode (fast diagonalisation; Lynch, Rice and Thomas
/// 1964). Bases of kind `schur` are refused here; see SchurSum.
struct SpectralSum {
  std::vector<factors::BasisPtr> bases;  ///< one per mode
  std::vector<SpectralTerm> terms;
  /// Of real spectra without zeros only, which the caller has seen to.
  std::vector<SpectralReciprocal> reciprocals{};
  core::Extents extents() const;
};

/// Smallest and largest |λ| over the whole grid, and where the smallest is. Collective; N/P values
/// per rank are computed on the fly, nothing N-sized is stored.
struct SpectralRange {
  double smallest = 0;
  double largest = 0;
  std::vector<Index> place;  ///< of the smallest, one index per mode
};
SpectralRange spectral_range(const communication::Communicator& comm, const SpectralSum& sum);

/// Throws the DataError that names the offending eigenvalues ("eigenvalue 3 of mode 1 (1.5) and
/// eigenvalue 2 of mode 2 (-1.5)") if the spectrum is singular to working precision. Collective.
void check_regular(const communication::Communicator& comm, const SpectralSum& sum);

/// Op⁻¹ as an operator: one home → away → home, the scaling done in the away layout.
/// Complex-conjugate pairs are handled in real arithmetic.
/// @param batch  vectors at once: a further leading mode if > 1
/// Collective. @throws DataError if the spectrum is singular (check_regular)
OperatorPtr make_spectral_inverse(const communication::Communicator& comm,
                                  std::shared_ptr<Workspace> workspace, const SpectralSum& sum,
                                  Index batch = 1, std::optional<int> leading_modes = std::nullopt);

/// f(Op) for a real spectrum; f works in place on a run of eigenvalues. Otherwise the same.
using SpectralFunction = std::function<void(std::span<double> eigenvalues)>;
OperatorPtr make_spectral_function(const communication::Communicator& comm,
                                   std::shared_ptr<Workspace> workspace, const SpectralSum& sum,
                                   SpectralFunction function, Index batch = 1,
                                   std::optional<int> leading_modes = std::nullopt);

/// log|det Op| and sign: Σ log|λ| (a conjugate pair is positive) plus the bases' own. Nothing
/// N-sized. Collective.
factors::Determinant spectral_determinant(const communication::Communicator& comm,
                                          const SpectralSum& sum);

/// tr(Op⁻¹ D) for D = Σ products (the derivative of Op), from the diagonals (2 x 2 blocks) of
/// P_k⁻¹ D_k Q_k⁻¹: O(n_k³ / P) flops for each distinct D_k, then O(N / P). Collective.
/// @throws DataError if the spectrum is singular (check_regular)
struct ScaledProduct;
double trace_of_inverse(const communication::Communicator& comm, const SpectralSum& sum,
                        std::span<const ScaledProduct> derivative);

/// The same for a D that is known in the bases of `sum`: D = (⊗P_k) (Σ terms) (⊗Q_k). Eigenvalues
/// are enough. O(N / P) flops. Collective.
double trace_of_inverse(const communication::Communicator& comm, const SpectralSum& sum,
                        std::span<const SpectralTerm> derivative);

/// The eigenvalues of Op with flat indices first, first + 1, … of the grid, for parallel output.
/// Local.
void spectral_eigenvalues(const SpectralSum& sum, Index first,
                          std::span<std::complex<double>> values);

}  // namespace kronwerk::operators
