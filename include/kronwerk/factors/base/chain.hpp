#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/factors/base/factor.hpp"

namespace kronwerk::factors {

/// A factor with what is done with it: A, Aᵀ, A⁻¹ or A⁻ᵀ.
struct Link {
  FactorPtr factor;
  bool transposed = false;
  bool inverse = false;

  Index rows() const { return transposed ? factor->cols() : factor->rows(); }
  Index cols() const { return transposed ? factor->rows() : factor->cols(); }
  double flops_per_fibre() const;
  /// y = op(A) x. Local; x and y must not overlap. @throws InternalError if an inverse was not
  /// factorised
  void apply(ConstView x, View y) const;
  /// The same factor, transposed and inverted alike.
  friend bool operator==(const Link&, const Link&) = default;
};

/// The matrix of one mode: links[0] links[1] … (the last acts first). Never empty: the identity is
/// one link with an identity factor.
using Chain = std::vector<Link>;

Index rows(const Chain& chain);
Index cols(const Chain& chain);
double flops_per_fibre(const Chain& chain);
bool is_identity(const Chain& chain);
/// Whether every link is an identity or a diagonal.
bool is_diagonal(const Chain& chain);
/// One matrix of ones, perhaps beside identities.
bool is_ones(const Chain& chain);
/// Without the links that are identities; the identity itself keeps one.
Chain without_identities(const Chain& chain);
/// "A*inv(B')": the names of the links.
std::string product_name(const Chain& chain);
/// Whether the link is the inverse of a matrix that has to be decomposed.
bool is_solve(const Link& link);
/// Reversed order with every link's flag toggled.
Chain transposed(const Chain& chain);
/// @throws ShapeError if a link is not square
Chain inverse(const Chain& chain);
/// A square chain with square links only, which so has an inverse link by link: neighbours that are
/// square only together, such as A Aᵀ with a rectangular A, become one factor. Collective on comm.
Chain with_square_links(const communication::Communicator& comm, const Chain& chain);
/// The factors that need a factorisation before the chain can be applied.
std::vector<FactorPtr> to_factorise(const Chain& chain);

/// Calls take(first, count, panel) for the columns [begin, end) of the chain's matrix, a few at a
/// time; panel is (rows, count), row-major. Local; inverses must have been factorised. Their solves
/// are judged by their residuals and refined.
/// @throws ConvergenceError if a factor's decomposition is too inaccurate, on the ranks that see it
void for_column_panels(
    const Chain& chain, Index begin, Index end,
    const std::function<void(Index first, Index count, std::span<const double> panel)>& take);

/// The chain as one dense factor, once per node. Collective on comm: factorises what it needs.
/// @throws ConvergenceError if the decomposition of a factor that is inverted is too inaccurate
FactorPtr materialise(const communication::Communicator& comm, std::string name,
                      const Chain& chain);

/// The chain as one factor, once per node: dense if a link is or is inverted, else sparse.
/// Collective on comm.
FactorPtr multiply(const communication::Communicator& comm, std::string name, const Chain& chain);

/// (C_1 ⊗ … ⊗ C_q) on local memory: what one rank does between two redistributions. Orders the
/// modes so that the least is computed (shrinking first), fuses them in cache, and merges adjacent
/// tiny dense factors where that is faster.
class LocalProduct {
 public:
  /// Local. Chains with inverses must have been factorised before apply() is called.
  explicit LocalProduct(std::vector<Chain> chains);

  Index rows() const noexcept { return rows_; }
  Index cols() const noexcept { return cols_; }
  bool is_identity() const noexcept { return identity_; }
  double flops_per_fibre() const noexcept { return flops_; }
  /// Whether apply() takes y == x without a copy: a single solve.
  bool works_in_place() const noexcept { return in_place_; }
  /// How many fibres (left * right) make one efficient piece of work; a caller that works piecewise
  /// should use a multiple of it.
  Index preferred_fibres() const noexcept { return preferred_fibres_; }

  /// y = (C_1 ⊗ … ⊗ C_q) x for views of extent cols() and rows(); within the extent, the modes are
  /// in row-major order. x and y must not overlap, unless they are the same view and
  /// works_in_place().
  void apply(ConstView x, View y) const;

 private:
  struct Plans;
  std::vector<Chain> chains_;
  Index rows_ = 1;
  Index cols_ = 1;
  bool identity_ = true;
  bool in_place_ = false;
  double flops_ = 0;
  Index preferred_fibres_ = 1;
  std::shared_ptr<const Plans> plans_;
};

}  // namespace kronwerk::factors
