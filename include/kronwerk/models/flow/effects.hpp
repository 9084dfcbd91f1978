#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/models/flow/column_solves.hpp"
#include "kronwerk/models/flow_counts/count_flow.hpp"

namespace kronwerk::models {

/// How a column of the mean depends on an attribute x of the regions: (M x) vᵀ, u (M x)ᵀ or
/// diag(M x).
struct AttributeUse {
  enum class Place { origin, destination, diagonal };
  Place place = Place::origin;
  factors::Chain matrix;      ///< M, n x n; the identity for x itself
  std::vector<double> other;  ///< v or u; empty for a diagonal
  std::size_t column = 0;     ///< its coefficient
};

/// What flows change by when the attribute of one region grows by one, summed over the flows from
/// it to others, to it from others, within it, between others, and over all (LeSage and
/// Thomas-Agnan 2015, section 3): an entry for each region.
struct FlowEffects {
  std::vector<double> origin;
  std::vector<double> destination;
  std::vector<double> intra;
  std::vector<double> network;
  std::vector<double> total;
};

/// The effects of one attribute on A⁻¹ Z δ, exact: F_r = A⁻¹ S_r for the change S_r of Z δ by
/// region r. With columns whose other vector is simple (ColumnSolver), F_r are products of vectors,
/// of which the diagonal of one n x n solve and one adjoint solve of a vector tell all sums; else
/// one solve over the grid for each region. Nothing of size N n.
class EffectsSolver {
 public:
  /// The grid must be square, its modes the same regions.
  /// @param comm, filter, matrices, uses  must outlive this
  EffectsSolver(const communication::Communicator& comm, const FlowFilter& filter,
                const FlowMatrices& matrices, const std::vector<AttributeUse>& uses,
                FlowSolveMaker solves);

  /// Collective. @throws ShapeError unless the grid is square
  FlowEffects find(std::span<const double> parameters, std::span<const double> coefficients);
  /// Regions that needed a solve over the grid at the last call.
  Index grid_solves() const noexcept { return grid_solves_; }

 private:
  bool add_simple(const AttributeUse& use, double coefficient, std::span<const double> c,
                  FlowEffects& effects) const;
  void add_by_solves(const std::vector<const AttributeUse*>& uses,
                     std::span<const double> coefficients, const FlowSolve& solve,
                     FlowEffects& effects);

  const communication::Communicator* comm_;
  const FlowFilter* filter_;
  const std::vector<AttributeUse>* uses_;
  FlowSolveMaker solves_;
  ColumnSolver columns_;
  Index grid_solves_ = 0;
};

}  // namespace kronwerk::models
