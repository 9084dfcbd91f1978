#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "factors/triangular/triangular.hpp"
#include "kronwerk/factors/base/mode_view.hpp"

namespace kronwerk::factors {

/// Some of a view's fibres, those that one panel holds: `lefts` fibre groups of `rights` each; the
/// fibre (l, r) of the group is column l*rights + r of the panel.
struct FibreGroup {
  Index left = 0;  ///< the first l
  Index lefts = 1;
  Index right = 0;  ///< the first r
  Index rights = 1;

  Index count() const { return lefts * rights; }
};

/// How rows go between a view and a panel: row i of the view is row position[i] of the panel, times
/// scale[i]. An empty span means the identity.
struct RowMap {
  std::span<const std::int32_t> position;
  std::span<const double> scale;
};

/// Copies rows [begin, end) of the group's fibres into the panel; columns beyond the group are
/// zeroed. Without a position, row `begin` becomes row 0 of the panel. Fibres that are contiguous
/// along the mode are transposed in registers.
void gather_rows(const ConstView& view, const FibreGroup& group, Index begin, Index end,
                 const RowMap& map, Panel panel);

/// The other way round.
void scatter_rows(const View& view, const FibreGroup& group, Index begin, Index end,
                  const RowMap& map, Panel panel);

/// The panel width for so many fibres: the next multiple of panel_lanes().
Index padded_width(Index fibres);

/// Cuts the fibres of a view into groups that fill panels evenly, none wider than `widest` (a
/// multiple of panel_lanes()).
std::vector<FibreGroup> panel_groups(Index left, Index right, Index widest);

/// Asks, in `steps` steps, for the fibres that follow the group, where fibres are contiguous along
/// the mode and long. After the view's last group that is what lies behind the view: callers that
/// work through a large block piece by piece come back with it next.
Prefetcher prefetch_after(const ConstView& view, const FibreGroup& group, Index steps);

}  // namespace kronwerk::factors
