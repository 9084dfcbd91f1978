#pragma once

#include <memory>
#include <span>

#include "kronwerk/kernels/formula/cloud.hpp"
#include "kronwerk/kernels/formula/constants.hpp"
#include "kronwerk/kernels/formula/expression.hpp"

namespace kronwerk::kernels {

/// Values are computed in `double` or in `float`; sums are accumulated in double either way.
enum class Precision { float64, float32 };

/// F compiled for repeated evaluation: instructions that work on tiles of pairs (i, j) with vector
/// instructions, chosen at run time for this processor. What varies with one index only is computed
/// once per row or column, not per pair. Immutable, local.
class Program {
 public:
  Program(const Expression& formula, Constants constants, Precision precision);
  const Expression& formula() const noexcept;
  Precision precision() const noexcept;
  /// Estimated nanoseconds per pair, for choices of method.
  double cost_per_pair() const noexcept;

  struct State;
  const State& state() const noexcept { return *state_; }

 private:
  std::shared_ptr<const State> state_;
};

/// The matrix F(i, j) itself, scalar F: out (rows.count x columns.count), row-major with the given
/// leading dimension. Local.
void evaluate(const Program& program, const Side& rows, const Side& columns, std::span<double> out,
              Index leading_dimension);

/// out (rows.count x width) += F v for v (columns.count x width), both row-major; scalar F. Local.
/// One evaluation of F serves all columns of v.
void multiply_add(const Program& program, const Side& rows, const Side& columns,
                  std::span<const double> v, Index width, std::span<double> out);

}  // namespace kronwerk::kernels
