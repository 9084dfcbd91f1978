// Declared in factors/sparse/sparse_decomposition.hpp.
// See src/MATHEMATICS.md, "Sparse factors".
#include <cholmod.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <new>

#include "factors/sparse/sparse_decomposition.hpp"
#include "factors/spectra/symmetry.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::factors {
namespace {

class Cholmod {
 public:
  Cholmod() {
    cholmod_l_start(&common_);
    common_.print = 0;
    common_.quick_return_if_not_posdef = 1;
    common_.final_asis = 0;
    common_.final_super = 0;
    common_.final_ll = 0;
    common_.final_pack = 1;
    common_.final_monotonic = 1;
    common_.final_resymbol = 1;
    // The factor is computed once and applied thousands of times: every ordering is tried.
    common_.nmethods = 3;
    common_.method[0].ordering = CHOLMOD_AMD;
    common_.method[1].ordering = CHOLMOD_METIS;
    common_.method[2].ordering = CHOLMOD_NESDIS;
    common_.postorder = 1;
  }
  ~Cholmod() {
    cholmod_l_free_factor(&factor_, &common_);
    cholmod_l_free_sparse(&matrix_, &common_);
    cholmod_l_finish(&common_);
  }
  Cholmod(const Cholmod&) = delete;
  Cholmod& operator=(const Cholmod&) = delete;

  // The lower triangle of D^½ A D^-½ by columns, which are the rows of A to the right of its
  // diagonal.
  void set_matrix(const SparseView& a) {
    const auto n = static_cast<std::size_t>(a.rows);
    matrix_ =
        cholmod_l_allocate_sparse(n, n, a.values.size() + 1, 1, 1, -1, CHOLMOD_REAL, &common_);
    check_memory(matrix_);
    auto* offsets = static_cast<SuiteSparse_long*>(matrix_->p);
    auto* indices = static_cast<SuiteSparse_long*>(matrix_->i);
    auto* values = static_cast<double*>(matrix_->x);
    std::size_t count = 0;
    for (std::size_t row = 0; row < n; ++row) {
      offsets[row] = static_cast<SuiteSparse_long>(count);
      for (Index k = a.offsets[row]; k < a.offsets[row + 1]; ++k) {
        const std::int32_t column = a.indices[static_cast<std::size_t>(k)];
        const double forth = a.values[static_cast<std::size_t>(k)];
        if (column < static_cast<std::int32_t>(row) || forth == 0.0) continue;
        indices[count] = column;
        values[count] = forth;
        if (column != static_cast<std::int32_t>(row)) {
          const double back = entry_at(a, column, static_cast<std::int32_t>(row));
          values[count] =
              std::copysign(std::sqrt(std::abs(forth)) * std::sqrt(std::abs(back)), forth);
        }
        ++count;
      }
    }
    offsets[n] = static_cast<SuiteSparse_long>(count);
  }

  // False if the matrix is not positive definite.
  bool factorise() {
    factor_ = cholmod_l_analyze(matrix_, &common_);
    check_memory(factor_);
    cholmod_l_factorize(matrix_, factor_, &common_);
    if (common_.status == CHOLMOD_OUT_OF_MEMORY) throw std::bad_alloc();
    if (common_.status != CHOLMOD_OK || factor_->minor < factor_->n) return false;
    return factor_->xtype == CHOLMOD_REAL && factor_->is_super == 0 && factor_->is_ll == 0;
  }

  const cholmod_factor& factor() const { return *factor_; }

 private:
  static void check_memory(const void* object) {
    if (object == nullptr) throw std::bad_alloc();
  }
  cholmod_common common_{};
  cholmod_sparse* matrix_ = nullptr;
  cholmod_factor* factor_ = nullptr;
};

const char* ordering_name(int ordering) {
  switch (ordering) {
    case CHOLMOD_AMD:
      return "AMD";
    case CHOLMOD_METIS:
      return "METIS";
    case CHOLMOD_NESDIS:
      return "nested dissection";
    default:
      return "natural order";
  }
}

// L and D of L D Lᵀ as CHOLMOD keeps them: column by column, D first. False if some d <= 0.
bool extract(const cholmod_factor& factor, SparseDecomposition& result) {
  const auto* offsets = static_cast<const SuiteSparse_long*>(factor.p);
  const auto* counts = static_cast<const SuiteSparse_long*>(factor.nz);
  const auto* indices = static_cast<const SuiteSparse_long*>(factor.i);
  const auto* values = static_cast<const double*>(factor.x);
  result.lower.rows = result.lower.cols = static_cast<Index>(factor.n);
  result.pivots.resize(factor.n);
  for (std::size_t j = 0; j < factor.n; ++j) {
    const SuiteSparse_long begin = offsets[j];
    result.pivots[j] = values[begin];
    if (!(result.pivots[j] > 0.0)) return false;
    result.log_abs_determinant += std::log(result.pivots[j]);
    for (SuiteSparse_long k = begin + 1; k < begin + counts[j]; ++k) {
      result.lower.indices.push_back(static_cast<std::int32_t>(indices[k]));
      result.lower.values.push_back(values[k]);
    }
    result.lower.offsets.push_back(static_cast<Index>(result.lower.indices.size()));
  }
  return true;
}

}  // namespace

std::optional<SparseDecomposition> sparse_cholesky(const SparseView& matrix) {
  const auto n = static_cast<std::size_t>(matrix.rows);
  for (std::size_t i = 0; i < n; ++i) {
    const double pivot = entry_at(matrix, static_cast<Index>(i), static_cast<std::int32_t>(i));
    if (!(pivot > 0.0)) return std::nullopt;
  }
  const std::optional<std::vector<double>> scale = symmetrising_scale(matrix);
  if (!scale) return std::nullopt;

  Cholmod cholmod;
  cholmod.set_matrix(matrix);
  SparseDecomposition result;
  result.symmetric = true;
  if (!cholmod.factorise() || !extract(cholmod.factor(), result)) return std::nullopt;
  result.ordering = ordering_name(cholmod.factor().ordering);
  const auto* permutation = static_cast<const SuiteSparse_long*>(cholmod.factor().Perm);
  result.row_position.resize(n);
  for (std::size_t k = 0; k < n; ++k) {
    result.row_position[static_cast<std::size_t>(permutation[k])] = static_cast<std::int32_t>(k);
  }
  result.column_position = result.row_position;
  for (std::size_t i = 0; i < n; ++i) {
    result.row_scale.push_back(std::sqrt((*scale)[i]));
    result.column_scale.push_back(1.0 / result.row_scale.back());
  }
  return result;
}

}  // namespace kronwerk::factors
