#pragma once

namespace kronwerk::distribution {

/// Of the estimates of all splits of `modes` modes, the fastest of those that give every rank a
/// part; of all, if none does. Of equal ones the smallest split.
///
/// Vectors are distributed even where one rank alone would be faster: that is what makes the next,
/// larger job of the same kind fit.
/// @param estimate  split → an estimate with `seconds`
/// @param uses_all  (split, estimate) → whether every rank has a part
template <typename Estimate, typename UsesAll>
auto best_split(int modes, const Estimate& estimate, const UsesAll& uses_all) {
  auto best = estimate(0);
  bool best_uses_all = uses_all(0, best);
  for (int split = 1; split <= modes; ++split) {
    const auto next = estimate(split);
    const bool next_uses_all = uses_all(split, next);
    const bool better =
        next_uses_all == best_uses_all ? next.seconds < best.seconds : next_uses_all;
    if (!better) continue;
    best = next;
    best_uses_all = next_uses_all;
  }
  return best;
}

}  // namespace kronwerk::distribution
