#include "kronwerk/distribution/sum_estimate.hpp"

#include <algorithm>
#include <numeric>

#include "distribution/best_split.hpp"

namespace kronwerk::distribution {
namespace {

std::size_t find_or_add(std::vector<std::vector<int>>& parts, std::vector<int> part) {
  const auto found = std::find(parts.begin(), parts.end(), part);
  if (found != parts.end()) return static_cast<std::size_t>(found - parts.begin());
  parts.push_back(std::move(part));
  return parts.size() - 1;
}

const ModeCost& matrix(const SumShape& shape, std::size_t mode, int index) {
  return shape.modes[mode][static_cast<std::size_t>(index)];
}

/// The matrices of one part as the modes of a product.
std::vector<ModeCost> costs(const SumShape& shape, std::size_t first_mode,
                            const std::vector<int>& part) {
  std::vector<ModeCost> result;
  for (std::size_t k = 0; k < part.size(); ++k) {
    result.push_back(matrix(shape, first_mode + k, part[k]));
  }
  return result;
}

bool is_identity(const std::vector<ModeCost>& modes) {
  return std::all_of(modes.begin(), modes.end(),
                     [](const ModeCost& mode) { return mode.identity; });
}

/// Flops of one part for one index of the other modes.
double part_flops(const std::vector<ModeCost>& modes) {
  // With one rank and all modes trailing, a product's estimate is that of its local part.
  return estimate_product(modes, 0, 1).flops_busiest_rank;
}

std::vector<double> flops_of(const SumShape& shape, std::size_t first_mode,
                             const std::vector<std::vector<int>>& parts) {
  std::vector<double> result;
  for (const auto& part : parts) result.push_back(part_flops(costs(shape, first_mode, part)));
  return result;
}

/// The extents of both sides: of what comes in and of what goes out.
struct Sides {
  Index leading_in = 1, leading_out = 1, trailing_in = 1, trailing_out = 1;
};

Sides sides_of(const SumShape& shape, int leading_modes) {
  Sides sides;
  for (std::size_t mode = 0; mode < shape.modes.size(); ++mode) {
    const ModeCost& any = shape.modes[mode].front();
    const bool leading = mode < static_cast<std::size_t>(leading_modes);
    Index& in = leading ? sides.leading_in : sides.trailing_in;
    Index& out = leading ? sides.leading_out : sides.trailing_out;
    in = core::multiply(in, any.cols);
    out = core::multiply(out, any.rows);
  }
  static_cast<void>(core::multiply(sides.leading_in, sides.trailing_in));
  static_cast<void>(core::multiply(sides.leading_out, sides.trailing_out));
  return sides;
}

struct Flops {
  std::vector<double> leading, trailing;
};

/// Flops per home row and per away column of the terms that need an exchange.
struct Work {
  double per_row = 0, per_column = 0;
};

Work work_of(const SumSchedule& schedule, const Flops& flops) {
  Work work;
  for (int i = 0; i < schedule.rank; ++i) {
    for (std::size_t r = 0; r < schedule.trailing.size(); ++r) {
      if (schedule.right_of(i, r) != 0) work.per_row += flops.trailing[r];
    }
    for (std::size_t l = 0; l < schedule.leading.size(); ++l) {
      if (schedule.left_of(l, i) != 0) work.per_column += flops.leading[l];
    }
  }
  return work;
}

/// Two factorisations of the coefficients, by rows and by columns, both of least rank: the one that
/// computes less.
void choose_factors(SumSchedule& schedule, const std::vector<double>& c, const Flops& flops,
                    const Sides& sides) {
  const std::size_t rows = schedule.leading.size();
  const std::size_t cols = schedule.trailing.size();
  SumSchedule by_rows = schedule;
  RankFactors factors = factor_by_rows(c, rows, cols);
  by_rows.rank = factors.rank;
  by_rows.left = std::move(factors.left);
  by_rows.right = std::move(factors.right);

  std::vector<double> transposed(c.size());
  const auto transpose = [](std::span<const double> from, std::size_t count, std::size_t length,
                            std::span<double> to) {
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j < length; ++j) to[j * count + i] = from[i * length + j];
    }
  };
  transpose(c, rows, cols, transposed);
  factors = factor_by_rows(transposed, cols, rows);
  const auto rank = static_cast<std::size_t>(factors.rank);
  SumSchedule by_columns = schedule;
  by_columns.rank = factors.rank;
  by_columns.left.resize(rows * rank);
  by_columns.right.resize(rank * cols);
  transpose(factors.right, rank, rows, by_columns.left);
  transpose(factors.left, cols, rank, by_columns.right);

