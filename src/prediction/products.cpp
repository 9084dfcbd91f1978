// See src/MATHEMATICS.md, "Predicted times".
#include "kronwerk/prediction/products.hpp"

#include <algorithm>

namespace kronwerk::prediction {

using distribution::NeighbourNeeds;
using distribution::SumEstimate;
using distribution::SumSchedule;
using distribution::SumShape;

namespace {

using Modes = std::vector<PricedMode>;

/// Input or result of a group of modes, whichever is larger, and the smaller of both.
struct Group {
  Index in = 1;
  Index out = 1;
  explicit Group(std::span<const PricedMode> modes) {
    for (const PricedMode& mode : modes) {
      in = core::multiply(in, mode.cols);
      out = core::multiply(out, mode.rows);
    }
  }
  Index largest() const { return std::max(in, out); }
};

bool all_identity(std::span<const PricedMode> modes) {
  return std::ranges::all_of(modes, &PricedMode::identity);
}

/// All modes of a group on a block of so many values.
Cost price_group(const Pricing& pricing, std::span<const PricedMode> modes, double values,
                 bool has_last) {
  Cost cost;
  for (std::size_t k = 0; k < modes.size(); ++k) {
    cost += pricing.along_mode(modes[k], values, has_last && k + 1 == modes.size());
  }
  return cost;
}

Modes part_of(const PricedSum& sum, std::size_t first_mode, const std::vector<int>& part) {
  Modes modes;
  for (std::size_t k = 0; k < part.size(); ++k) {
    modes.push_back(sum.modes[first_mode + k][static_cast<std::size_t>(part[k])]);
  }
  return modes;
}

Modes any_modes(const PricedSum& sum) {
  Modes modes;
  for (const auto& matrices : sum.modes) modes.push_back(matrices.front());
  return modes;
}

/// One sum with one split, by its schedule.
class SplitSum {
 public:
  SplitSum(const Pricing& pricing, const PricedSum& sum, int leading_modes)
      : pricing_(pricing),
        sum_(sum),
        split_(static_cast<std::size_t>(leading_modes)),
        schedule_(distribution::schedule_sum(shape_of(sum), leading_modes)),
        any_(any_modes(sum)),
        leading_(std::span(any_).first(split_)),
        trailing_(std::span(any_).subspan(split_)),
        rows_(pricing.largest_part(leading_.largest())),
        values_(rows_ * static_cast<double>(trailing_.largest())) {}

  Application price(bool accumulate) const {
    Application result{{}, static_cast<int>(split_), values_, 0};
    result.cost = price_trailing(accumulate);
    if (schedule_.rank == 0) return result;
    const double columns = pricing_.largest_part(trailing_.largest());
    const double away = columns * static_cast<double>(leading_.largest());
    const int vectors = schedule_.rank;
    result.away_bytes = 8 * away * (vectors > 1 ? 2 : 1);
    for (int i = 0; i < vectors; ++i) {
      for (std::size_t l = 0; l < schedule_.leading.size(); ++l) {
        if (schedule_.left_of(l, i) == 0) continue;
        result.cost += price_group(pricing_, part_of(sum_, 0, schedule_.leading[l]), away,
                                   split_ == any_.size());
      }
      result.cost += pricing_.stream(16 * away);
    }
    for (int way = 0; way < vectors + 1; ++way) {
      result.cost += pricing_.redistribution(8 * values_, rows_);
    }
    if (accumulate || schedule_.has_local_terms()) result.cost += pricing_.stream(24 * values_);
    return result;
  }

  /// Leading parts act in the home layout, on rows that neighbours send.
  Application price_neighbours(const NeighbourNeeds& needs, bool accumulate) const {
    Application result{{}, static_cast<int>(split_), values_, 0};
    const auto trailing = static_cast<double>(trailing_.in);
    result.cost = price_parts() + pricing_.stream((accumulate ? 24 : 16) * values_);
    // Rows of others, added with a weight each.
    const double entries = static_cast<double>(needs.entries);
    PricedMode row{static_cast<Index>(rows_), static_cast<Index>(rows_), {}};
    row.actions.push_back({Action::sparse, 2 * entries});
    result.cost += pricing_.along_mode(row, values_, false);
    const double sent = 8 * static_cast<double>(needs.rows_given) * trailing;
    result.away_bytes = sent;
    result.cost += pricing_.neighbour_exchange(sent);
    return result;
  }

