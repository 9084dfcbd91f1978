// Declared in factors/spectra/eigen_local.hpp.
// Two general matrices by LAPACK on one rank: the QZ decomposition (Moler and Stewart 1973), which
// needs neither of them to be regular.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "factors/base/lapack.hpp"
#include "factors/spectra/eigen_local.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::factors {
namespace {

// Of an orthogonal matrix: 1 or -1.
int determinant_sign(Index extent, const double* orthogonal) {
  const int n = core::narrow<int>(extent);
  std::vector<double> copy(orthogonal, orthogonal + extent * extent);
  std::vector<int> pivots(static_cast<std::size_t>(n));
  int info = 0;
  dgetrf_(&n, &n, copy.data(), &n, pivots.data(), &info);
  int sign = 1;
  for (Index i = 0; i < extent; ++i) {
    if (pivots[static_cast<std::size_t>(i)] != i + 1) sign = -sign;
    if (copy[static_cast<std::size_t>(i * (extent + 1))] < 0) sign = -sign;
  }
  return sign;
}

}  // namespace

Spectrum generalised_schur(Index extent, double* matrix, double* partner, double* left,
                           double* right, const std::string& name,
                           const std::string& partner_name) {
  const int n = core::narrow<int>(extent);
  transpose_in_place(extent, matrix);
  transpose_in_place(extent, partner);
  std::vector<double> real(static_cast<std::size_t>(n));
  std::vector<double> imaginary(real.size());
  Spectrum result;
  result.kind = BasisKind::generalised_schur;
  result.partner_eigenvalues.resize(real.size());
  double size = 0;
  int count = -1;
  int info = 0;
  int selected = 0;
  const auto run = [&](double* work) {
    dgges3_("V", "V", "N", nullptr, &n, matrix, &n, partner, &n, &selected, real.data(),
            imaginary.data(), result.partner_eigenvalues.data(), left, &n, right, &n, work, &count,
            nullptr, &info, 1, 1, 1);
  };
  run(&size);
  count = static_cast<int>(size);
  std::vector<double> work(static_cast<std::size_t>(count));
  run(work.data());
  if (info != 0) {
    throw core::DataError(fmt::format(
        "the generalised eigenvalues of '{}' and '{}' ({} x {}) did not converge; look at their "
        "entries: they may differ too much in size",
        name, partner_name, n, n));
  }
  for (std::size_t k = 0; k < real.size(); ++k) {
    result.eigenvalues.emplace_back(real[k], imaginary[k]);
    if (imaginary[k] > 0) ++result.pairs;
  }
  result.determinant_sign = determinant_sign(extent, left) * determinant_sign(extent, right);
  // LAPACK's columns of Q and Z are our rows of Qᵀ and Zᵀ.
  transpose_in_place(extent, matrix);
  transpose_in_place(extent, partner);
  return result;
}

Spectrum generalised_eigenvalues(Index extent, double* matrix, double* partner,
                                 const std::string& name, const std::string& partner_name) {
  const auto entries = static_cast<std::size_t>(core::multiply(extent, extent));
  std::vector<double> left(entries), right(entries);
  const Spectrum found =
      generalised_schur(extent, matrix, partner, left.data(), right.data(), name, partner_name);
  Spectrum result;
  result.kind = BasisKind::generalised_schur;
  result.determinant_sign = found.determinant_sign;
  result.pairs = found.pairs;
  const auto& beta = found.partner_eigenvalues;
  for (std::size_t k = 0; k < found.eigenvalues.size(); ++k) {
    const auto alpha = found.eigenvalues[k];
    if (!(alpha.imag() > 0)) continue;
    // α and β of the first, scaled so that both have the mean β.
    const double mean = std::sqrt(beta[k]) * std::sqrt(beta[k + 1]);
    const auto mean_alpha = alpha * std::sqrt(std::abs(found.eigenvalues[k + 1]) / std::abs(alpha));
    for (const auto& value : {mean_alpha, std::conj(mean_alpha)}) {
      result.eigenvalues.push_back(value);
      result.partner_eigenvalues.push_back(mean);
    }
  }
  for (std::size_t k = 0; k < found.eigenvalues.size(); ++k) {
    if (found.eigenvalues[k].imag() != 0) continue;
    result.eigenvalues.emplace_back(found.eigenvalues[k].real());
    result.partner_eigenvalues.push_back(beta[k]);
  }
  return result;
}

}  // namespace kronwerk::factors
