#include "factors/spectra/complex_determinant.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "factors/sparse/umfpack_status.hpp"

namespace kronwerk::factors {
namespace {

using Long = SuiteSparse_long;
using Complex = std::complex<double>;

bool check(Long status) {
  return check_umfpack(status, "complex sparse LU factorisation");
}

struct FreeSymbolic {
  void operator()(void* symbolic) const noexcept { umfpack_zl_free_symbolic(&symbolic); }
};
struct FreeNumeric {
  void operator()(void* numeric) const noexcept { umfpack_zl_free_numeric(&numeric); }
};

}  // namespace

/// The rows of W with every diagonal entry stored. UMFPACK reads them as the columns of Wᵀ, which
/// has the same determinant.
struct ComplexDeterminant::State {
  Long extent = 0;
  std::vector<Long> offsets{0};
  std::vector<Long> indices;
  std::vector<double> values;
  std::vector<std::size_t> diagonal;  ///< places of the diagonal entries
  double control[UMFPACK_CONTROL];
  double info[UMFPACK_INFO];
  std::unique_ptr<void, FreeSymbolic> symbolic;
};

ComplexDeterminant::ComplexDeterminant(const StoredEntries& matrix)
    : state_(std::make_unique<State>()) {
  State& state = *state_;
  state.extent = matrix.rows();
  for (Long row = 0; row < state.extent; ++row) {
    const auto begin = static_cast<std::size_t>(matrix.offsets[static_cast<std::size_t>(row)]);
    const auto end = static_cast<std::size_t>(matrix.offsets[static_cast<std::size_t>(row) + 1]);
    bool placed = false;
    const auto put = [&](Long column, double value) {
      if (column == row) state.diagonal.push_back(state.indices.size());
      state.indices.push_back(column);
      state.values.push_back(value);
    };
    for (std::size_t k = begin; k < end; ++k) {
      if (!placed && matrix.columns[k] >= row) {
        if (matrix.columns[k] > row) put(row, 0.0);
        placed = true;
      }
      put(matrix.columns[k], matrix.values[k]);
    }
    if (!placed) put(row, 0.0);
    state.offsets.push_back(static_cast<Long>(state.indices.size()));
  }
  umfpack_zl_defaults(state.control);
  // Rows of weights have like sizes, and the pivots alone are then the determinant.
  state.control[UMFPACK_SCALE] = UMFPACK_SCALE_NONE;
  state.control[UMFPACK_ORDERING] = UMFPACK_ORDERING_METIS;
  void* handle = nullptr;
  const Long status =
      umfpack_zl_symbolic(state.extent, state.extent, state.offsets.data(), state.indices.data(),
                          nullptr, nullptr, &handle, state.control, state.info);
  state.symbolic.reset(handle);
  check(status);
}

ComplexDeterminant::~ComplexDeterminant() = default;

double ComplexDeterminant::flops() const noexcept {
  return state_->info[UMFPACK_FLOPS_ESTIMATE] / 4;
}

double ComplexDeterminant::log_abs(Complex alpha, Complex beta) const {
  const State& state = *state_;
  std::vector<Complex> values(state.values.size());
  for (std::size_t k = 0; k < values.size(); ++k) values[k] = beta * state.values[k];
  for (const std::size_t place : state.diagonal) values[place] += alpha;
  // An array of complex numbers is one of their parts in turn, which a null second array announces.
  const auto* packed = reinterpret_cast<const double*>(values.data());
  void* handle = nullptr;
  double info[UMFPACK_INFO];
  const Long status =
      umfpack_zl_numeric(state.offsets.data(), state.indices.data(), packed, nullptr,
                         state.symbolic.get(), &handle, state.control, info);
  const std::unique_ptr<void, FreeNumeric> numeric(handle);
  if (!check(status)) return -std::numeric_limits<double>::infinity();
  std::vector<Complex> pivots(static_cast<std::size_t>(state.extent));
  Long reciprocal = 0;
  check(umfpack_zl_get_numeric(nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr,
                               nullptr, nullptr, nullptr, reinterpret_cast<double*>(pivots.data()),
                               nullptr, &reciprocal, nullptr, numeric.get()));
  double sum = 0;
  for (const Complex pivot : pivots) sum += std::log(std::abs(pivot));
  return sum;
}

}  // namespace kronwerk::factors