 private:
  /// Every distinct trailing part once.
  Cost price_parts() const {
    Cost cost;
    for (const auto& part : schedule_.trailing) {
      cost += price_group(pricing_, part_of(sum_, split_, part), values_, true);
    }
    return cost;
  }

  Cost price_trailing(bool accumulate) const {
    Cost cost;
    std::size_t outputs = schedule_.has_local_terms() ? 1 : 0;
    outputs += static_cast<std::size_t>(schedule_.rank);
    std::size_t products = 0;
    for (const auto& part : schedule_.trailing) {
      const Modes modes = part_of(sum_, split_, part);
      if (all_identity(modes)) continue;
      ++products;
      cost += price_group(pricing_, modes, values_, true);
    }
    // Weighted sums of what the parts gave: read, and written once per output.
    cost += pricing_.stream(8 * values_ * static_cast<double>(products + outputs));
    if (accumulate && schedule_.rank == 0) cost += pricing_.stream(8 * values_);
    return cost;
  }

  const Pricing& pricing_;
  const PricedSum& sum_;
  std::size_t split_;
  SumSchedule schedule_;
  Modes any_;
  Group leading_, trailing_;
  double rows_, values_;
};

}  // namespace

double PricedSum::points() const {
  return static_cast<double>(Group(any_modes(*this)).largest());
}

SumShape shape_of(const PricedSum& sum) {
  SumShape shape;
  for (const auto& matrices : sum.modes) shape.modes.push_back(costs_of(matrices));
  shape.terms = sum.terms;
  return shape;
}

PricedSum as_sum(std::vector<PricedMode> modes) {
  PricedSum sum;
  sum.terms.push_back({1, std::vector<int>(modes.size(), 0)});
  for (PricedMode& mode : modes) sum.modes.push_back({std::move(mode)});
  return sum;
}

Application price_product(const Pricing& pricing, std::span<const PricedMode> modes,
                          std::optional<int> leading_modes, bool accumulate) {
  const int ranks = pricing.ranks().count;
  const auto costs = costs_of(modes);
  const auto estimate = leading_modes ? distribution::estimate_product(costs, *leading_modes, ranks)
                                      : distribution::choose_split(costs, ranks);
  const auto split = static_cast<std::size_t>(estimate.leading_modes);
  const auto leading = modes.first(split);
  const auto trailing = modes.subspan(split);
  const Group rows(leading), columns(trailing);
  const double own_rows = pricing.largest_part(rows.largest());
  Application result{
      {}, estimate.leading_modes, own_rows * static_cast<double>(columns.largest()), 0};
  result.cost = price_group(pricing, trailing, result.values, true);
  if (accumulate) result.cost += pricing.stream(24 * result.values);
  if (all_identity(leading)) return result;
  const double away =
      pricing.largest_part(std::min(columns.in, columns.out)) * static_cast<double>(rows.largest());
  result.away_bytes = 8 * away;
  result.cost += price_group(pricing, leading, away, split == modes.size());
  const double travelling = 8 * own_rows * static_cast<double>(std::min(columns.in, columns.out));
  result.cost += 2 * pricing.redistribution(travelling, own_rows);
  return result;
}

Application price_sum(const Pricing& pricing, const PricedSum& sum,
                      std::optional<int> leading_modes, bool accumulate) {
  const int ranks = pricing.ranks().count;
  const SumShape shape = shape_of(sum);
  const auto needs = [&](int leading) -> std::optional<NeighbourNeeds> {
    if (!sum.needs || leading != 1) return std::nullopt;
    return sum.needs(ranks);
  };
  const SumEstimate estimate =
      leading_modes ? distribution::estimate_either(shape, *leading_modes, ranks, needs)
                    : distribution::choose_sum_split(shape, ranks, needs);
  const SplitSum split(pricing, sum, estimate.leading_modes);
  if (estimate.neighbours) return split.price_neighbours(*needs(1), accumulate);
  if (sum.terms.size() == 1) {
    return price_product(pricing, part_of(sum, 0, sum.terms.front().matrices),
                         estimate.leading_modes, accumulate);
  }
  return split.price(accumulate);
}

}  // namespace kronwerk::prediction
