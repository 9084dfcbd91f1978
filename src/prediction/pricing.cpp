// See src/MATHEMATICS.md, "Predicted times".
#include "kronwerk/prediction/pricing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kronwerk/core/error.hpp"
#include "kronwerk/distribution/node_map.hpp"

namespace kronwerk::prediction {

using configuration::Rate;
using configuration::RateTable;

namespace {

constexpr double giga = 1e9;
constexpr double mega = 1e6;
/// Messages of a redistribution are not larger, as in communication::Redistribution.
constexpr double message_bytes = 4 << 20;
/// Symmetric matrices from this extent on are decomposed by all ranks where that is foreseen to be
/// faster at this efficiency, as in factors::find_bases.
constexpr double smallest_shared = 1500;
constexpr double assumed_efficiency = 0.8;
/// Of the tridiagonal form: a reflector's norm, two sums and a broadcast.
constexpr double reductions_per_column = 4;

/// Linear between what one rank and what all ranks of a node do; more ranks than were measured do
/// as those.
double between(double one, double all, double busy, double measured) {
  if (measured <= 1) return one;
  const double part = std::clamp((busy - 1) / (measured - 1), 0.0, 1.0);
  return one + part * (all - one);
}

}  // namespace

Cost& Cost::operator+=(const Cost& other) {
  arithmetic += other.arithmetic;
  memory += other.memory;
  exchange += other.exchange;
  latency += other.latency;
  files += other.files;
  fixed += other.fixed;
  return *this;
}

Cost operator*(double factor, Cost cost) {
  cost.arithmetic *= factor;
  cost.memory *= factor;
  cost.exchange *= factor;
  cost.latency *= factor;
  cost.files *= factor;
  cost.fixed *= factor;
  return cost;
}

double PricedMode::flops_per_fibre() const {
  double flops = 0;
  for (const ModeAction& action : actions) flops += action.flops_per_fibre;
  return flops;
}

std::vector<distribution::ModeCost> costs_of(std::span<const PricedMode> modes) {
  std::vector<distribution::ModeCost> costs;
  for (const PricedMode& mode : modes) {
    costs.push_back({.rows = mode.rows,
                     .cols = mode.cols,
                     .flops_per_fibre = mode.flops_per_fibre(),
                     .identity = mode.identity()});
  }
  return costs;
}

Pricing::Pricing(const configuration::Machine& machine, Ranks ranks)
    : machine_(&machine), ranks_(ranks) {
  ranks_.per_node = std::clamp(ranks.per_node, 1, ranks.count);
  const auto measured = [](const configuration::Link& link) {
    return link.gigabytes_per_second > 0;
  };
  if (ranks_.per_node > 1 && !measured(machine.within_node)) {
    throw core::ConfigurationError(
        "the machine file was measured with one rank per node, so that it does not say what "
        "messages within a node cost; measure with mpirun on all ranks of a node");
  }
}

double Pricing::largest_part(Index size) const {
  return static_cast<double>(distribution::BlockPartition(size, ranks_.count).largest());
}

double Pricing::rate(const Rate& rate) const {
  return between(rate.one_rank, rate.all_ranks, ranks_.per_node, machine_->ranks_per_node);
}

double Pricing::rate(const RateTable& table, double size) const {
  const auto seconds = [&](std::size_t i) {
    return table.sizes[i] / between(table.one_rank[i], table.all_ranks[i], ranks_.per_node,
                                    machine_->ranks_per_node);
  };
  const std::size_t last = table.sizes.size() - 1;
  // Few flops per value: the memory's speed. Many: those of the largest.
  if (size <= table.sizes.front()) return size / seconds(0);
  if (size >= table.sizes[last]) return table.sizes[last] / seconds(last);
  std::size_t upper = 1;
  while (table.sizes[upper] < size) ++upper;
  const double part =
      (size - table.sizes[upper - 1]) / (table.sizes[upper] - table.sizes[upper - 1]);
  return size / ((1 - part) * seconds(upper - 1) + part * seconds(upper));
}

Cost Pricing::along_mode(const PricedMode& mode, double values, bool last) const {
  Cost cost;
  const double fibres = values / static_cast<double>(std::max<Index>(1, mode.cols));
  const auto extent = static_cast<double>(mode.cols);
  for (const ModeAction& action : mode.actions) {
    const double flops = action.flops_per_fibre * fibres;
    const double size = action.flops_per_fibre / 2 / extent;
    const configuration::Machine& m = *machine_;
    switch (action.action) {
      case Action::dense:
        cost.arithmetic += flops / giga / ranks_.threads /
                           rate(last ? m.dense_last_mode : m.dense_other_mode, size);
        break;
      case Action::sparse:
        cost.arithmetic +=
            flops / giga / rate(last ? m.sparse_last_mode : m.sparse_other_mode, size);
        break;
      case Action::substitution:
        cost.arithmetic +=
            flops / giga / rate(last ? m.substitution_last_mode : m.substitution_other_mode, size);
        break;
      case Action::diagonal:
        cost += stream(16 * values);
        break;
    }
  }
  return cost;
}

Cost Pricing::stream(double bytes) const {
  return {.memory = bytes / giga / rate(machine_->memory_copy)};
}

Cost Pricing::touch(double bytes) const {
  return {.memory = bytes / giga / rate(machine_->first_touch)};
}

Cost Pricing::cached(double bytes) const {
  return {.arithmetic = bytes / giga / rate(machine_->cache_copy)};
}

Cost Pricing::touch_again(double bytes) const {
  return {.memory = bytes / giga / rate(machine_->touch_again)};
}

Cost Pricing::touch_shared(double bytes) const {
  return {.memory = bytes / giga / rate(machine_->shared_first_touch)};
}

double Pricing::reduction_seconds(double ranks) const {
  const auto& known = machine_->reduction_ranks;
  const auto& seconds = machine_->reduction_microseconds;
  if (ranks <= 1) return 0;
  // A tree: each doubling of the ranks costs what the last one did, between nodes at least a
  // message there and back.
  const auto place = std::ranges::lower_bound(known, ranks);
  if (place != known.end()) return 1e-6 * seconds[static_cast<std::size_t>(place - known.begin())];
  double step = seconds.size() > 1 ? seconds.back() - seconds[seconds.size() - 2] : seconds.back();
  const bool far = machine_->between_nodes.latency_microseconds > 0;
  step = std::max(step,
                  2 * (far ? machine_->between_nodes : machine_->within_node).latency_microseconds);
  return 1e-6 * (seconds.back() + step * std::log2(ranks / known.back()));
}

Cost Pricing::redistribution(double bytes, double rows) const {
  const configuration::Machine& m = *machine_;
  const auto ranks = static_cast<double>(ranks_.count);
  const auto near = static_cast<double>(ranks_.per_node);
  Cost cost{.exchange = bytes * near / ranks / giga / rate(m.exchange),
            .latency = 2 * reduction_seconds(near)};
  const double far = ranks - near;
  if (far <= 0) return cost;
  const configuration::Link& link =
      m.between_nodes.gigabytes_per_second > 0 ? m.between_nodes : m.within_node;
  const double row_bytes = bytes / std::max(1.0, rows);
  const double rounds = std::ceil(rows / std::max(1.0, std::floor(message_bytes / row_bytes)));
  // Packed on one side, in place on the other.
  cost += stream(2 * bytes * far / ranks);
  cost.exchange += bytes * far / ranks / giga / link.gigabytes_per_second;
  const bool by_node = distribution::by_node_is_faster(ranks_.nodes(), ranks_.count, bytes);
  // What comes for a node is handed on through its memory.
  if (by_node) cost += stream(2 * bytes * far / ranks);
  const double messages = by_node ? ranks_.nodes() - 1 : far;
  cost.latency +=
      rounds * (messages / (1e3 * link.kilomessages_per_second) + 1e-6 * link.latency_microseconds);
  return cost;
}

Cost Pricing::neighbour_exchange(double bytes) const {
  const bool far = ranks_.nodes() > 1 && machine_->between_nodes.gigabytes_per_second > 0;
  const configuration::Link& link = far ? machine_->between_nodes : machine_->within_node;
  if (ranks_.count == 1) return {};
  Cost cost = stream(4 * bytes);  // packed, and what came is read
  cost.exchange = bytes / giga / link.gigabytes_per_second;
  cost.latency = 2e-6 * link.latency_microseconds + reduction_seconds(ranks_.per_node);
  return cost;
}

Cost Pricing::reductions(double count) const {
  return {.latency = count * reduction_seconds(ranks_.count)};
}

Cost Pricing::reduction_of(double bytes) const {
  if (ranks_.count == 1) return {};
  const configuration::Link& link =
      ranks_.nodes() > 1 && machine_->between_nodes.gigabytes_per_second > 0
          ? machine_->between_nodes
          : machine_->within_node;
  Cost cost = reductions(1);
  cost.exchange = 2 * bytes / giga / link.gigabytes_per_second;
  return cost;
}

Cost Pricing::random_numbers(double count) const {
  return {.arithmetic = count / mega / rate(machine_->random_numbers)};
}

Cost Pricing::checks(double count) const {
  return Cost{.arithmetic = count / mega / rate(machine_->checked_values)} + reductions(2);
}

Cost Pricing::read(double bytes) const {
  return {.files = bytes / giga / ranks_.count / rate(machine_->file_read)};
}

Cost Pricing::write(double bytes) const {
  Cost cost{.files = bytes / giga / ranks_.count / rate(machine_->file_write) +
                     bytes / giga / machine_->file_sync_gigabytes_per_second,
            .fixed = 1e-3 * machine_->file_create_milliseconds};
  return cost + reductions(10);
}

Cost Pricing::inspect(double count) const {
  return Cost{.fixed = count * 1e-3 * machine_->file_open_milliseconds} + reductions(2 * count);
}

Cost Pricing::pairs(double count, double relative) const {
  return {.arithmetic = count * relative / mega / rate(machine_->kernel_pairs)};
}

Cost Pricing::ring(double bytes) const {
  const bool far = ranks_.nodes() > 1 && machine_->between_nodes.gigabytes_per_second > 0;
  const configuration::Link& link = far ? machine_->between_nodes : machine_->within_node;
  const double steps = ranks_.count - 1;
  if (steps == 0) return {};
  return {.exchange = steps * bytes / giga / link.gigabytes_per_second,
          .latency = 1e-6 * steps * link.latency_microseconds};
}

Cost Pricing::broadcast(double bytes) const {
  if (ranks_.nodes() == 1) return {};
  const configuration::Link& link = machine_->between_nodes.gigabytes_per_second > 0
                                        ? machine_->between_nodes
                                        : machine_->within_node;
  return Cost{.exchange = 2 * bytes / giga / link.gigabytes_per_second} + reductions(1);
}

Cost Pricing::dgemm(double flops, double extent) const {
  return {.arithmetic = flops / giga / ranks_.threads / rate(machine_->dgemm, extent)};
}

Cost Pricing::eigenproblems(std::span<const double> extents, bool vectors) const {
  const RateTable& alone = vectors ? machine_->eigenvectors : machine_->eigenvalues;
  const RateTable& shared =
      vectors ? machine_->eigenvectors_together : machine_->eigenvalues_together;
  std::vector<double> works;
  double longest = 0;
  double matrices = 0;
  bool large = ranks_.count > 1;
  Cost together;
  for (const double n : extents) {
    const double cube = n * n * n / giga;
    works.push_back(cube / ranks_.threads / rate(alone, n));
    longest = std::max(longest, works.back());
    matrices += 8 * n * n;
    large = large && n >= smallest_shared;
    together += {.arithmetic = cube / rate(shared, n) * machine_->ranks / ranks_.count,
                 .latency = reductions_per_column * n * reduction_seconds(ranks_.count)};
  }
  const double all = std::accumulate(works.begin(), works.end(), 0.0);
  const double side_by_side = std::max(all / ranks_.count, longest);
  const Cost sent = vectors ? broadcast(matrices) : Cost{};
  if (large && all / ranks_.count / assumed_efficiency < side_by_side) return together + sent;
  return Cost{.fixed = side_by_side} + sent;
}

Cost Pricing::sparse_factorisations(std::span<const double> entries) const {
  const double speed = mega * rate(machine_->sparse_factorisation);
  const double all = std::accumulate(entries.begin(), entries.end(), 0.0);
  const double longest = entries.empty() ? 0 : *std::ranges::max_element(entries);
  constexpr double bytes_per_entry = 12;
  return Cost{.fixed = std::max(all / ranks_.count, longest) / speed} +
         broadcast(bytes_per_entry * all);
}

}  // namespace kronwerk::prediction
