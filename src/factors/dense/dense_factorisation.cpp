// LU with row exchanges or Cholesky of Aᵀ: LAPACK sees our row-major A as the column-major Aᵀ and
// returns P Aᵀ = L U, so that A = Uᵀ Lᵀ P. Read by rows again, the memory holds Uᵀ in its lower and
// Lᵀ (unit diagonal) in its upper triangle; a Cholesky factor, A = C Cᵀ, lies in the lower one.
#include "factors/dense/dense_factorisation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "factors/base/lapack.hpp"
#include "factors/dense/dense_storage.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::factors {
namespace {

double one_norm(const DenseView& a) {
  std::vector<double> sums(static_cast<std::size_t>(a.cols));
  for (Index i = 0; i < a.rows; ++i) {
    for (Index j = 0; j < a.cols; ++j) {
      sums[static_cast<std::size_t>(j)] += std::abs(a.data[i * a.row_stride + j]);
    }
  }
  double largest = 0;
  for (const double sum : sums) {
    if (!(sum <= largest)) largest = sum;  // keeps a NaN
  }
  return largest;
}

class DenseLocalFactorisation final : public LocalFactorisation {
 public:
  DenseLocalFactorisation(const Factor& factor, const DenseView& matrix)
      : factor_(factor), matrix_(matrix), layout_(matrix.rows, matrix.rows <= inverse_extent) {}

  std::size_t bytes() const override { return layout_.bytes; }

  void store(std::byte* target) override {
    const DenseStorage storage(target, layout_);
    DenseHeader& header = *storage.header;
    header = DenseHeader{};
    if (!cholesky(storage)) lu(storage);
    check_regular(factor_, header);
    header.has_inverse = layout_.has_inverse_room && make_inverse(storage) ? 1 : 0;
  }

 private:
  int extent() const { return core::narrow<int>(matrix_.rows); }
  std::size_t count() const { return static_cast<std::size_t>(matrix_.rows); }

  void copy_matrix(const DenseStorage& storage) const {
    std::copy_n(matrix_.data, matrix_.rows * matrix_.cols, storage.triangles);
  }

  // False if the matrix is not symmetric positive definite.
  bool cholesky(const DenseStorage& storage) const {
    if (!is_symmetric_with_positive_diagonal(matrix_)) return false;
    copy_matrix(storage);
    const int n = extent();
    int info = 0;
    dpotrf_("U", &n, storage.triangles, &n, &info, 1);
    if (info != 0) return false;
    describe_cholesky(matrix_, storage);
    return true;
  }

  void lu(const DenseStorage& storage) const {
    copy_matrix(storage);
    const int n = extent();
    int info = 0;
    std::vector<int> pivots(count());
    dgetrf_(&n, &n, storage.triangles, &n, pivots.data(), &info);
    if (info != 0) throw_singular(factor_, 0.0);
    describe_lu(matrix_, pivots, storage);
  }

  // Computes the inverse and tells whether it is as good as solving: both residuals within a modest
  // multiple of the rounding of the product itself (Higham 2002, section 14.1).
  bool make_inverse(const DenseStorage& storage) const {
    const Index n = matrix_.rows;
    std::fill_n(storage.inverse, n * n, 0.0);
    for (Index i = 0; i < n; ++i) storage.inverse[i * (n + 1)] = 1.0;
    const View columns = View::contiguous(storage.inverse, 1, n, n);
    solve_with_triangles(n, storage, columns, columns, false);
    const auto inverse = DenseView::row_major(storage.inverse, n, n);
    const double bound = 64.0 * static_cast<double>(n) * std::numeric_limits<double>::epsilon();
    return residual(matrix_, inverse) <= bound && residual(inverse, matrix_) <= bound;
  }

  // ‖A B − I‖ in the infinity norm.
  static double residual(const DenseView& a, const DenseView& b) {
    const Index n = a.rows;
    std::vector<double> product(static_cast<std::size_t>(n * n));
    apply_dense(a, ConstView::contiguous(b.data, 1, n, n),
                View::contiguous(product.data(), 1, n, n));
    double largest = 0;
    for (Index i = 0; i < n; ++i) {
      double sum = 0;
      for (Index j = 0; j < n; ++j) {
        sum += std::abs(product[static_cast<std::size_t>(i * n + j)] - (i == j ? 1.0 : 0.0));
      }
      if (!(sum <= largest)) largest = sum;
    }
    return largest;
  }

