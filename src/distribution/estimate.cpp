#include "kronwerk/distribution/estimate.hpp"

#include <algorithm>
#include <vector>

#include "distribution/best_split.hpp"

namespace kronwerk::distribution {
namespace {

/// Flops per entry-group: applies modes [first, last) in the order that computes least and returns
/// the flops per combination of the other modes' indices.
double group_flops(std::span<const ModeCost> modes) {
  std::vector<const ModeCost*> order;
  for (const ModeCost& mode : modes) {
    if (!mode.identity) order.push_back(&mode);
  }
  const auto growth = [](const ModeCost& mode) {
    return static_cast<double>(mode.rows) / static_cast<double>(std::max<Index>(mode.cols, 1));
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](const ModeCost* a, const ModeCost* b) { return growth(*a) < growth(*b); });
  double size = 1;
  for (const ModeCost& mode : modes) size *= static_cast<double>(mode.cols);
  double flops = 0;
  for (const ModeCost* mode : order) {
    if (mode->cols == 0) continue;
    flops += size / static_cast<double>(mode->cols) * mode->flops_per_fibre;
    size = size / static_cast<double>(mode->cols) * static_cast<double>(mode->rows);
  }
  return flops;
}

/// What fits a core's cache; a group of modes over more than this goes through memory once more.
constexpr double cache_bytes = 1 << 20;

/// Extra passes (one read and one write each) over the block of a group, of which one unit of work
/// (a trailing fibre, or a strip of leading fibres) has `unit_bytes`. Several modes go together in
/// each pass, so one more is what nearly all grids take.
double extra_passes(std::span<const ModeCost> modes, double unit_bytes) {
  const auto steps = std::count_if(modes.begin(), modes.end(),
                                   [](const ModeCost& mode) { return !mode.identity; });
  return steps > 1 && unit_bytes > cache_bytes ? 1.0 : 0.0;
}

bool all_identity(std::span<const ModeCost> modes) {
  return std::all_of(modes.begin(), modes.end(),
                     [](const ModeCost& mode) { return mode.identity; });
}

Index extent_product(std::span<const ModeCost> modes, Index ModeCost::*extent) {
  Index result = 1;
  for (const ModeCost& mode : modes) result = core::multiply(result, mode.*extent);
  return result;
}

}  // namespace

ProductEstimate estimate_product(std::span<const ModeCost> modes, int leading_modes, int parts,
                                 const Rates& rates) {
  const auto leading = modes.first(static_cast<std::size_t>(leading_modes));
  const auto trailing = modes.subspan(static_cast<std::size_t>(leading_modes));
  const BlockPartition rows_in(extent_product(leading, &ModeCost::cols), parts);
  const BlockPartition rows_out(extent_product(leading, &ModeCost::rows), parts);
  const Index trailing_in = extent_product(trailing, &ModeCost::cols);
  const Index trailing_out = extent_product(trailing, &ModeCost::rows);
  static_cast<void>(core::multiply(rows_in.size(), trailing_in));
  static_cast<void>(core::multiply(rows_out.size(), trailing_out));
  Index trailing_middle = 1;
  for (const ModeCost& mode : trailing) trailing_middle *= std::min(mode.rows, mode.cols);
  const BlockPartition columns(trailing_middle, parts);

  ProductEstimate estimate;
  estimate.leading_modes = leading_modes;
  estimate.vector_bytes_per_rank =
      8.0 * static_cast<double>(rows_in.largest()) * static_cast<double>(trailing_in);
  estimate.result_bytes_per_rank =
      8.0 * static_cast<double>(rows_out.largest()) * static_cast<double>(trailing_out);
  const auto home_rows = static_cast<double>(std::max(rows_in.largest(), rows_out.largest()));
  estimate.flops_busiest_rank = home_rows * group_flops(trailing);
  double bytes = estimate.vector_bytes_per_rank + estimate.result_bytes_per_rank;
  const double trailing_bytes = 8.0 * static_cast<double>(std::max(trailing_in, trailing_out));
  const double trailing_passes = extra_passes(trailing, trailing_bytes);
  bytes += 2 * trailing_passes * estimate.vector_bytes_per_rank;
  if (trailing_passes > 0) estimate.scratch_bytes_per_rank = 2 * trailing_bytes;
  if (!all_identity(leading)) {
    const auto away_rows = static_cast<double>(std::max(rows_in.size(), rows_out.size()));
    const auto width = static_cast<double>(columns.largest());
    estimate.flops_busiest_rank += width * group_flops(leading);
    estimate.away_bytes_per_rank = 8.0 * away_rows * width;
    constexpr double strip = 32;
    bytes += 4 * estimate.away_bytes_per_rank +
             2 * extra_passes(leading, 8.0 * strip * away_rows) * estimate.away_bytes_per_rank;
    estimate.exchanges = parts > 1 ? 2 : 0;
    const double leaving = 1.0 - 1.0 / static_cast<double>(parts);
    estimate.exchanged_bytes_per_rank = 8.0 * leaving * static_cast<double>(trailing_middle) *
                                        static_cast<double>(rows_in.largest() + rows_out.largest());
  }
  estimate.seconds = estimate.flops_busiest_rank / rates.flops_per_second +
                     bytes / rates.memory_bytes_per_second +
                     estimate.exchanged_bytes_per_rank / rates.exchange_bytes_per_second;
  return estimate;
}

namespace {

/// Whether every rank owns a part of what it works on, in the home layout and in the away layout.
bool uses_all_ranks(std::span<const ModeCost> modes, int leading_modes, int parts) {
  const auto leading = modes.first(static_cast<std::size_t>(leading_modes));
  const auto trailing = modes.subspan(static_cast<std::size_t>(leading_modes));
  const auto enough = [&](std::span<const ModeCost> group) {
    Index points = 1;
    for (const ModeCost& mode : group) points *= std::min(mode.rows, mode.cols);
    return points >= parts;
  };
  return enough(leading) && (all_identity(leading) || enough(trailing));
}

}  // namespace

ProductEstimate choose_split(std::span<const ModeCost> modes, int parts, const Rates& rates) {
  if (modes.empty()) throw core::ShapeError("a product needs at least one factor");
  return best_split(
      static_cast<int>(modes.size()),
      [&](int split) { return estimate_product(modes, split, parts, rates); },
      [&](int split, const ProductEstimate&) { return uses_all_ranks(modes, split, parts); });
}

}  // namespace kronwerk::distribution
