#pragma once

#include <complex>
#include <memory>

#include "kronwerk/factors/sparse/sparse_entries.hpp"

namespace kronwerk::factors {

/// log|det(α I + β W)| for complex α and β and one sparse W, by LU: ordered once, factorised anew
/// for every pair. On the calling rank.
class ComplexDeterminant {
 public:
  /// Orders. @param matrix  square
  explicit ComplexDeterminant(const StoredEntries& matrix);
  ~ComplexDeterminant();
  ComplexDeterminant(const ComplexDeterminant&) = delete;
  ComplexDeterminant& operator=(const ComplexDeterminant&) = delete;

  /// -infinity if singular.
  double log_abs(std::complex<double> alpha, std::complex<double> beta) const;
  /// Operations of one factorisation with real numbers, estimated by the ordering.
  double flops() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kronwerk::factors
