#include "kronwerk/factors/spectra/spectrum_extent.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "factors/spectra/eigen_local.hpp"
#include "kronwerk/factors/spectra/bases.hpp"

namespace kronwerk::factors {
namespace {

using Vector = std::vector<double>;

constexpr Index most_steps = 100;
/// How much farther than its estimate the outline of a complex spectrum is taken to lie.
constexpr double widening = 0.05;

/// W, or D^½ W D^-½.
class ScaledMatrix {
 public:
  ScaledMatrix(const StoredEntries& matrix, std::span<const double> scale) : matrix_(&matrix) {
    for (const double d : scale) roots_.push_back(std::sqrt(d));
  }
  Index extent() const { return matrix_->rows(); }
  void apply(const double* x, Vector& y) const {
    Vector source(x, x + extent());
    for (std::size_t i = 0; i < roots_.size(); ++i) source[i] /= roots_[i];
    for (std::size_t row = 0; row < y.size(); ++row) {
      double sum = 0;
      const auto end = static_cast<std::size_t>(matrix_->offsets[row + 1]);
      for (auto k = static_cast<std::size_t>(matrix_->offsets[row]); k < end; ++k) {
        sum += matrix_->values[k] * source[static_cast<std::size_t>(matrix_->columns[k])];
      }
      y[row] = roots_.empty() ? sum : roots_[row] * sum;
    }
  }

 private:
  const StoredEntries* matrix_;
  std::vector<double> roots_;
};

/// A matrix in an orthonormal basis of its Krylov space.
struct Krylov {
  Index steps = 0;
  Vector hessenberg;  ///< (steps, steps)
  double next = 0;    ///< the norm of what the next vector would be
};

/// Adds the coefficients of x by the first basis vectors, and takes those parts out of x.
void orthogonalise(Index vectors, const Vector& basis, Vector& x, Vector& coefficients) {
  const int rows = core::narrow<int>(vectors), n = core::narrow<int>(std::ssize(x));
  Vector projections(static_cast<std::size_t>(vectors));
  cblas_dgemv(CblasRowMajor, CblasNoTrans, rows, n, 1, basis.data(), n, x.data(), 1, 0,
              projections.data(), 1);
  cblas_dgemv(CblasRowMajor, CblasTrans, rows, n, -1, basis.data(), n, projections.data(), 1, 1,
              x.data(), 1);
  for (std::size_t i = 0; i < projections.size(); ++i) coefficients[i] += projections[i];
}

double norm_of(const Vector& x) {
  return cblas_dnrm2(core::narrow<int>(std::ssize(x)), x.data(), 1);
}

Krylov build_krylov(const ScaledMatrix& matrix) {
  const Index n = matrix.extent();
  const Index most = std::min(n, most_steps);
  Vector basis;  // row by row
  std::vector<Vector> columns;
  Krylov result;
  std::mt19937_64 generator(1);
  Vector next(static_cast<std::size_t>(n));
  for (double& value : next) {
    value = static_cast<double>(generator() >> 11) * 0x1.0p-53 + 0.5;
    if (generator() % 2 == 0) value = -value;
  }
  double norm = norm_of(next);
  while (true) {
    const Index begin = result.steps++ * n;
    for (const double value : next) basis.push_back(value / norm);
    matrix.apply(basis.data() + begin, next);
    const double before = norm_of(next);
    Vector& column = columns.emplace_back(static_cast<std::size_t>(most + 1), 0.0);
    for (int pass = 0; pass < 2; ++pass) {  // twice is enough (Parlett 1998, section 6.9)
      orthogonalise(result.steps, basis, next, column);
    }
    norm = norm_of(next);
    const bool complete = norm <= 1e-14 * before || norm == 0.0;
    result.next = complete ? 0.0 : norm;
    if (complete || result.steps == most) break;
    column[static_cast<std::size_t>(result.steps)] = norm;
  }
  for (Index i = 0; i < result.steps; ++i) {
    for (const Vector& column : columns) {
      result.hessenberg.push_back(column[static_cast<std::size_t>(i)]);
    }
  }
  return result;
}

SpectrumExtent real_extent(const Krylov& krylov) {
  const Index n = krylov.steps;
  const auto at = [n](Index i, Index j) { return static_cast<std::size_t>(i * n + j); };
  Vector symmetric = krylov.hessenberg;
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < i; ++j) {
      symmetric[at(i, j)] = symmetric[at(j, i)] = 0.5 * (symmetric[at(i, j)] + symmetric[at(j, i)]);
    }
  }
  const Spectrum eigen = symmetric_eigen(n, symmetric.data(), "a matrix in its Krylov space");
  const auto residual = [&](Index i) { return krylov.next * std::abs(symmetric[at(i, n - 1)]); };
  SpectrumExtent result;
  result.least = eigen.eigenvalues.front().real() - residual(0);
  result.greatest = eigen.eigenvalues.back().real() + residual(n - 1);
  result.outline = {result.least, result.greatest};
  return result;
}