  const auto cost = [&](const SumSchedule& candidate) {
    const Work work = work_of(candidate, flops);
    return work.per_row * static_cast<double>(sides.leading_in) +
           work.per_column * static_cast<double>(sides.trailing_in);
  };
  const bool rows_win = by_rows.rank < by_columns.rank ||
                        (by_rows.rank == by_columns.rank && cost(by_rows) <= cost(by_columns));
  schedule = rows_win ? std::move(by_rows) : std::move(by_columns);
}

/// A combination of one part only has coefficient 1, so that the part is moved as it is.
void normalise(SumSchedule& schedule) {
  const std::size_t cols = schedule.trailing.size();
  for (int i = 0; i < schedule.rank; ++i) {
    double* row = schedule.right.data() + static_cast<std::size_t>(i) * cols;
    const auto nonzero = [](double value) { return value != 0; };
    if (std::count_if(row, row + cols, nonzero) != 1) continue;
    double& only = *std::find_if(row, row + cols, nonzero);
    for (std::size_t l = 0; l < schedule.leading.size(); ++l) {
      schedule.left[l * static_cast<std::size_t>(schedule.rank) + static_cast<std::size_t>(i)] *=
          only;
    }
    only = 1;
  }
}

double moved(double vectors, Index leading, Index trailing) {
  return vectors * static_cast<double>(leading) * static_cast<double>(trailing);
}

/// Entries that the exchanges move in each order.
double entries_moved(const Sides& sides, int rank, SumOrder order) {
  if (order == SumOrder::trailing_first) {
    return moved(rank, sides.leading_in, sides.trailing_out) +
           moved(1, sides.leading_out, sides.trailing_out);
  }
  return moved(1, sides.leading_in, sides.trailing_in) +
         moved(rank, sides.leading_out, sides.trailing_in);
}

/// Partial products of one home row that do not stay in cache are written and read back; of the
/// line that is written, memory reads the old contents.
constexpr double passes_of_kept = 3;

double kept_bytes(const Sides& sides, const Flops& flops) {
  constexpr double cache_bytes = 1 << 20;
  const double row = 8 * static_cast<double>(std::max(sides.trailing_in, sides.trailing_out));
  const auto products = std::count_if(flops.trailing.begin(), flops.trailing.end(),
                                      [](double count) { return count > 0; });
  return row > cache_bytes ? passes_of_kept * row * static_cast<double>(products) : 0;
}

bool uses_all_ranks(const SumShape& shape, const SumEstimate& estimate, int parts) {
  Index points[2] = {1, 1};
  for (std::size_t mode = 0; mode < shape.modes.size(); ++mode) {
    const ModeCost& any = shape.modes[mode].front();
    points[mode < static_cast<std::size_t>(estimate.leading_modes) ? 0 : 1] *=
        std::min(any.rows, any.cols);
  }
  return points[0] >= parts &&
         (estimate.vectors_moved == 0 || estimate.neighbours || points[1] >= parts);
}

}  // namespace

bool SumSchedule::has_local_terms() const {
  return std::any_of(local.begin(), local.end(), [](double value) { return value != 0; });
}

