#pragma once

#include <complex>
#include <optional>
#include <span>
#include <vector>

#include "kronwerk/factors/sparse/sparse_entries.hpp"

namespace kronwerk::factors {

/// Where the eigenvalues of a real square matrix lie.
struct SpectrumExtent {
  double least = 0;     ///< of the real parts
  double greatest = 0;  ///< likewise
  /// Points of the complex plane (imaginary parts ≥ 0) whose convex hull, with its mirror image,
  /// holds the eigenvalues; the two ends if all are real.
  std::vector<std::complex<double>> outline;
  bool real = true;
};

/// From a hundred steps of Lanczos (where `scale` makes D^½ W D^-½ symmetric) or Arnoldi: estimates
/// of the outermost eigenvalues, widened by their residuals and, for complex spectra, a twentieth.
/// On the calling rank; O(100 · stored entries + 10⁴ n).
/// @param scale  empty if there is none
SpectrumExtent find_spectrum_extent(const StoredEntries& matrix, std::span<const double> scale);

/// The same within the bounds that the matrix's symmetry and norms give, the same on every rank;
/// nothing if the matrix is not stored sparse. Collective.
std::optional<SpectrumExtent> find_spectrum_extent(const communication::Communicator& comm,
                                                   const Chain& matrix);

}  // namespace kronwerk::factors
