#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/communication/shared_array.hpp"
#include "kronwerk/factors/base/mode_view.hpp"

namespace kronwerk::factors {

/// log|det A| and its sign (-1, 0 or 1; log_abs is -infinity where sign is 0).
struct Determinant {
  double log_abs = 0;
  int sign = 1;
};

class LocalFactorisation;

/// What a factor's factorisation can do; local, for many right-hand sides at once.
class Factorisation {
 public:
  virtual ~Factorisation() = default;
  Factorisation(const Factorisation&) = delete;
  Factorisation& operator=(const Factorisation&) = delete;

  Index extent() const noexcept { return extent_; }

  /// A x = b (or Aᵀ x = b) along the views' mode for every fibre. `x` may be `b`.
  /// @throws ShapeError if the views do not conform
  void solve(ConstView b, View x, bool transposed) const;

  virtual Determinant determinant() const = 0;
  /// Estimate of the 1-norm condition number.
  virtual double condition() const = 0;
  /// Multiplications and additions per fibre of one solve.
  virtual double flops_per_fibre() const = 0;
  /// Bytes held, once per node.
  virtual Index bytes() const = 0;
  /// "sparse Cholesky (62,010 nonzeros)", for reports.
  virtual std::string description() const = 0;

 protected:
  explicit Factorisation(Index extent) : extent_(extent) {}

 private:
  virtual void do_solve(ConstView b, View x, bool transposed) const = 0;
  Index extent_;
};

/// `kernel`: the matrix of a kernel formula, evaluated where it is applied and never stored.
/// `rank_one`: a multiple of the identity plus one of u vᵀ, of which the vectors are stored.
enum class Kind { identity, diagonal, dense, sparse, kernel, rank_one };

struct Symmetry;

/// One replicated matrix of rows() x cols(), held once per node, that acts along one mode of a
/// local block. Immutable, except that factorise() attaches a factorisation and analyse_symmetry()
/// what it finds.
class Factor {
 public:
  virtual ~Factor() = default;
  Factor(const Factor&) = delete;
  Factor& operator=(const Factor&) = delete;

  Kind kind() const noexcept { return kind_; }
  Index rows() const noexcept { return rows_; }
  Index cols() const noexcept { return cols_; }
  /// What messages call it, such as "I - rho_o*W".
  const std::string& name() const noexcept { return name_; }

  /// y = A x (or Aᵀ x) along the views' mode. Local. x and y must not overlap.
  /// @throws ShapeError if the views do not conform
  void apply(ConstView x, View y, bool transposed) const;

  virtual double flops_per_fibre() const = 0;
  virtual Index bytes() const = 0;
  /// The main diagonal, min(rows, cols) values.
  virtual std::vector<double> diagonal() const = 0;
  /// out (rows x cols, row-major, leading dimension cols) += scale * A.
  virtual void add_to_dense(double scale, std::span<double> out) const = 0;

  /// Null until factorise() was called for this factor.
  const Factorisation* factorisation() const noexcept { return factorisation_.get(); }
  /// Null until analyse_symmetry() was called for this factor.
  const Symmetry* symmetry() const noexcept { return symmetry_.get(); }

 protected:
  Factor(Kind kind, Index rows, Index cols, std::string name)
      : kind_(kind), rows_(rows), cols_(cols), name_(std::move(name)) {}

 private:
  friend class FactorisationAccess;
  friend class SymmetryAccess;
  virtual void do_apply(ConstView x, View y, bool transposed) const = 0;
  /// On the owning rank only; see src/factors/base/local_factorisation.hpp. Called for square
  /// factors.
  virtual std::unique_ptr<LocalFactorisation> begin_factorisation() const = 0;
  /// On every rank of the node: a view of what LocalFactorisation::store() wrote.
  virtual std::shared_ptr<const Factorisation> attach_factorisation(
      communication::SharedArray<std::byte> memory) const = 0;

  Kind kind_;
  Index rows_;
  Index cols_;
  std::string name_;
  mutable std::shared_ptr<const Factorisation> factorisation_;
  mutable std::shared_ptr<const Symmetry> symmetry_;
};

using FactorPtr = std::shared_ptr<const Factor>;

/// Factorises every factor of the list that has no factorisation yet, each once, different ones by
/// different ranks of all nodes at the same time; every node gets the results. Collective on comm.
/// @throws ShapeError if one is not square
/// @throws DataError if one is singular, naming it, its size and a condition estimate
/// @throws ResourceError if memory is short
void factorise(const communication::Communicator& comm, std::span<const FactorPtr> factors);

/// How many factorisations this process has taken part in since it started (for tests and reports).
Index factorisation_count() noexcept;

}  // namespace kronwerk::factors