SumSchedule schedule_sum(const SumShape& shape, int leading_modes) {
  const auto split = static_cast<std::size_t>(leading_modes);
  SumSchedule schedule;
  schedule.leading_modes = leading_modes;
  struct Entry {
    std::size_t leading, trailing;
    double coefficient;
  };
  std::vector<Entry> entries;
  std::vector<Entry> local;
  for (const SumShape::Term& term : shape.terms) {
    const auto middle = term.matrices.begin() + static_cast<std::ptrdiff_t>(split);
    std::vector<int> leading(term.matrices.begin(), middle);
    const std::size_t trailing =
        find_or_add(schedule.trailing, std::vector<int>(middle, term.matrices.end()));
    if (is_identity(costs(shape, 0, leading))) {
      local.push_back({0, trailing, term.coefficient});
    } else {
      const std::size_t place = find_or_add(schedule.leading, std::move(leading));
      entries.push_back({place, trailing, term.coefficient});
    }
  }
  const std::size_t cols = schedule.trailing.size();
  std::vector<double> c(schedule.leading.size() * cols, 0.0);
  for (const Entry& entry : entries) {
    c[entry.leading * cols + entry.trailing] += entry.coefficient;
  }
  schedule.local.assign(cols, 0.0);
  for (const Entry& entry : local) schedule.local[entry.trailing] += entry.coefficient;

  const Sides sides = sides_of(shape, leading_modes);
  choose_factors(schedule, c,
                 {flops_of(shape, 0, schedule.leading), flops_of(shape, split, schedule.trailing)},
                 sides);
  normalise(schedule);
  // The trailing first shares its products with the local terms, so the other must move less.
  if (schedule.rank > 0 && entries_moved(sides, schedule.rank, SumOrder::leading_first) <
                               entries_moved(sides, schedule.rank, SumOrder::trailing_first)) {
    schedule.order = SumOrder::leading_first;
  }
  return schedule;
}

SumEstimate estimate_sum(const SumShape& shape, int leading_modes, int parts, const Rates& rates) {
  const SumSchedule schedule = schedule_sum(shape, leading_modes);
  const Sides sides = sides_of(shape, leading_modes);
  const auto split = static_cast<std::size_t>(leading_modes);
  const Flops flops{flops_of(shape, 0, schedule.leading),
                    flops_of(shape, split, schedule.trailing)};
  const auto rows_in = static_cast<double>(BlockPartition(sides.leading_in, parts).largest());
  const auto rows_out = static_cast<double>(BlockPartition(sides.leading_out, parts).largest());
  const double rows = std::max(rows_in, rows_out);

  SumEstimate estimate;
  estimate.leading_modes = leading_modes;
  estimate.vector_bytes_per_rank = 8 * rows_in * static_cast<double>(sides.trailing_in);
  estimate.result_bytes_per_rank = 8 * rows_out * static_cast<double>(sides.trailing_out);
  double bytes = estimate.vector_bytes_per_rank + estimate.result_bytes_per_rank;
  Work work = work_of(schedule, flops);
  for (std::size_t r = 0; r < schedule.trailing.size(); ++r) {
    // What a vector that goes away takes as well is there already.
    const bool shared = schedule.rank > 0 && schedule.order == SumOrder::trailing_first &&
                        schedule.right_of(0, r) != 0;
    if (schedule.local[r] != 0 && !shared) work.per_row += flops.trailing[r];
  }
  estimate.flops_busiest_rank = rows * work.per_row;
  bytes += kept_bytes(sides, flops) * rows;
  estimate.scratch_bytes_per_rank = kept_bytes(sides, flops) / passes_of_kept;
  if (schedule.rank > 0) {
    const bool trailing_first = schedule.order == SumOrder::trailing_first;
    const Index trailing = trailing_first ? sides.trailing_out : sides.trailing_in;
    const auto columns = static_cast<double>(BlockPartition(trailing, parts).largest());
    const double block =
        8 * columns * static_cast<double>(std::max(sides.leading_in, sides.leading_out));
    estimate.away_bytes_per_rank = (schedule.rank > 1 ? 2 : 1) * block;
    estimate.flops_busiest_rank += columns * work.per_column;
    estimate.vectors_moved = parts > 1 ? schedule.rank + 1 : 0;
    estimate.exchanges = parts > 1 ? 2 : 0;
    const double leaving = 1.0 - 1.0 / static_cast<double>(parts);
    const double away = trailing_first ? schedule.rank : 1;
    const double home = trailing_first ? 1 : schedule.rank;
    estimate.exchanged_bytes_per_rank =
        8 * leaving * static_cast<double>(trailing) * (away * rows_in + home * rows_out);
    // Each vector is written and read on both sides of its exchange.
    bytes += 2 * (schedule.rank + 1) * block;
    if (schedule.has_local_terms()) bytes += 2 * estimate.result_bytes_per_rank;
  }
  estimate.seconds = estimate.flops_busiest_rank / rates.flops_per_second +
                     bytes / rates.memory_bytes_per_second +
                     estimate.exchanged_bytes_per_rank / rates.exchange_bytes_per_second;
  return estimate;
}

