// Declared in factors/spectra/eigen_local.hpp.
// Non-symmetric matrices by LAPACK on one rank: one real Schur decomposition, from which the
// eigenvectors follow by back substitution; where these are too ill-conditioned it is the result
// itself.
// See src/MATHEMATICS.md, "Schur forms".
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "factors/base/lapack.hpp"
#include "factors/dense/dense_apply.hpp"
#include "factors/spectra/eigen_local.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/factors/base/mode_view.hpp"

namespace kronwerk::factors {
namespace {

// Singular values cost less than the decomposition itself up to this extent; beyond it the
// condition is estimated.
constexpr Index exact_condition_extent = 300;
constexpr int power_steps = 30;

[[noreturn]] void throw_no_convergence(Index n, const std::string& name) {
  throw core::DataError(fmt::format(
      "the eigenvalues of '{}' ({} x {}) did not converge; look at its entries: they may differ "
      "too much in size",
      name, n, n));
}

// The columns of LAPACK's eigenvectors in our order: pairs (by real part, then imaginary part)
// first, then real eigenvalues, ascending. A pair is named by its first column.
struct Order {
  std::vector<Index> pairs;
  std::vector<Index> reals;
};

Order order_of(const std::vector<double>& real, const std::vector<double>& imaginary) {
  Order order;
  for (std::size_t k = 0; k < real.size(); ++k) {
    if (imaginary[k] == 0) {
      order.reals.push_back(static_cast<Index>(k));
    } else {
      order.pairs.push_back(static_cast<Index>(k));
      ++k;
    }
  }
  const auto before = [&](Index a, Index b) {
    const auto i = static_cast<std::size_t>(a);
    const auto j = static_cast<std::size_t>(b);
    return std::pair(real[i], std::abs(imaginary[i])) < std::pair(real[j], std::abs(imaginary[j]));
  };
  std::sort(order.pairs.begin(), order.pairs.end(), before);
  std::sort(order.reals.begin(), order.reals.end(), before);
  return order;
}

void set_eigenvalues(const Order& order, const std::vector<double>& real,
                     const std::vector<double>& imaginary, Spectrum& result) {
  result.pairs = std::ssize(order.pairs);
  for (const Index column : order.pairs) {
    const auto k = static_cast<std::size_t>(column);
    result.eigenvalues.emplace_back(real[k], std::abs(imaginary[k]));
    result.eigenvalues.emplace_back(real[k], -std::abs(imaginary[k]));
  }
  for (const Index k : order.reals) {
    result.eigenvalues.emplace_back(real[static_cast<std::size_t>(k)]);
  }
}

// x = the eigenvectors as rows, in our order, each of norm 1; a pair as √2 times the real and
// imaginary part, which makes the rows orthonormal where the complex vectors are.
void arrange(Index n, const Order& order, const double* vectors, double* x) {
  const auto norm = [n](const double* v) {
    return std::sqrt(std::inner_product(v, v + n, v, 0.0));
  };
  double* target = x;
  for (const Index column : order.pairs) {
    const double* real = vectors + column * n;
    const double scale = std::sqrt(2.0) / std::hypot(norm(real), norm(real + n));
    std::transform(real, real + 2 * n, target, [=](double value) { return scale * value; });
    target += 2 * n;
  }
  for (const Index column : order.reals) {
    const double* real = vectors + column * n;
    const double scale = 1 / norm(real);
    std::transform(real, real + n, target, [=](double value) { return scale * value; });
    target += n;
  }
}

// False if the matrix is exactly singular.
bool invert(Index extent, double* matrix) {
  const int n = core::narrow<int>(extent);
  std::vector<int> pivots(static_cast<std::size_t>(n));
  int info = 0;
  dgetrf_(&n, &n, matrix, &n, pivots.data(), &info);
  if (info != 0) return false;
  double size = 0;
  int count = -1;
  dgetri_(&n, matrix, &n, pivots.data(), &size, &count, &info);
  count = static_cast<int>(size);
  std::vector<double> work(static_cast<std::size_t>(count));
  dgetri_(&n, matrix, &n, pivots.data(), work.data(), &count, &info);
  return info == 0;
}

// ‖A‖₂ from below, by power iteration with AᵀA.
double norm_estimate(const DenseView& a) {
  const Index n = a.rows;
  std::vector<double> x(static_cast<std::size_t>(n));
  std::vector<double> y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = i % 3 == 0 ? -1.0 : 1.0 / (1.0 + double(i % 7));
  double norm = 0;
  for (int step = 0; step < power_steps; ++step) {
    double length = std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0));
    if (!(length > 0)) return norm;
    for (double& value : x) value /= length;
    const auto in = ConstView::contiguous(x.data(), 1, n, 1);
    apply_dense(a, in, View::contiguous(y.data(), 1, n, 1));
    norm = std::sqrt(std::inner_product(y.begin(), y.end(), y.begin(), 0.0));
    apply_dense(a.transposed(), ConstView::contiguous(y.data(), 1, n, 1),
                View::contiguous(x.data(), 1, n, 1));
  }
  return norm;
}

double condition_of(Index extent, const double* matrix, const double* inverse) {
  if (extent > exact_condition_extent) {
    return norm_estimate(DenseView::row_major(matrix, extent, extent)) *
           norm_estimate(DenseView::row_major(inverse, extent, extent));
  }
  const int n = core::narrow<int>(extent);
  if (n == 0) return 1;
  std::vector<double> copy(matrix, matrix + extent * extent);
  std::vector<double> values(static_cast<std::size_t>(n));
  double size = 0;
  int count = -1;
  int info = 0;
  dgesvd_("N", "N", &n, &n, copy.data(), &n, values.data(), nullptr, &n, nullptr, &n, &size, &count,
          &info, 1, 1);
  count = static_cast<int>(size);
  std::vector<double> work(static_cast<std::size_t>(count));
  dgesvd_("N", "N", &n, &n, copy.data(), &n, values.data(), nullptr, &n, nullptr, &n, work.data(),
          &count, &info, 1, 1);
  if (info != 0) return std::numeric_limits<double>::infinity();
  return values.front() / values.back();
}

