#pragma once

#include <utility>

#include "operators/krylov/krylov_method.hpp"

namespace kronwerk::operators {

/// The vectors of conjugate gradients for several columns at once, with the operator A and the
/// preconditioner M that act on them, in whatever order the columns are stored. x and r are those
/// of the run; numbers per column are 0 for the columns that are not active.
class CgVectors {
 public:
  virtual ~CgVectors() = default;
  /// p = z = M⁻¹ r; returns <r, z>. Collective.
  virtual PerColumn start(KrylovRun& run) = 0;
  /// w = A p; returns <p, w>. Collective.
  virtual PerColumn multiply(KrylovRun& run) = 0;
  /// x += alpha p, r -= alpha w. Local.
  virtual void advance(KrylovRun& run, const PerColumn& alpha) = 0;
  /// z = M⁻¹ r; returns <r, r> and <r, z>, by one reduction. Collective.
  virtual std::pair<PerColumn, PerColumn> products(KrylovRun& run) = 0;
  /// p = z + beta p. Columns that are not active any more need no work from now on. Local.
  virtual void turn(KrylovRun& run, const PerColumn& beta) = 0;
};

/// Which numbers of the recurrence mean that it cannot go on: why in words, or null.
class CgRules {
 public:
  virtual ~CgRules() = default;
  /// rho = <r, M⁻¹ r> at the start.
  virtual const char* refuse_start(double rho) const = 0;
  /// <p, A p>, and the last step's (0 before the first).
  virtual const char* refuse_curvature(double curvature, double last, double rho) const = 0;
  /// rho, and its ratio beta to the last one.
  virtual const char* refuse_turn(double rho, double beta) const = 0;
};

/// Is told the recurrence of each column: the Lanczos process of M^-½AM^-½.
class CgListener {
 public:
  virtual ~CgListener() = default;
  virtual void stepped(std::size_t column, double alpha) = 0;
  /// beta of an active column, 0 of one that has converged.
  virtual void turned(std::size_t column, double beta) = 0;
  /// After each iteration; may finish columns. Collective.
  virtual void end_iteration(KrylovRun& run) = 0;
};

/// Conjugate gradients (Hestenes and Stiefel 1952) with coefficients and convergence per column:
/// one application of A, one of M⁻¹ and two reductions per iteration for all columns together.
/// Improves run.x until no column is active or the run's iterations are used up. Collective.
/// @param listener  may be null
void conjugate_gradients(KrylovRun& run, CgVectors& vectors, const CgRules& rules,
                         CgListener* listener = nullptr);

}  // namespace kronwerk::operators
