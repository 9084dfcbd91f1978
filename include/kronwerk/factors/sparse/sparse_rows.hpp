#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "kronwerk/factors/base/chain.hpp"

namespace kronwerk::factors {

/// Fibres in compressed form that somebody else holds: row f has the entries offsets[f] …
/// offsets[f + 1] - 1. Columns may come in any order and more than once; then they add up.
struct CompressedRows {
  std::span<const Index> offsets;  ///< rows + 1
  std::span<const std::int32_t> columns;
  std::span<const double> values;

  Index rows() const { return static_cast<Index>(offsets.size()) - 1; }
};

/// Y = scale · X Aᵀ for a dense A and fibres X of which only the nonzeros are stored: the work is
/// proportional to those.
class SparseRowsProduct {
 public:
  /// For I ⊗ … ⊗ I ⊗ A with a dense A that is not inverted; nothing for any other chains. Keeps a
  /// copy of A.
  static std::optional<SparseRowsProduct> make(std::span<const Chain> chains, double scale);

  /// How long a result is: A's rows.
  Index rows() const noexcept { return rows_; }
  /// How long a fibre is: A's columns.
  Index cols() const noexcept { return cols_; }
  Index bytes() const noexcept;

  /// Overwrites y (x.rows() results one after another). Local. Columns must lie in [0, cols()),
  /// which is not checked here.
  /// @throws ShapeError if y has another size
  void apply(const CompressedRows& x, std::span<double> y) const;

 private:
  struct Free {
    void operator()(double* memory) const noexcept;
  };
  SparseRowsProduct(Index rows, Index cols) : rows_(rows), cols_(cols) {}

  Index rows_;
  Index cols_;
  std::unique_ptr<double, Free> panels_;  ///< the columns of A, cut into panels of a few vectors
};

}  // namespace kronwerk::factors
