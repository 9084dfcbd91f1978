#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "kronwerk/distribution/estimate.hpp"

namespace kronwerk::distribution {

/// Σ_t c_t (A_{1,t_1} ⊗ … ⊗ A_{K,t_K}) as the estimates see it: the distinct matrices of each mode,
/// and for each term which of them it takes.
struct SumShape {
  struct Term {
    double coefficient = 1;
    std::vector<int> matrices;  ///< one index per mode
  };
  std::vector<std::vector<ModeCost>> modes;  ///< an identity is there once per mode at most
  std::vector<Term> terms;
};

/// In which order the two sides of the terms that need an exchange are applied.
enum class SumOrder {
  trailing_first,  ///< a vector per unit of rank goes away, one comes home
  leading_first,   ///< one goes away, a vector per unit of rank comes home
};

/// How a sum is applied with one split. With the terms grouped by their distinct leading and
/// trailing parts, Σ_{l,r} c_lr L_l ⊗ R_r, the terms whose L_l is an identity are local, and over
/// the others c = left right has rank d: y = Σ_r local_r R_r x + Σ_{i<d} (Σ_l left_li L_l) (Σ_r
/// right_ir R_r) x.
struct SumSchedule {
  int leading_modes = 0;
  /// Distinct leading parts that are no identities: a matrix for each leading mode.
  std::vector<std::vector<int>> leading;
  std::vector<std::vector<int>> trailing;  ///< distinct trailing parts
  std::vector<double> local;               ///< of each trailing part
  int rank = 0;                            ///< d
  std::vector<double> left;                ///< leading.size() x rank, row-major
  std::vector<double> right;               ///< rank x trailing.size(), row-major
  SumOrder order = SumOrder::trailing_first;

  bool has_local_terms() const;
  double left_of(std::size_t part, int vector) const {
    return left[part * static_cast<std::size_t>(rank) + static_cast<std::size_t>(vector)];
  }
  double right_of(int vector, std::size_t part) const {
    return right[static_cast<std::size_t>(vector) * trailing.size() + part];
  }
};

/// What one application of a sum costs the busiest of `parts` ranks.
struct SumEstimate {
  int leading_modes = 0;
  int exchanges = 0;      ///< phases: 0 or 2; 1 between neighbours
  int vectors_moved = 0;  ///< by these phases: 0, or at most d + 1; 1 (in part) between neighbours
  bool neighbours = false;  ///< leading parts act in the home layout, on rows that others send
  double flops_busiest_rank = 0;
  double exchanged_bytes_per_rank = 0;  ///< leaving the busiest rank, all vectors together
  double vector_bytes_per_rank = 0;     ///< the input's home block of the busiest rank
  double result_bytes_per_rank = 0;
  double away_bytes_per_rank = 0;     ///< work memory: one block, two if d > 1, none if d = 0; the
                                      ///< rows that travel between neighbours
  double scratch_bytes_per_rank = 0;  ///< partial products of a row too long for the cache
  double seconds = 0;                 ///< by the given rates
};

/// c = left right of least rank, entries that differ from zero by the rounding of their own terms
/// only taken as zero: `rank` rows of c are chosen as `right`. Row-major; c is rows x cols.
struct RankFactors {
  int rank = 0;
  std::vector<double> left;   ///< rows x rank
  std::vector<double> right;  ///< rank x cols
};
RankFactors factor_by_rows(std::span<const double> c, std::size_t rows, std::size_t cols);

SumSchedule schedule_sum(const SumShape& shape, int leading_modes);

SumEstimate estimate_sum(const SumShape& shape, int leading_modes, int parts,
                         const Rates& rates = {});

/// What the busiest rank needs where the leading parts are stored entry by entry and act in the
/// home layout: y = Σ_r R_r (Σ_l c_lr L_l) x, in which a rank needs the rows of x that its rows of
/// the L_l name.
struct NeighbourNeeds {
  Index rows_received = 0;
  Index rows_given = 0;  ///< one for each rank that needs it
  Index entries = 0;     ///< of all Σ_l c_lr L_l in this rank's rows
};
SumEstimate estimate_neighbours(const SumShape& shape, int leading_modes, int parts,
                                const NeighbourNeeds& needs, const Rates& rates = {});

/// By number of leading modes; nothing where a leading part is not stored entry by entry.
using NeighbourNeedsOf = std::function<std::optional<NeighbourNeeds>(int leading_modes)>;

/// With one split, the faster of the exchanges and, where there are `needs`, the neighbours.
SumEstimate estimate_either(const SumShape& shape, int leading_modes, int parts,
                            const NeighbourNeedsOf& needs, const Rates& rates = {});

/// The split with the least estimated time, either way, among those that give every rank a part, if
/// there are any; of equal ones the smallest.
/// @param needs  may be empty
/// @throws ShapeError if there is no term or mode or a size overflows
SumEstimate choose_sum_split(const SumShape& shape, int parts, const NeighbourNeedsOf& needs = {},
                             const Rates& rates = {});

}  // namespace kronwerk::distribution