// X as columns of unit norm times anything, column-major, in the memory of Q.
void back_substitute(Index extent, const double* schur, double* vectors) {
  const int n = core::narrow<int>(extent);
  int used = 0;
  int info = 0;
  int count = -1;
  double size = 0;
  dtrevc3_("R", "B", nullptr, &n, schur, &n, nullptr, &n, vectors, &n, &n, &used, &size, &count,
           &info, 1, 1);
  count = static_cast<int>(size);
  std::vector<double> work(static_cast<std::size_t>(count));
  dtrevc3_("R", "B", nullptr, &n, schur, &n, nullptr, &n, vectors, &n, &n, &used, work.data(),
           &count, &info, 1, 1);
}

// From T in `schur` and Q in `vectors` (column-major) to what general_eigen() returns, in the same
// memory.
Spectrum eigen_of_schur(Index n, double* schur, double* vectors, std::vector<double> real,
                        std::vector<double> imaginary, bool schur_allowed,
                        const std::string& name) {
  const auto entries = static_cast<std::size_t>(core::multiply(n, n));
  Spectrum result;
  result.kind = BasisKind::eigenvectors;
  std::vector<double> x(vectors, vectors + entries);
  back_substitute(n, schur, x.data());
  std::vector<double> rows(entries);
  const Order order = order_of(real, imaginary);
  arrange(n, order, x.data(), rows.data());
  x = rows;
  // Both hold columns where the chains need rows; X⁻ᵀ and Xᵀ have the condition of X.
  const bool regular = std::all_of(x.begin(), x.end(), [](double v) { return std::isfinite(v); }) &&
                       invert(n, x.data());
  result.condition =
      regular ? condition_of(n, rows.data(), x.data()) : std::numeric_limits<double>::infinity();
  if (result.condition < largest_condition) {
    set_eigenvalues(order, real, imaginary, result);
    std::copy(x.begin(), x.end(), schur);
    std::copy(rows.begin(), rows.end(), vectors);
    transpose_in_place(n, schur);
    transpose_in_place(n, vectors);
    return result;
  }
  if (!schur_allowed) {
    result.why_not = fmt::format(
        "the eigenvectors of '{}' ({} x {}) have condition {:.1e}; a basis of eigenvectors is used "
        "below {:.0e}",
        name, n, n, result.condition, largest_condition);
    return result;
  }
  result.kind = BasisKind::schur;
  result.condition = 1;
  for (std::size_t k = 0; k < real.size(); ++k) {
    result.eigenvalues.emplace_back(real[k], imaginary[k]);
    if (imaginary[k] > 0) ++result.pairs;
  }
  // LAPACK's columns of Q are our rows of Qᵀ.
  transpose_in_place(n, schur);
  return result;
}

}  // namespace

void transpose_in_place(Index n, double* matrix) {
  constexpr Index tile = 32;
  for (Index row = 0; row < n; row += tile) {
    for (Index col = 0; col <= row; col += tile) {
      for (Index i = row; i < std::min(n, row + tile); ++i) {
        for (Index j = col; j < std::min(i, col + tile); ++j) {
          std::swap(matrix[i * n + j], matrix[j * n + i]);
        }
      }
    }
  }
}

Spectrum general_eigenvalues(Index extent, double* matrix, const std::string& name) {
  const int n = core::narrow<int>(extent);
  std::vector<double> real(static_cast<std::size_t>(n));
  std::vector<double> imaginary(real.size());
  double size = 0;
  int count = -1;
  int info = 0;
  const int one = 1;
  const auto run = [&](double* work) {
    // A and Aᵀ have the same eigenvalues, so the order of storage does not matter.
    dgeev_("N", "N", &n, matrix, &n, real.data(), imaginary.data(), nullptr, &one, nullptr, &one,
           work, &count, &info, 1, 1);
  };
  run(&size);
  count = static_cast<int>(size);
  std::vector<double> work(static_cast<std::size_t>(count));
  run(work.data());
  if (info != 0) throw_no_convergence(extent, name);
  Spectrum result;
  result.kind = BasisKind::eigenvectors;
  set_eigenvalues(order_of(real, imaginary), real, imaginary, result);
  return result;
}

Spectrum general_eigen(Index extent, double* matrix, double* second, bool schur_allowed,
                       const std::string& name) {
  const int n = core::narrow<int>(extent);
  transpose_in_place(extent, matrix);
  std::vector<double> real(static_cast<std::size_t>(n));
  std::vector<double> imaginary(real.size());
  double size = 0;
  int count = -1;
  int info = 0;
  int selected = 0;
  const auto run = [&](double* work) {
    dgees_("V", "N", nullptr, &n, matrix, &n, &selected, real.data(), imaginary.data(), second, &n,
           work, &count, nullptr, &info, 1, 1);
  };
  run(&size);
  count = static_cast<int>(size);
  std::vector<double> work(static_cast<std::size_t>(count));
  run(work.data());
  if (info != 0) throw_no_convergence(extent, name);
  return eigen_of_schur(extent, matrix, second, std::move(real), std::move(imaginary),
                        schur_allowed, name);
}

}  // namespace kronwerk::factors
