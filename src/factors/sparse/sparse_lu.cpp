// Declared in factors/sparse/sparse_decomposition.hpp.
// See src/MATHEMATICS.md, "Sparse factors".
#include <algorithm>
#include <cmath>
#include <memory>

#include "factors/sparse/sparse_decomposition.hpp"
#include "factors/sparse/umfpack_status.hpp"

namespace kronwerk::factors {
namespace {

using Long = SuiteSparse_long;

struct FreeSymbolic {
  void operator()(void* symbolic) const noexcept { umfpack_dl_free_symbolic(&symbolic); }
};
struct FreeNumeric {
  void operator()(void* numeric) const noexcept { umfpack_dl_free_numeric(&numeric); }
};
using Symbolic = std::unique_ptr<void, FreeSymbolic>;
using Numeric = std::unique_ptr<void, FreeNumeric>;

bool check(Long status) {
  return check_umfpack(status, "sparse LU factorisation");
}

/// UMFPACK's own copy of the matrix by columns, and the factors of it with the fewest entries.
class Umfpack {
 public:
  explicit Umfpack(const SparseView& matrix) : columns_(transpose(matrix)) {
    indices_.assign(columns_.indices.begin(), columns_.indices.end());
  }

  // Factors with several orderings and keeps the sparsest: the factors are computed once and
  // applied thousands of times. False if a pivot is zero.
  bool factorise() {
    bool regular = false;
    for (const int ordering : {UMFPACK_ORDERING_AMD, UMFPACK_ORDERING_METIS}) {
      double control[UMFPACK_CONTROL];
      umfpack_dl_defaults(control);
      control[UMFPACK_ORDERING] = ordering;
      Numeric numeric = factorise(control, regular);
      Long lower = 0, upper = 0, rows = 0, cols = 0, diagonal = 0;
      if (!numeric) continue;
      check(umfpack_dl_get_lunz(&lower, &upper, &rows, &cols, &diagonal, numeric.get()));
      if (numeric_ && lower + upper >= lower_ + upper_) continue;
      numeric_ = std::move(numeric);
      lower_ = lower;
      upper_ = upper;
      ordering_ = ordering == UMFPACK_ORDERING_METIS ? "METIS" : "AMD";
    }
    return regular && numeric_ != nullptr;
  }

  SparseDecomposition extract() const;

 private:
  Numeric factorise(const double* control, bool& regular) const {
    const Long n = columns_.rows;
    void* symbolic_handle = nullptr;
    void* numeric_handle = nullptr;
    const Long status =
        umfpack_dl_symbolic(n, n, columns_.offsets.data(), indices_.data(), columns_.values.data(),
                            &symbolic_handle, control, nullptr);
    const Symbolic symbolic(symbolic_handle);
    check(status);
    const Long outcome =
        umfpack_dl_numeric(columns_.offsets.data(), indices_.data(), columns_.values.data(),
                           symbolic.get(), &numeric_handle, control, nullptr);
    Numeric numeric(numeric_handle);
    if (!check(outcome)) return nullptr;
    regular = true;
    return numeric;
  }

