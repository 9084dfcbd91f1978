#include "operators/kernel_matrices/kernel_low_rank.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "factors/base/lapack.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::operators {
namespace {

// Below this ratio of tr(F Fᵀ) to the shift, R is accurate enough for Woodbury's formula.
constexpr double well_conditioned = 1e6;
// No smaller shift can be told from rounding errors of FᵀF.
constexpr double least_shift = 1e-13;

// The matrices here have extents that LAPACK can take: a rank, and the points of one rank.
int as_int(Index value) {
  return core::narrow<int>(value);
}

/// R of a = RᵀR in the upper triangle (column-major), zeros below it.
void cholesky(std::vector<double>& a, Index n) {
  const int size = as_int(n);
  const int leading = std::max(1, size);
  int info = 0;
  dpotrf_("U", &size, a.data(), &leading, &info, 1);
  if (info != 0) {
    throw core::DataError(
        "the low-rank approximation of the kernel matrix is not positive definite to working "
        "precision; look for values in the points that are not finite");
  }
  for (Index j = 0; j < n; ++j) {
    std::fill_n(a.begin() + j * n + j + 1, n - j - 1, 0.0);
  }
}

}  // namespace

LowRankInverse::LowRankInverse(const communication::Communicator& comm, std::vector<double> factor,
                               Index rows, Index rank, double shift)
    : comm_(&comm), factor_(std::move(factor)), rows_(rows), rank_(rank), shift_(shift) {
  triangle_ = gram();
  double trace = 0;
  for (Index k = 0; k < rank; ++k) trace += triangle_[static_cast<std::size_t>(k * (rank + 1))];
  shift_ = std::max(shift, least_shift * trace);
  for (Index k = 0; k < rank; ++k) triangle_[static_cast<std::size_t>(k * (rank + 1))] += shift_;
  cholesky(triangle_, rank);
  if (trace > well_conditioned * shift_) orthonormalise();
  const auto points = static_cast<double>(comm.sum(rows));
  log_determinant_ = (points - static_cast<double>(rank)) * std::log(shift_);
  for (Index k = 0; k < rank; ++k) {
    log_determinant_ += 2 * std::log(triangle_[static_cast<std::size_t>(k * (rank + 1))]);
  }
}

// FᵀF, column-major, its upper triangle. Collective.
std::vector<double> LowRankInverse::gram() const {
  std::vector<double> result(static_cast<std::size_t>(rank_ * rank_), 0.0);
  if (rows_ > 0 && rank_ > 0) {
    cblas_dsyrk(CblasColMajor, CblasUpper, CblasTrans, as_int(rank_), as_int(rows_), 1.0,
                factor_.data(), as_int(rows_), 0.0, result.data(), as_int(rank_));
  }
  comm_->sum(std::span<double>(result));
  return result;
}

// With Q = F R⁻¹ and P = shift^½ R⁻¹: QᵀQ + PᵀP = I but for the rounding errors of R, which a
// second Cholesky factorisation removes.
void LowRankInverse::orthonormalise() {
  const int k = as_int(rank_);
  const auto divide = [&](const std::vector<double>& triangle, std::vector<double>& a, int rows) {
    if (rows == 0) return;
    cblas_dtrsm(CblasColMajor, CblasRight, CblasUpper, CblasNoTrans, CblasNonUnit, rows, k, 1.0,
                triangle.data(), k, a.data(), rows);
  };
  divide(triangle_, factor_, as_int(rows_));
  std::vector<double> bottom(triangle_.size(), 0.0);
  for (Index i = 0; i < rank_; ++i) {
    bottom[static_cast<std::size_t>(i * (rank_ + 1))] = std::sqrt(shift_);
  }
  divide(triangle_, bottom, k);
  std::vector<double> second = gram();
  cblas_dsyrk(CblasColMajor, CblasUpper, CblasTrans, k, k, 1.0, bottom.data(), k, 1.0,
              second.data(), k);
  cholesky(second, rank_);
  divide(second, factor_, as_int(rows_));
  cblas_dtrmm(CblasColMajor, CblasLeft, CblasUpper, CblasNoTrans, CblasNonUnit, k, k, 1.0,
              second.data(), k, triangle_.data(), k);
  orthonormal_ = true;
}

/// t = Fᵀ r of this rank's rows.
void LowRankInverse::multiply_transposed(std::span<const double> r, std::span<double> t,
                                         Index width) const {
  const int k = as_int(rank_);
  const int n = as_int(rows_);
  const int w = as_int(width);
  if (rows_ == 0) {
    std::fill(t.begin(), t.end(), 0.0);
  } else if (width == 1) {
    cblas_dgemv(CblasRowMajor, CblasNoTrans, k, n, 1.0, factor_.data(), n, r.data(), 1, 0.0,
                t.data(), 1);
  } else {
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, k, w, n, 1.0, factor_.data(), n,
                r.data(), w, 0.0, t.data(), w);
  }
}

/// z -= F t.
void LowRankInverse::subtract(std::span<const double> t, std::span<double> z, Index width) const {
  const int k = as_int(rank_);
  const int n = as_int(rows_);
  const int w = as_int(width);
  if (rows_ == 0) return;
  if (width == 1) {
    cblas_dgemv(CblasRowMajor, CblasTrans, k, n, -1.0, factor_.data(), n, t.data(), 1, 1.0,
                z.data(), 1);
  } else {
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, n, w, k, -1.0, factor_.data(), n, t.data(),
                w, 1.0, z.data(), w);
  }
}

void LowRankInverse::apply(std::span<const double> r, std::span<double> z, Index width) const {
  std::copy(r.begin(), r.end(), z.begin());
  if (rank_ > 0) {
    std::vector<double> t(static_cast<std::size_t>(rank_ * width));
    multiply_transposed(r, t, width);
    comm_->sum(std::span<double>(t));
    if (!orthonormal_) {
      // Read by rows, the triangle is the lower one of Rᵀ.
      const auto solve = [&](CBLAS_TRANSPOSE transposed) {
        cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, transposed, CblasNonUnit, as_int(rank_),
                    as_int(width), 1.0, triangle_.data(), as_int(rank_), t.data(), as_int(width));
      };
      solve(CblasNoTrans);
      solve(CblasTrans);
    }
    subtract(t, z, width);
  }
  for (double& each : z) each /= shift_;
}

void LowRankInverse::color(std::span<const double> g, std::span<const double> e,
                           std::span<double> z, Index width) const {
  const double root = std::sqrt(shift_);
  for (std::size_t i = 0; i < z.size(); ++i) z[i] = root * e[i];
  if (rank_ == 0) return;
  std::vector<double> t(g.size());
  for (std::size_t i = 0; i < g.size(); ++i) t[i] = -g[i];
  if (orthonormal_) {
    cblas_dtrmm(CblasRowMajor, CblasLeft, CblasLower, CblasTrans, CblasNonUnit, as_int(rank_),
                as_int(width), 1.0, triangle_.data(), as_int(rank_), t.data(), as_int(width));
  }
  subtract(t, z, width);
}

}  // namespace kronwerk::operators