SpectrumExtent complex_extent(const Krylov& krylov) {
  Vector matrix = krylov.hessenberg;
  const auto values =
      general_eigenvalues(krylov.steps, matrix.data(), "a matrix in its Krylov space").eigenvalues;
  SpectrumExtent result;
  result.real = false;
  const auto [least, greatest] =
      std::ranges::minmax(values, {}, [](const auto& value) { return value.real(); });
  const double middle = 0.5 * (least.real() + greatest.real());
  // A residual larger than the widening only says that the estimate inside has not converged.
  const double reach = krylov.next == 0.0 ? 1.0 : 1.0 + widening;
  for (const std::complex<double>& value : values) {
    if (value.imag() >= 0) result.outline.push_back(middle + reach * (value - middle));
  }
  result.least = middle + reach * (least.real() - middle);
  result.greatest = middle + reach * (greatest.real() - middle);
  return result;
}

}  // namespace

SpectrumExtent find_spectrum_extent(const StoredEntries& matrix, std::span<const double> scale) {
  if (matrix.rows() == 0) return {};
  const Krylov krylov = build_krylov(ScaledMatrix(matrix, scale));
  return scale.empty() ? complex_extent(krylov) : real_extent(krylov);
}

std::optional<SpectrumExtent> find_spectrum_extent(const communication::Communicator& comm,
                                                   const Chain& matrix) {
  if (matrix.size() != 1 || matrix.front().inverse) return std::nullopt;
  const FactorPtr& factor = matrix.front().factor;
  const auto entries = stored_entries({{factor}});  // a transpose has the same spectrum
  if (!entries || factor->rows() != factor->cols()) return std::nullopt;
  const Symmetry& symmetry = find_symmetry(comm, factor);
  SpectrumExtent extent;
  communication::on_root(comm, [&] { extent = find_spectrum_extent(*entries, symmetry.scale); });
  // Everybody takes the root's numbers: other processors might round differently.
  std::vector<Index> sizes{static_cast<Index>(extent.outline.size()), extent.real ? 1 : 0};
  comm.broadcast(std::span<Index>(sizes));
  extent.outline.resize(static_cast<std::size_t>(sizes[0]));
  std::vector<double> numbers{extent.least, extent.greatest};
  for (const std::complex<double> z : extent.outline) {
    numbers.push_back(z.real());
    numbers.push_back(z.imag());
  }
  comm.broadcast(std::span<double>(numbers));
  extent.real = sizes[1] == 1;
  extent.least = std::max(numbers[0], symmetry.least);
  extent.greatest = std::min(numbers[1], symmetry.greatest);
  for (std::size_t i = 0; i < extent.outline.size(); ++i) {
    extent.outline[i] = {numbers[2 + 2 * i], numbers[3 + 2 * i]};
  }
  if (extent.real) extent.outline = {extent.least, extent.greatest};
  return extent;
}

}  // namespace kronwerk::factors
