#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "factors/triangular.hpp"
#include "kronwerk/factors/mode_view.hpp"

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

/// Cuts the fibres of a view into groups that fill panels evenly, none wider than `widest` (a
/// multiple of panel_lanes()), and calls work(group, panel width) for each.
template <typename Work>
void for_each_panel(Index left, Index right, Index widest, const Work& work) {
  const Index lanes = panel_lanes();
  const auto padded = [lanes](Index fibres) { return (fibres + lanes - 1) / lanes * lanes; };
  // An even share, so that no panel at the end is too narrow to be efficient.
  const auto share = [&](Index fibres) {
    const Index panels = (fibres + widest - 1) / widest;
    return std::min(widest, padded((fibres + panels - 1) / panels));
  };
  if (right == 1 || right * 2 <= widest) {
    const Index most = std::max(Index{1}, share(left * right) / right);
    for (Index l = 0; l < left; l += most) {
      const FibreGroup group{l, std::min(most, left - l), 0, right};
      work(group, padded(group.count()));
    }
    return;
  }
  const Index most = share(right);
  for (Index l = 0; l < left; ++l) {
    for (Index r = 0; r < right; r += most) {
      const FibreGroup group{l, 1, r, std::min(most, right - r)};
      work(group, padded(group.count()));
    }
  }
}

}  // namespace kronwerk::factors
