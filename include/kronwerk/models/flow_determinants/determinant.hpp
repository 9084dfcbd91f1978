#pragma once

#include <array>
#include <complex>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/models/flow/filter.hpp"

namespace kronwerk::models {

/// log det A and its derivatives by the coefficients of A's T terms.
struct DeterminantValue {
  double log_abs = 0;
  std::vector<double> gradient;  ///< T
  std::vector<double> hessian;   ///< (T, T); empty unless asked for
  double error = 0;              ///< bound of the error of log_abs, beside rounding
};

/// log det Σ_t c_t O_t ⊗ D_t as a function of the coefficients.
class FilterDeterminant {
 public:
  FilterDeterminant() = default;
  virtual ~FilterDeterminant() = default;
  FilterDeterminant(const FilterDeterminant&) = delete;
  FilterDeterminant& operator=(const FilterDeterminant&) = delete;

  /// Collective; the same bits on every rank.
  /// @throws DataError where the matrix is singular or its determinant negative
  virtual DeterminantValue evaluate(std::span<const double> coefficients, bool hessian) const = 0;
  /// "exact, from the eigenvalues of W (305) and W (305)", for the report.
  virtual std::string description() const = 0;
};

/// values[m][i]: what the distinct matrix m of a mode is at eigenvalue i of the matrix that all of
/// them are functions of.
struct ModeSpectrum {
  std::vector<std::vector<std::complex<double>>> values;
};

/// Σ_ij log|q_ij| with q_ij = Σ_t c_t o_t(i) d_t(j): O(T² N / P) flops, exact. Local.
/// @param comm  must outlive the result
std::unique_ptr<FilterDeterminant> make_eigenvalue_determinant(
    const communication::Communicator& comm, std::vector<FlowFilter::Term> terms,
    std::array<ModeSpectrum, 2> spectra);

}  // namespace kronwerk::models