SumEstimate estimate_neighbours(const SumShape& shape, int leading_modes, int parts,
                                const NeighbourNeeds& needs, const Rates& rates) {
  const SumSchedule schedule = schedule_sum(shape, leading_modes);
  const Sides sides = sides_of(shape, leading_modes);
  const auto flops = flops_of(shape, static_cast<std::size_t>(leading_modes), schedule.trailing);
  const auto rows_in = static_cast<double>(BlockPartition(sides.leading_in, parts).largest());
  const auto rows_out = static_cast<double>(BlockPartition(sides.leading_out, parts).largest());
  const auto trailing = static_cast<double>(sides.trailing_in);

  SumEstimate estimate;
  estimate.leading_modes = leading_modes;
  estimate.neighbours = true;
  estimate.exchanges = needs.rows_received > 0 ? 1 : 0;
  estimate.vectors_moved = estimate.exchanges;
  estimate.vector_bytes_per_rank = 8 * rows_in * trailing;
  estimate.result_bytes_per_rank = 8 * rows_out * static_cast<double>(sides.trailing_out);
  estimate.exchanged_bytes_per_rank = 8 * static_cast<double>(needs.rows_given) * trailing;
  estimate.away_bytes_per_rank =
      8 * static_cast<double>(needs.rows_given + needs.rows_received) * trailing;
  estimate.flops_busiest_rank = 2 * static_cast<double>(needs.entries) * trailing +
                                rows_out * std::accumulate(flops.begin(), flops.end(), 0.0);
  const double kept = kept_bytes(sides, {{}, flops});
  estimate.scratch_bytes_per_rank = kept / passes_of_kept;
  const double bytes = estimate.vector_bytes_per_rank + estimate.result_bytes_per_rank +
                       2 * estimate.away_bytes_per_rank + kept * rows_out;
  estimate.seconds = estimate.flops_busiest_rank / rates.flops_per_second +
                     bytes / rates.memory_bytes_per_second +
                     estimate.exchanged_bytes_per_rank / rates.exchange_bytes_per_second;
  return estimate;
}

SumEstimate estimate_either(const SumShape& shape, int leading_modes, int parts,
                            const NeighbourNeedsOf& needs, const Rates& rates) {
  const SumEstimate exchanges = estimate_sum(shape, leading_modes, parts, rates);
  if (!needs || schedule_sum(shape, leading_modes).rank == 0) return exchanges;
  const std::optional<NeighbourNeeds> needed = needs(leading_modes);
  if (!needed) return exchanges;
  const SumEstimate neighbours = estimate_neighbours(shape, leading_modes, parts, *needed, rates);
  return neighbours.seconds < exchanges.seconds ? neighbours : exchanges;
}

SumEstimate choose_sum_split(const SumShape& shape, int parts, const NeighbourNeedsOf& needs,
                             const Rates& rates) {
  if (shape.terms.empty() || shape.modes.empty()) {
    throw core::ShapeError("a sum of products needs at least one term with one factor");
  }
  return best_split(
      static_cast<int>(shape.modes.size()),
      [&](int split) { return estimate_either(shape, split, parts, needs, rates); },
      [&](int /*split*/, const SumEstimate& estimate) {
        return uses_all_ranks(shape, estimate, parts);
      });
}

}  // namespace kronwerk::distribution
