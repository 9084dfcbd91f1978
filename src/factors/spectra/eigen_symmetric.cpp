// Declared in factors/spectra/eigen_local.hpp.
// Symmetric and generalised symmetric eigenproblems by LAPACK on one rank: divide and conquer
// (Gu and Eisenstat 1995). LAPACK's column k is our row k, which is what chains need.
// See src/MATHEMATICS.md, "Fast diagonalisation".
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "factors/base/lapack.hpp"
#include "factors/spectra/eigen_local.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::factors {
namespace {

[[noreturn]] void throw_no_convergence(Index n, const std::string& name) {
  throw core::DataError(fmt::format(
      "the eigenvalues of '{}' ({} x {}) did not converge; look at its entries: they may differ "
      "too much in size",
      name, n, n));
}

std::vector<std::complex<double>> to_complex(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

// Our row-major lower triangle is LAPACK's upper one.
void dsyevd(const char* job, Index extent, double* matrix, double* eigenvalues,
            const std::string& name) {
  const int n = core::narrow<int>(extent);
  if (n == 0) return;
  int info = 0;
  int query = -1;
  double work_size = 0;
  int int_size = 0;
  dsyevd_(job, "U", &n, matrix, &n, eigenvalues, &work_size, &query, &int_size, &query, &info, 1,
          1);
  const auto needed = static_cast<Index>(work_size);
  if (needed > std::numeric_limits<int>::max()) {
    throw core::ResourceError(fmt::format(
        "'{}' ({} x {}) is too large for the eigensolver of one rank; run with more ranks", name,
        extent, extent));
  }
  const int work_count = static_cast<int>(needed);
  std::vector<double> work(static_cast<std::size_t>(work_count));
  std::vector<int> int_work(static_cast<std::size_t>(int_size));
  dsyevd_(job, "U", &n, matrix, &n, eigenvalues, work.data(), &work_count, int_work.data(),
          &int_size, &info, 1, 1);
  if (info != 0) throw_no_convergence(extent, name);
}

}  // namespace

void symmetric_eigenvalues(Index n, double* matrix, double* eigenvalues, const std::string& name) {
  dsyevd("N", n, matrix, eigenvalues, name);
}

Spectrum symmetric_eigen(Index n, double* matrix, const std::string& name) {
  std::vector<double> eigenvalues(static_cast<std::size_t>(n));
  dsyevd("V", n, matrix, eigenvalues.data(), name);
  Spectrum result;
  result.eigenvalues = to_complex(eigenvalues);
  return result;
}

Spectrum pair_eigen(Index extent, double* matrix, double* partner, bool vectors,
                    const std::string& name, const std::string& partner_name) {
  const int n = core::narrow<int>(extent);
  const double norm = row_norm(extent, partner);
  const char* job = vectors ? "V" : "N";
  const int type = 1;
  int info = 0;
  int query = -1;
  double work_size = 0;
  int int_size = 0;
  std::vector<double> eigenvalues(static_cast<std::size_t>(n));
  dsygvd_(&type, job, "U", &n, matrix, &n, partner, &n, eigenvalues.data(), &work_size, &query,
          &int_size, &query, &info, 1, 1);
  const int work_count = core::narrow<int>(static_cast<Index>(work_size));
  std::vector<double> work(static_cast<std::size_t>(work_count));
  std::vector<int> int_work(static_cast<std::size_t>(int_size));
  dsygvd_(&type, job, "U", &n, matrix, &n, partner, &n, eigenvalues.data(), work.data(),
          &work_count, int_work.data(), &int_size, &info, 1, 1);
  if (info > 0 && info <= n) throw_no_convergence(extent, name);
  return describe_pair(extent, std::move(eigenvalues), info == 0, "U", partner, norm, partner_name);
}

double row_norm(Index n, const double* matrix) {
  double norm = 0;
  for (Index i = 0; i < n; ++i) {
    double sum = 0;
    for (Index j = 0; j < n; ++j) sum += std::abs(matrix[i * n + j]);
    norm = std::max(norm, sum);
  }
  return norm;
}

Spectrum describe_pair(Index extent, std::vector<double> eigenvalues, bool definite,
                       const char* uplo, const double* cholesky, double norm,
                       const std::string& partner_name) {
  const int n = core::narrow<int>(extent);
  Spectrum result;
  result.kind = BasisKind::pair;
  double reciprocal = 0;
  if (definite) {
    std::vector<double> work(3 * static_cast<std::size_t>(n));
    std::vector<int> int_work(static_cast<std::size_t>(n));
    int info = 0;
    dpocon_(uplo, &n, cholesky, &n, &norm, &reciprocal, work.data(), int_work.data(), &info, 1);
  }
  if (!(reciprocal > static_cast<double>(n) * std::numeric_limits<double>::epsilon())) {
    result.why_not = fmt::format(
        "'{}' ({} x {}) is not positive definite (to working precision), which one matrix of a "
        "pair that is diagonalised together must be",
        partner_name, n, n);
    return result;
  }
  result.eigenvalues = to_complex(eigenvalues);
  // The basis is V = L⁻ᵀ Z with orthonormal Z.
  result.condition = std::max(1.0, std::sqrt(1 / reciprocal));
  for (Index i = 0; i < extent; ++i) {
    result.log_abs_det += 2 * std::log(cholesky[i * (extent + 1)]);
  }
  return result;
}

}  // namespace kronwerk::factors