  const Factor& factor_;
  DenseView matrix_;
  DenseLayout layout_;
};

class DenseFactorisation final : public Factorisation {
 public:
  DenseFactorisation(Index extent, communication::SharedArray<std::byte> memory)
      : Factorisation(extent),
        memory_(std::move(memory)),
        storage_(const_cast<std::byte*>(memory_.data()),
                 DenseLayout(extent, extent <= inverse_extent)) {}

  Determinant determinant() const override {
    return {storage_.header->log_abs, static_cast<int>(storage_.header->sign)};
  }
  double condition() const override { return 1.0 / storage_.header->reciprocal_condition; }
  double flops_per_fibre() const override {
    return 2.0 * static_cast<double>(extent()) * static_cast<double>(extent());
  }
  Index bytes() const override { return memory_.size(); }
  std::string description() const override {
    const std::string size = core::format_count(extent());
    return fmt::format("dense {} ({} x {}{})", storage_.header->is_cholesky ? "Cholesky" : "LU",
                       size, size, storage_.header->has_inverse ? ", explicit inverse" : "");
  }

 private:
  void do_solve(ConstView b, View x, bool transposed) const override {
    if (storage_.header->has_inverse) {
      apply_inverse(extent(), storage_, b, x, transposed);
    } else {
      solve_with_triangles(extent(), storage_, b, x, transposed);
    }
  }

  communication::SharedArray<std::byte> memory_;
  DenseStorage storage_;
};

}  // namespace

bool is_symmetric_with_positive_diagonal(const DenseView& a) {
  for (Index i = 0; i < a.rows; ++i) {
    if (!(a.data[i * a.row_stride + i] > 0)) return false;
    for (Index j = 0; j < i; ++j) {
      if (a.data[i * a.row_stride + j] != a.data[j * a.row_stride + i]) return false;
    }
  }
  return true;
}

void describe_cholesky(const DenseView& matrix, const DenseStorage& storage) {
  const int n = core::narrow<int>(matrix.rows);
  DenseHeader& header = *storage.header;
  header.is_cholesky = 1;
  std::iota(storage.permutation, storage.permutation + n, Index{0});
  for (Index i = 0; i < n; ++i) {
    header.log_abs += 2 * std::log(storage.triangles[i * (matrix.rows + 1)]);
  }
  const double norm = one_norm(matrix);
  std::vector<double> work(3 * static_cast<std::size_t>(n));
  std::vector<int> int_work(static_cast<std::size_t>(n));
  int info = 0;
  dpocon_("U", &n, storage.triangles, &n, &norm, &header.reciprocal_condition, work.data(),
          int_work.data(), &info, 1);
}

void describe_lu(const DenseView& matrix, std::span<const int> pivots,
                 const DenseStorage& storage) {
  const int n = core::narrow<int>(matrix.rows);
  DenseHeader& header = *storage.header;
  std::iota(storage.permutation, storage.permutation + n, Index{0});
  for (std::size_t i = 0; i < pivots.size(); ++i) {
    const auto other = static_cast<std::size_t>(pivots[i] - 1);
    if (other == i) continue;
    std::swap(storage.permutation[i], storage.permutation[other]);
    header.sign = -header.sign;
  }
  for (Index i = 0; i < n; ++i) {
    const double pivot = storage.triangles[i * (matrix.rows + 1)];
    header.log_abs += std::log(std::abs(pivot));
    if (pivot < 0) header.sign = -header.sign;
  }
  const double norm = one_norm(matrix);
  std::vector<double> work(4 * static_cast<std::size_t>(n));
  std::vector<int> int_work(static_cast<std::size_t>(n));
  int info = 0;
  // The infinity norm of LAPACK's transposed matrix is the 1-norm of ours.
  dgecon_("I", &n, storage.triangles, &n, &norm, &header.reciprocal_condition, work.data(),
          int_work.data(), &info, 1);
}

void check_regular(const Factor& factor, const DenseHeader& header) {
  const double reciprocal = header.reciprocal_condition;
  if (!(reciprocal >= singular_threshold)) {
    throw_singular(factor, std::isnan(reciprocal) ? 0.0 : reciprocal);
  }
}

std::unique_ptr<LocalFactorisation> begin_dense_factorisation(const Factor& factor,
                                                              const DenseView& matrix) {
  return std::make_unique<DenseLocalFactorisation>(factor, matrix);
}

std::shared_ptr<const Factorisation> attach_dense_factorisation(
    Index extent, communication::SharedArray<std::byte> memory) {
  return std::make_shared<DenseFactorisation>(extent, std::move(memory));
}

}  // namespace kronwerk::factors
