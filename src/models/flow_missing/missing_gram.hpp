#pragma once

#include <array>
#include <span>
#include <vector>

#include "kronwerk/models/flow/moments.hpp"

namespace kronwerk::models {

/// AᵀB at all rows and the columns `places`: (n, places), row-major. Local; what is inverted must
/// have been factorised.
std::vector<double> gram_columns(const factors::Chain& a, const factors::Chain& b,
                                 std::span<const Index> places);

/// ⟨(O_t ⊗ D_t) e_m, (O_u ⊗ D_u) e_m'⟩ of the missing cells m, m' of one or several years: products
/// of two numbers of tables over the origins, and the destinations, that have missing cells.
class MissingGram {
 public:
  /// Collective on the node of comm where a matrix has an inverse; else local.
  /// @param cells  of each year; different years have nothing in common
  MissingGram(const FlowFilter& filter, const FlowMatrices& matrices,
              const std::vector<std::vector<Index>>& cells);

  Index size() const noexcept { return static_cast<Index>(places_.size()); }
  Index cell(Index m) const { return cells_[static_cast<std::size_t>(m)]; }
  /// The missing cells [begin, end) are of the same year as m.
  std::pair<Index, Index> year_of(Index m) const;
  /// One of the numbers.
  double operator()(std::size_t t, std::size_t u, Index m, Index other) const;

 private:
  struct Place {
    std::array<Index, 2> row;  ///< in the tables of origins and destinations
    Index begin;               ///< of the year
    Index end;
  };
  const FlowFilter* filter_;
  std::vector<Index> cells_;
  std::vector<Place> places_;
  std::array<Index, 2> width_{};                            ///< distinct origins and destinations
  std::array<std::vector<std::vector<double>>, 2> tables_;  ///< [mode][a * matrices + b]: AᵀB there
};

}  // namespace kronwerk::models
