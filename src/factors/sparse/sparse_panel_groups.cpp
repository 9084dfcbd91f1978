// Declared in factors/sparse/sparse_panel.hpp.
#include <algorithm>

#include "factors/sparse/sparse_panel.hpp"

namespace kronwerk::factors {

Index padded_width(Index fibres) {
  const Index lanes = panel_lanes();
  return (fibres + lanes - 1) / lanes * lanes;
}

std::vector<FibreGroup> panel_groups(Index left, Index right, Index widest) {
  // An even share, so that no panel at the end is too narrow to be efficient.
  const auto share = [widest](Index fibres) {
    const Index panels = (fibres + widest - 1) / widest;
    return std::min(widest, padded_width((fibres + panels - 1) / panels));
  };
  std::vector<FibreGroup> groups;
  if (right == 1 || right * 2 <= widest) {
    const Index most = std::max(Index{1}, share(left * right) / right);
    for (Index l = 0; l < left; l += most) {
      groups.push_back({l, std::min(most, left - l), 0, right});
    }
    return groups;
  }
  const Index most = share(right);
  for (Index l = 0; l < left; ++l) {
    for (Index r = 0; r < right; r += most) {
      groups.push_back({l, 1, r, std::min(most, right - r)});
    }
  }
  return groups;
}

Prefetcher prefetch_after(const ConstView& view, const FibreGroup& group, Index steps) {
  // Rows of a strip lie in different pages, each with too few lines: measured, asking early for
  // them costs as much as it saves. And what stays in cache anyway need not be asked for.
  constexpr Index least_values = Index{1} << 15;
  if (view.right != 1 || view.row_stride != 1) return {};
  if (view.extent * group.lefts < least_values) return {};
  const double* last = view.data + (group.left + group.lefts - 1) * view.left_stride;
  return {last, view.left_stride, group.lefts, view.extent, steps};
}

}  // namespace kronwerk::factors
