#pragma once

#include <memory>
#include <span>
#include <vector>

#include "factors/dense/dense_apply.hpp"
#include "kronwerk/factors/base/chain.hpp"

namespace kronwerk::factors {

/// One matrix that acts along one mode: a link, or a small dense matrix that we can see into.
class MatrixStep {
 public:
  explicit MatrixStep(Link link);
  /// A dense matrix of our own (a merged Kronecker product), row-major.
  MatrixStep(Index rows, Index cols, std::vector<double> values);

  Index rows() const noexcept { return rows_; }
  Index cols() const noexcept { return cols_; }
  double flops_per_fibre() const;
  /// Whether dense_view() says what the matrix is.
  bool is_dense() const noexcept { return dense_; }
  DenseView dense_view() const;
  /// Fewer fibres than this at once are inefficient.
  Index least_fibres() const;

  /// Whether apply() takes y == x: solves read a panel of fibres before they write it.
  bool works_in_place() const noexcept { return link_.inverse; }

  /// Packs the matrix for contiguous fibres (right == 1), if it is a small dense one.
  void pack();
  /// y = A x along the views' mode.
  void apply(ConstView x, View y) const;

 private:
  Link link_;
  Index rows_;
  Index cols_;
  bool dense_ = false;
  std::vector<double> values_;
  std::vector<double> packed_;
};

/// What acts on one mode, in the order of application; empty for an identity.
struct ModeSteps {
  Index rows = 1;
  Index cols = 1;
  std::vector<MatrixStep> steps;

  double flops_per_fibre() const;
};

/// One step of a group with the group's extent as (before, cols -> rows, after).
struct GroupStep {
  const MatrixStep* step = nullptr;
  Index before = 1;
  Index after = 1;
};

/// Consecutive modes that are applied together while a block is in cache; (before, cols -> rows,
/// after) within the product's extent at its time.
struct ModeGroup {
  Index before = 1;
  Index cols = 1;
  Index rows = 1;
  Index after = 1;
  Index largest = 1;      ///< largest extent on the way from cols to rows
  Index least_width = 1;  ///< fibres that a block should have at least
  std::vector<GroupStep> steps;
};

/// In which order and in which groups the modes are applied.
struct ProductPlan {
  std::vector<ModeSteps> modes;  ///< the groups point into it
  std::vector<ModeGroup> groups;

  ProductPlan() = default;
  ProductPlan(const ProductPlan&) = delete;
  ProductPlan& operator=(const ProductPlan&) = delete;
};

/// Doubles in one of the two buffers of a block: a quarter of a megabyte for both, so that they and
/// what streams past them stay in the second-level cache.
inline constexpr Index block_size = 16384;

/// The order of the modes that computes least: the larger (1 - rows/cols) / (flops per entry) goes
/// first, which is optimal by exchange of neighbours; of equals the last mode goes first.
std::vector<std::size_t> cheapest_order(std::span<const ModeSteps> modes);

/// Multiplications and additions of the whole product for one fibre, in the cheapest order.
double flops_of_product(std::span<const ModeSteps> modes);

std::vector<ModeSteps> steps_of(std::span<const Chain> chains);

/// @param contiguous_fibres  the plan is for right == 1, else for right > 1
std::shared_ptr<const ProductPlan> make_plan(std::vector<ModeSteps> modes, bool contiguous_fibres);

}  // namespace kronwerk::factors
