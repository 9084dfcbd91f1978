#include "kronwerk/factors/spectra/spectrum_extent.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <random>

#include "kronwerk/factors/spectra/bases.hpp"

namespace kronwerk::factors {
namespace {

using Vector = Eigen::VectorXd;

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
  Vector apply(const Vector& x) const {
    Vector source = x;
    for (std::size_t i = 0; i < roots_.size(); ++i) source[static_cast<Index>(i)] /= roots_[i];
    Vector result(extent());
    for (Index row = 0; row < extent(); ++row) {
      double sum = 0;
      for (auto k = static_cast<std::size_t>(matrix_->offsets[static_cast<std::size_t>(row)]);
           k < static_cast<std::size_t>(matrix_->offsets[static_cast<std::size_t>(row) + 1]); ++k) {
        sum += matrix_->values[k] * source[matrix_->columns[k]];
      }
      result[row] = roots_.empty() ? sum : roots_[static_cast<std::size_t>(row)] * sum;
    }
    return result;
  }

 private:
  const StoredEntries* matrix_;
  std::vector<double> roots_;
};

/// An orthonormal basis of a Krylov space, and the matrix in it.
struct Krylov {
  Eigen::MatrixXd hessenberg;
  double next = 0;  ///< the norm of what the next vector would be
};

Krylov build_krylov(const ScaledMatrix& matrix) {
  const Index n = matrix.extent();
  const Index steps = std::min(n, most_steps);
  Eigen::MatrixXd basis(n, steps);
  Krylov result;
  result.hessenberg = Eigen::MatrixXd::Zero(steps, steps);
  std::mt19937_64 generator(1);
  Vector next(n);
  for (Index i = 0; i < n; ++i) {
    next[i] = static_cast<double>(generator() >> 11) * 0x1.0p-53 + 0.5;
    if (generator() % 2 == 0) next[i] = -next[i];
  }
  double norm = next.norm();
  for (Index step = 0; step < steps; ++step) {
    basis.col(step) = next / norm;
    next = matrix.apply(basis.col(step));
    const double before = next.norm();
    for (int pass = 0; pass < 2; ++pass) {  // twice is enough (Parlett 1998, section 6.9)
      const Vector projections = basis.leftCols(step + 1).transpose() * next;
      next -= basis.leftCols(step + 1) * projections;
      result.hessenberg.col(step).head(step + 1) += projections;
    }
    norm = next.norm();
    if (norm <= 1e-14 * before || norm == 0.0 || step + 1 == steps) {
      result.hessenberg.conservativeResize(step + 1, step + 1);
      result.next = norm <= 1e-14 * before ? 0.0 : norm;
      break;
    }
    result.hessenberg(step + 1, step) = norm;
  }
  return result;
}

SpectrumExtent real_extent(const Krylov& krylov) {
  const Eigen::MatrixXd symmetric = 0.5 * (krylov.hessenberg + krylov.hessenberg.transpose());
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(symmetric);
  const Index last = symmetric.rows() - 1;
  const auto residual = [&](Index i) {
    return krylov.next * std::abs(eigen.eigenvectors()(last, i));
  };
  SpectrumExtent result;
  result.least = eigen.eigenvalues()[0] - residual(0);
  result.greatest = eigen.eigenvalues()[last] + residual(last);
  result.outline = {result.least, result.greatest};
  return result;
}

SpectrumExtent complex_extent(const Krylov& krylov) {
  const Eigen::EigenSolver<Eigen::MatrixXd> eigen(krylov.hessenberg);
  const Index last = krylov.hessenberg.rows() - 1;
  SpectrumExtent result;
  result.real = false;
  result.least = result.greatest = eigen.eigenvalues()[0].real();
  for (Index i = 0; i <= last; ++i) {
    result.least = std::min(result.least, eigen.eigenvalues()[i].real());
    result.greatest = std::max(result.greatest, eigen.eigenvalues()[i].real());
  }
  const double middle = 0.5 * (result.least + result.greatest);
  // A residual larger than the widening only says that the estimate inside has not converged.
  const double reach = krylov.next == 0.0 ? 1.0 : 1.0 + widening;
  for (Index i = 0; i <= last; ++i) {
    const std::complex<double> value = eigen.eigenvalues()[i];
    if (value.imag() < 0) continue;
    result.outline.push_back(middle + reach * (value - middle));
  }
  result.least = middle + reach * (result.least - middle);
  result.greatest = middle + reach * (result.greatest - middle);
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
  const Symmetry symmetry = find_symmetry(comm, *factor);
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
