#pragma once

#include <span>
#include <vector>

#include "kronwerk/operators/products/kronecker_product.hpp"
#include "kronwerk/operators/products/product_sum.hpp"

namespace kronwerk::operators {

/// The diagonal of Σ_t scale_t (C_{t,1} ⊗ … ⊗ C_{t,K}), Σ_t scale_t ⊗_k diag(C_{t,k}), any piece of
/// it at any time: only the diagonals of the factors are kept, and no operator is applied.
class SumDiagonal {
 public:
  /// Takes the diagonals of all chains. Collective.
  /// @param extents  the grid
  /// @throws ShapeError if a chain is not square or of another extent, DataError (singular factor)
  SumDiagonal(const communication::Communicator& comm, Extents extents,
              std::span<const ScaledProduct> terms);

  const Extents& extents() const noexcept { return extents_; }

  /// values[j] = the diagonal at global position begin + j. Local.
  ///
  /// One pass over the values for each term, or one for all of them where every term has one factor
  /// other than the identity.
  /// @throws ShapeError if the range is not within the grid
  void evaluate(Index begin, std::span<double> values) const;
  /// The sum of the whole diagonal: Σ_t scale_t Π_k tr C_{t,k}. Local.
  double sum() const;

 private:
  struct Term {
    double scale = 1;
    std::vector<std::vector<double>> diagonals;  ///< per mode; empty: ones
    /// The outer product of the trailing modes from `split` on, so that runs are long enough.
    std::size_t split = 0;
    std::vector<double> fast;
  };

  void add_term(const communication::Communicator& comm, const ScaledProduct& product);
  void find_kronecker_sum();
  void add_fast_modes(Term& term) const;
  void add_to(const Term& term, Index begin, std::span<double> values) const;

  Extents extents_;
  std::vector<Term> terms_;
  std::vector<std::vector<double>> kronecker_sum_;  ///< if the terms are one; otherwise empty
};

}  // namespace kronwerk::operators
