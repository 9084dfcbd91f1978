#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kronwerk/models/flow/columns.hpp"
#include "kronwerk/models/flow/filter.hpp"
#include "kronwerk/models/flow/moments.hpp"

namespace kronwerk::models {

/// A = O ⊗ D: each is Σ w_m M_m of the distinct matrices of its mode.
struct SeparableModes {
  std::array<std::vector<double>, 2> weights;
  std::array<factors::FactorPtr, 2> matrices;  ///< factorised
};

/// Σ u_i v_iᵀ over origins and destinations.
struct FlowProduct {
  std::vector<double> origin;
  std::vector<double> destination;
};

/// A⁻¹ (u vᵀ) by solves with matrices of single modes: where the filter's coefficients have rank
/// one, A = A_o ⊗ A_d; and where u or v is a sum of vectors that all matrices of its mode only
/// scale (as 1 is for weights whose rows sum to one, with regions that have no neighbours as a
/// second vector), as then Σ_t c_t μ_t O_t is the matrix of the other mode.
class ColumnSolver {
 public:
  /// @param comm, matrices  must outlive this
  ColumnSolver(const communication::Communicator& comm, const FlowFilter& filter,
               const FlowMatrices& matrices);

  /// What is left of A beside a vector of one mode: A⁻¹ (x wᵀ) = Σ (matrix⁻¹ x) vectorᵀ.
  struct Reduced {
    std::vector<double> vector;
    factors::FactorPtr matrix;  ///< factorised
  };
  /// @param mode    of w (1: destinations)
  /// @return empty if w is not simple. Factorises; collective
  std::vector<Reduced> reduce(std::size_t mode, std::span<const double> vector,
                              std::span<const double> coefficients) const;

  /// Whether the filter is O ⊗ D at these coefficients, to rounding, and solves with O and D are
  /// accurate. Factorises; collective
  std::optional<SeparableModes> separate(std::span<const double> coefficients) const;

  /// The solution as a sum of products; empty where the column needs a solve over the whole grid,
  /// or a small one is not accurate. Factorises; collective.
  /// @param coefficients  of the filter's terms
  std::vector<FlowProduct> solve(const FlowColumn& column,
                                 std::span<const double> coefficients) const;

 private:
  struct Piece {
    std::vector<double> vector;
    std::vector<double> scales;  ///< by each matrix of the mode
  };
  std::vector<Piece> pieces(std::size_t mode, std::span<const double> vector) const;
  factors::FactorPtr combine(std::size_t mode, std::span<const double> weights) const;
  void keep_for(std::span<const double> coefficients) const;
  std::vector<Reduced> reduce_separably(std::size_t mode, std::span<const double> vector,
                                        std::span<const double> coefficients) const;

  const communication::Communicator* comm_;
  const FlowFilter* filter_;
  const FlowMatrices* matrices_;
  /// What was factorised for the coefficients asked for last, by mode and weights.
  mutable std::vector<double> coefficients_;
  mutable std::map<std::pair<std::size_t, std::vector<double>>, factors::FactorPtr> combined_;
};

/// values += weight · Σ u vᵀ on the rows from `first` on. Local.
void add_products(const std::vector<FlowProduct>& products, double weight, Index first, Index n_d,
                  std::span<double> values);

}  // namespace kronwerk::models
