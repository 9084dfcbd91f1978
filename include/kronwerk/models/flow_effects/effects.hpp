#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/factors/spectra/bases.hpp"
#include "kronwerk/models/flow/column_solves.hpp"
#include "kronwerk/models/flow_counts/count_flow.hpp"
#include "kronwerk/models/flow_determinants/determinant.hpp"
#include "kronwerk/models/flow_effects/cell_weights.hpp"

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

  explicit FlowEffects(std::size_t regions = 0);
};

/// Eigenvectors of both modes in which every matrix of a filter is diagonal.
struct FilterBases {
  std::array<factors::BasisPtr, 2> bases;  ///< no Schur forms
  std::array<ModeSpectrum, 2> spectra;
};
/// Absent where there are none of moderate condition. Collective.
using FilterBasesMaker = std::function<std::optional<FilterBases>()>;

class SeriesEffects;
class SpectralEffects;

/// The effects of one attribute on A⁻¹ Z δ, exact: F_r = A⁻¹ S_r for the change S_r of Z δ by
/// region r, an n x n matrix, whose entries may be weighted. With columns whose other vector is
/// simple (ColumnSolver), F_r are products of vectors from solves with one n x n matrix; else S_r
/// are sums of products of vectors whose images in eigenvectors of both modes tell all sums; where
/// there are no good eigenvectors, their images by powers of both modes' matrices; where the series
/// in these converges slowly, one solve over the grid for each region. Nothing of size N n.
class EffectsSolver {
 public:
  /// The grid must be square, its modes the same regions. The model must outlive this.
  struct Model {
    const communication::Communicator* comm = nullptr;
    const FlowFilter* filter = nullptr;
    const FlowMatrices* matrices = nullptr;
    const std::vector<AttributeUse>* uses = nullptr;
    FilterActsOn acts_on = FilterActsOn::response;  ///< on errors the expectation is Z δ itself
    bool bases_are_costly = false;  ///< then powers of the matrices are tried before
  };
  /// @throws ShapeError unless the grid is square
  EffectsSolver(const Model& model, FlowSolveMaker solves, FilterBasesMaker bases);
  ~EffectsSolver();

  /// Collective.
  /// @throws SingularError where the filter is singular, ConvergenceError where a solve with it is
  /// not accurate
  FlowEffects find(std::span<const double> parameters, std::span<const double> coefficients,
                   const CellWeights& weights = CellWeights());
  /// Regions that needed a solve over the grid at the last call.
  Index grid_solves() const noexcept { return grid_solves_; }
  /// How the effects were found at the last call, for reports.
  const std::string& method() const noexcept { return method_; }

 private:
  using Uses = std::vector<const AttributeUse*>;
  bool add_simple(const AttributeUse& use, double coefficient, std::span<const double> c,
                  const CellWeights& weights, FlowEffects& effects) const;
  void add_product(const AttributeUse& use, double coefficient, std::span<const double> vector,
                   const factors::Factor* matrix, const CellWeights& weights,
                   FlowEffects& effects) const;
  void add_unsolved_diagonal(const AttributeUse& use, double coefficient,
                             FlowEffects& effects) const;
  bool add_in_bases(const Uses& uses, std::span<const double> coefficients,
                    std::span<const double> c, const CellWeights& weights, FlowEffects& effects);
  bool add_by_series(const Uses& uses, std::span<const double> coefficients,
                     std::span<const double> c, const CellWeights& weights, FlowEffects& effects);
  void add_totals(const Uses& uses, std::span<const double> coefficients, const FlowSolve& solve,
                  const CellWeights& weights, FlowEffects& effects) const;
  void add_by_solves(const Uses& uses, std::span<const double> coefficients, const FlowSolve& solve,
                     const CellWeights& weights, FlowEffects& effects);

  Model model_;
  FlowSolveMaker solves_;
  FilterBasesMaker make_bases_;
  ColumnSolver columns_;
  bool bases_known_ = false;
  std::unique_ptr<SpectralEffects> in_bases_;  ///< null without bases
  bool series_known_ = false;
  std::unique_ptr<SeriesEffects> series_;  ///< null where the filter has none
  std::string method_;                     ///< of the last call
  Index grid_solves_ = 0;
};

}  // namespace kronwerk::models
