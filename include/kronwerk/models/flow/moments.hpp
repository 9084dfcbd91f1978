#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "kronwerk/models/flow/columns.hpp"
#include "kronwerk/models/flow/filter.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"

namespace kronwerk::models {

using operators::Workspace;

/// The numeric matrices of a filter, in the order of FlowFilter::matrices().
using FlowMatrices = std::array<std::vector<factors::Chain>, 2>;

/// Whether A acts on y alone, A y = Zδ + ε, or on the errors, A (y - Zδ) = ε.
enum class FilterActsOn { response, errors };

/// Which modes have a fixed effect for each of their regions: the origins, the destinations.
struct FixedEffects {
  std::array<bool, 2> modes{};

  bool any() const noexcept { return modes[0] || modes[1]; }
  /// How many numbers they are: a constant is among those of either mode.
  Index count(const core::Extents& extents) const {
    return (modes[0] ? extents[0] : 0) + (modes[1] ? extents[1] : 0) -
           (modes[0] && modes[1] ? 1 : 0);
  }
};

/// All inner products that a Gaussian likelihood needs, summed over the years: with the lags
/// L_t = (O_t ⊗ D_t) y and, where the filter acts on the errors, Z_jt = (O_t ⊗ D_t) z_j.
struct FlowMoments {
  Index cells = 0;              ///< N, of all years
  std::size_t lags = 0;         ///< T
  std::size_t columns = 0;      ///< p
  bool filtered = false;        ///< whether the filter acts on the columns too
  std::size_t column_lags = 1;  ///< S: T if it does, else 1
  std::vector<double> yy;       ///< (T, T): ⟨L_t, L_u⟩
  std::vector<double> zy;       ///< (p S, T): ⟨Z_js, L_t⟩
  std::vector<double> zz;       ///< (p S, p S)

  /// Of which all vectors above are free: their rows, columns or both are centred.
  FixedEffects effects;
  core::Extents extents;         ///< n_o, n_d
  Index years = 0;               ///< Y
  std::vector<double> whole_yy;  ///< yy without that; empty without effects
  std::vector<double> whole_zz;  ///< zz likewise
  /// For each mode with effects the sums of every Z_js, times Y, and of every L_t over the other
  /// mode and the years: (p S + T, n_k).
  std::array<std::vector<double>, 2> sums;
};

/// One pass over every year's values and every grid column; nothing of size N p is formed. Work
/// memory is one block per distinct origin matrix that is no identity, and a panel of rows.
/// Collective.
/// @param matrices  factorised where they have inverses
/// @param years     this rank's rows of each year's n_o x n_d values
/// @param effects   taken out of all vectors
FlowMoments find_moments(const communication::Communicator& comm,
                         const std::shared_ptr<Workspace>& workspace, const FlowFilter& filter,
                         const FlowMatrices& matrices, const std::vector<FlowColumn>& columns,
                         std::span<const std::vector<double>> years, FilterActsOn acts_on,
                         FixedEffects effects = {});

/// M x of a vector along one mode. Local.
std::vector<double> multiply(const factors::Chain& matrix, std::span<const double> vector);

}  // namespace kronwerk::models