  SparseArrays columns_;
  std::vector<Long> indices_;
  Numeric numeric_;
  Long lower_ = 0;
  Long upper_ = 0;
  std::string ordering_;
};

/// The sign of a permutation: each cycle of even length changes it.
int permutation_sign(const std::vector<std::int32_t>& position) {
  std::vector<bool> seen(position.size(), false);
  int sign = 1;
  for (std::size_t start = 0; start < position.size(); ++start) {
    for (std::size_t i = start; !seen[i]; i = static_cast<std::size_t>(position[i])) {
      seen[i] = true;
      if (i != start) sign = -sign;
    }
  }
  return sign;
}

std::vector<std::int32_t> positions(const std::vector<Long>& permutation) {
  std::vector<std::int32_t> position(permutation.size());
  for (std::size_t k = 0; k < permutation.size(); ++k) {
    position[static_cast<std::size_t>(permutation[k])] = static_cast<std::int32_t>(k);
  }
  return position;
}

// Row by row without the diagonal, which goes to `diagonal`.
SparseArrays strict_part(const SparseArrays& triangle, std::vector<double>& diagonal) {
  SparseArrays strict;
  strict.rows = triangle.rows;
  strict.cols = triangle.cols;
  diagonal.assign(static_cast<std::size_t>(triangle.rows), 0.0);
  for (std::size_t row = 0; row < diagonal.size(); ++row) {
    for (Index k = triangle.offsets[row]; k < triangle.offsets[row + 1]; ++k) {
      const std::int32_t column = triangle.indices[static_cast<std::size_t>(k)];
      const double value = triangle.values[static_cast<std::size_t>(k)];
      if (column == static_cast<std::int32_t>(row)) {
        diagonal[row] = value;
      } else if (value != 0.0) {
        strict.indices.push_back(column);
        strict.values.push_back(value);
      }
    }
    strict.offsets.push_back(static_cast<Index>(strict.indices.size()));
  }
  return strict;
}

SparseArrays to_arrays(Index n, std::vector<Long> offsets, const std::vector<Long>& indices,
                       std::vector<double> values) {
  SparseArrays arrays;
  arrays.rows = arrays.cols = n;
  arrays.offsets = std::move(offsets);
  arrays.indices.reserve(indices.size());
  for (const Long index : indices) arrays.indices.push_back(static_cast<std::int32_t>(index));
  arrays.values = std::move(values);
  return arrays;
}

// UMFPACK gives L by rows and U by columns, with P R A Q = L U.
SparseDecomposition Umfpack::extract() const {
  const Index n = columns_.rows;
  const auto size = static_cast<std::size_t>(n);
  const auto lower_size = static_cast<std::size_t>(lower_);
  const auto upper_size = static_cast<std::size_t>(upper_);
  std::vector<Long> lower_offsets(size + 1), lower_indices(lower_size);
  std::vector<Long> upper_offsets(size + 1), upper_indices(upper_size), rows(size), columns(size);
  std::vector<double> lower_values(lower_size), upper_values(upper_size), scale(size);
  Long reciprocal = 0;
  check(umfpack_dl_get_numeric(lower_offsets.data(), lower_indices.data(), lower_values.data(),
                               upper_offsets.data(), upper_indices.data(), upper_values.data(),
                               rows.data(), columns.data(), nullptr, &reciprocal, scale.data(),
                               numeric_.get()));

  SparseDecomposition result;
  std::vector<double> ones;
  result.lower = strict_part(
      transpose(
          to_arrays(n, std::move(lower_offsets), lower_indices, std::move(lower_values)).view()),
      ones);
  result.upper = strict_part(
      transpose(
          to_arrays(n, std::move(upper_offsets), upper_indices, std::move(upper_values)).view()),
      result.pivots);
  for (std::size_t row = 0; row < size; ++row) {
    for (Index k = result.upper.offsets[row]; k < result.upper.offsets[row + 1]; ++k) {
      result.upper.values[static_cast<std::size_t>(k)] /= result.pivots[row];
    }
  }
  result.row_position = positions(rows);
  result.column_position = positions(columns);
  result.row_scale = std::move(scale);
  if (reciprocal == 0) {
    for (double& factor : result.row_scale) factor = 1.0 / factor;
  }
  result.column_scale.assign(size, 1.0);
  result.sign = permutation_sign(result.row_position) * permutation_sign(result.column_position);
  for (std::size_t k = 0; k < size; ++k) {
    if (result.pivots[k] < 0.0) result.sign = -result.sign;
    result.log_abs_determinant +=
        std::log(std::abs(result.pivots[k])) - std::log(result.row_scale[k]);
  }
  result.ordering = ordering_;
  return result;
}

}  // namespace

std::optional<SparseDecomposition> sparse_lu(const SparseView& matrix) {
  if (matrix.values.empty()) return std::nullopt;
  Umfpack umfpack(matrix);
  if (!umfpack.factorise()) return std::nullopt;
  SparseDecomposition result = umfpack.extract();
  for (const double pivot : result.pivots) {
    if (pivot == 0.0 || !std::isfinite(pivot)) return std::nullopt;
  }
  return result;
}

}  // namespace kronwerk::factors
