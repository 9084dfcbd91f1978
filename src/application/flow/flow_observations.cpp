#include "application/flow/flow_observations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "application/inputs/problem.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/models/flow_missing/missing_flows.hpp"

namespace kronwerk::application {

FlowObservations::FlowObservations(const communication::Communicator& comm,
                                   const configuration::Job& job, const core::Extents& grid)
    : comm_(&comm),
      grid_(grid),
      layout_(grid, 1, comm.size()),
      where_(job.where(job.flow->observations.position)),
      request_(&job.flow->observations),
      reader_(comm, job, {request_->data, request_->transform, request_->position}, "observations",
              grid, VectorReader::Missing::allowed) {
  if (reader_.sparse()) {
    throw core::DataError(fmt::format(
        "{}: the observations {}:{} are a sparse matrix; expected a dataset of the grid's shape, "
        "{}",
        where_, request_->data.file, request_->data.dataset, core::to_text(grid)));
  }
  if (!request_->mask) return;
  mask_.emplace(comm, job, configuration::VectorSource{*request_->mask, {}, request_->position},
                "observations.mask", grid);
  if (!mask_->sparse() && (mask_->shape().count == 1 || mask_->shape().count == years())) return;
  throw core::ShapeError(fmt::format(
      "{}: the mask {}:{} is for {} grids of flows; expected a dataset for one, or for all {}",
      where_, request_->mask->file, request_->mask->dataset, mask_->shape().count, years()));
}

bool FlowObservations::Flows::complete() const {
  return std::ranges::all_of(missing, [](const auto& cells) { return cells.empty(); });
}

void FlowObservations::fail(const std::string& what) const {
  throw core::DataError(
      fmt::format("{}: {}:{} {}", where_, request_->data.file, request_->data.dataset, what));
}

std::vector<double> FlowObservations::read_block(const VectorReader& reader, Index year,
                                                 bool derivative) const {
  std::vector<double> values;
  communication::collectively(
      *comm_, [&] { values.resize(static_cast<std::size_t>(layout_.home_size(comm_->rank()))); });
  const Index first = (reader.shape().count == 1 ? 0 : year) * layout_.size();
  reader.read_flat(first + layout_.home_begin(comm_->rank()), values, derivative);
  return values;
}

void FlowObservations::fail_at(Index cell, const std::string& what,
                               const std::string& advice) const {
  fail(fmt::format("holds {} at origin {}, destination {}{}", what, cell / grid_[1],
                   cell % grid_[1], advice));
}

std::vector<double> FlowObservations::observed(Index year) const {
  constexpr Index none = std::numeric_limits<Index>::max();
  const Index begin = layout_.home_begin(comm_->rank());
  std::vector<double> values = read_block(reader_, year, false);
  const auto mask = mask_ ? read_block(*mask_, year, false) : std::vector<double>();
  Index refused = none;
  Index infinite = none;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Index cell = begin + static_cast<Index>(i);
    if (mask_ && mask[i] == 0) {
      values[i] = std::numeric_limits<double>::quiet_NaN();
    } else if (std::isnan(values[i]) && !request_->nan_is_missing) {
      refused = std::min(refused, cell);
    } else if (std::isinf(values[i])) {
      infinite = std::min(infinite, cell);
    }
  }
  refused = comm_->min(refused);
  infinite = comm_->min(infinite);
  if (refused != none) {
    fail_at(refused, "NaN",
            fmt::format("{}; if flows that are NaN were not observed, say so by 'missing: nan'",
                        mask_ ? ", which was observed by the mask" : ""));
  }
  if (infinite != none) fail_at(infinite, "an infinite number", "");
  return values;
}

std::vector<Index> FlowObservations::take_missing(Index year, std::vector<double>& values) const {
  const Index begin = layout_.home_begin(comm_->rank());
  std::vector<Index> mine;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isnan(values[i])) continue;
    mine.push_back(begin + static_cast<Index>(i));
    values[i] = 0;
  }
  // Those of all ranks, one after the other.
  std::vector<Index> counts(static_cast<std::size_t>(comm_->size()), 0);
  counts[static_cast<std::size_t>(comm_->rank())] = std::ssize(mine);
  comm_->sum(std::span<Index>(counts));
  Index total = 0, before = 0;
  for (std::size_t rank = 0; rank < counts.size(); ++rank) {
    if (rank < static_cast<std::size_t>(comm_->rank())) before += counts[rank];
    total += counts[rank];
  }
  if (total == layout_.size()) {
    fail(years() == 1
             ? std::string("has not one flow that was observed")
             : fmt::format("has not one flow of grid {} that was observed; leave it out", year));
  }
  if (total > models::most_missing_flows) {
    fail(fmt::format("lacks {} flows; a Gaussian flow model is fitted with at most {} missing ones",
                     core::format_count(total), core::format_count(models::most_missing_flows)));
  }
  std::vector<Index> all(static_cast<std::size_t>(total), 0);
  std::ranges::copy(mine, all.begin() + before);
  comm_->sum(std::span<Index>(all));
  return all;
}

double FlowObservations::log_jacobian(Index year, const std::vector<Index>& missing) const {
  const auto derivatives = read_block(reader_, year, true);
  const Index begin = layout_.home_begin(comm_->rank());
  double sum = 0;
  for (std::size_t i = 0; i < derivatives.size(); ++i) {
    if (std::ranges::binary_search(missing, begin + static_cast<Index>(i))) continue;
    sum += std::log(std::abs(derivatives[i]));
  }
  return comm_->sum(sum);
}

FlowObservations::Flows FlowObservations::read(bool jacobian) const {
  Flows flows;
  Index missing = 0;
  for (Index year = 0; year < years(); ++year) {
    flows.years.push_back(observed(year));
    flows.missing.push_back(take_missing(year, flows.years.back()));
    missing += std::ssize(flows.missing.back());
    if (jacobian) flows.log_jacobian += log_jacobian(year, flows.missing.back());
  }
  if (missing > models::most_missing_flows) {
    fail(
        fmt::format("lacks {} flows in all grids; a Gaussian flow model is fitted with at most {} "
                    "missing ones",
                    core::format_count(missing), core::format_count(models::most_missing_flows)));
  }
  if (std::isfinite(flows.log_jacobian)) return flows;
  fail(
      "has values at which the transform's derivative is zero or infinite, of which 'jacobian: "
      "true' takes the logarithm");
}

}  // namespace kronwerk::application
