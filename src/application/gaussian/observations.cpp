#include "application/gaussian/observations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "application/inputs/problem.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/distribution/partition.hpp"

namespace kronwerk::application {
namespace {

configuration::VectorSource source_of(const configuration::ObservationsRequest& request) {
  return {request.data, request.transform, request.position};
}

constexpr double missing_value = std::numeric_limits<double>::quiet_NaN();

}  // namespace

Observations::Observations(const communication::Communicator& comm, const configuration::Job& job,
                           const Extents& grid, bool keep_all)
    : comm_(&comm),
      grid_(grid),
      keep_all_(keep_all),
      where_(job.where(job.gaussian->observations->position)),
      request_(&*job.gaussian->observations),
      reader_(comm, job, source_of(*request_), "observations", grid,
              VectorReader::Missing::allowed),
      extents_(grid) {
  const auto& request = *request_;
  if (reader_.sparse()) {
    throw core::DataError(fmt::format(
        "{}: the observations {}:{} are a sparse matrix; expected a dataset of the grid's shape, "
        "{}",
        where_, request.data.file, request.data.dataset, core::to_text(grid)));
  }
  if (request.mask) {
    mask_.emplace(comm, job, configuration::VectorSource{*request.mask, {}, request.position},
                  "observations.mask", grid);
    if (mask_->sparse() || (mask_->shape().count != 1 && mask_->shape().count != count())) {
      throw core::ShapeError(fmt::format(
          "{}: the mask {}:{} is for {} observations; expected a dataset for one, or for all {}",
          where_, request.mask->file, request.mask->dataset, mask_->shape().count, count()));
    }
  }
  for (const Index extent : grid_) {
    auto& all = kept_.emplace_back();
    for (Index i = 0; i < extent; ++i) all.push_back(i);
  }
  may_miss_ = request.nan_is_missing || request.mask.has_value();
  if (may_miss_) scan();
  if (missing_ < core::product(extents_) * count()) return;
  throw core::DataError(fmt::format("{}: not one cell of {}:{} was observed", where_,
                                    request.data.file, request.data.dataset));
}

std::string Observations::text() const {
  std::string text = core::to_text(extents_) + " cells";
  if (count() > 1) text += fmt::format(", {} observations", count());
  if (!all_kept()) {
    text += " (of " + core::to_text(grid_) + ": slices without observations are left out)";
  }
  if (missing_ > 0) text += fmt::format(", {} missing", core::format_count(missing_));
  return text;
}

/// NaN is no value that was observed: what is missing must have been said to be.
void Observations::refuse_nan(Index offset, std::span<const double> values,
                              std::span<const double> mask) const {
  if (request_->nan_is_missing) return;
  constexpr Index none = std::numeric_limits<Index>::max();
  Index first = none;
  for (std::size_t i = 0; i < values.size() && first == none; ++i) {
    const bool observed = mask.empty() || mask[i] != 0;
    if (observed && std::isnan(values[i])) first = offset + static_cast<Index>(i);
  }
  first = comm_->min(first);
  if (first == none) return;
  const std::string place = fmt::format("{}: {}:{} holds NaN at position {}", where_,
                                        request_->data.file, request_->data.dataset, first);
  if (!request_->mask) {
    throw core::DataError(place +
                          "; if cells that are NaN were not observed, say so by 'missing: nan'");
  }
  throw core::DataError(fmt::format(
      "{}, a cell that was observed by the mask {}:{}; correct the mask, or add 'missing: nan' if "
      "cells that are NaN were not observed either",
      place, request_->mask->file, request_->mask->dataset));
}

std::vector<double> Observations::read_mask(Index offset, Index count) const {
  std::vector<double> mask(static_cast<std::size_t>(count));
  const Index points = core::product(grid_);
  if (mask_->shape().count > 1) {
    mask_->read_flat(offset, mask);
    return mask;
  }
  // One mask for all observations: as many reads on every rank.
  const Index pieces = comm_->max((count + points - 1) / points + 1);
  Index done = 0;
  for (Index piece = 0; piece < pieces; ++piece) {
    const Index at = (offset + done) % points;
    const Index size = std::min(points - at, count - done);
    mask_->read_flat(at, std::span(mask).subspan(static_cast<std::size_t>(done),
                                                 static_cast<std::size_t>(size)));
    done += size;
  }
  return mask;
}

void Observations::scan() {
  // The observed cells of every slice of every mode.
  std::vector<std::vector<Index>> observed;
  for (const Index extent : grid_) observed.emplace_back(static_cast<std::size_t>(extent), 0);
  const Index points = core::product(grid_);
  const Index all = points * count();
  const distribution::BlockPartition blocks(all, comm_->size());
  constexpr Index piece = Index{1} << 22;
  const Index begin = blocks.begin(comm_->rank());
  const Index mine = blocks.count(comm_->rank());
  const Index pieces = comm_->max((mine + piece - 1) / piece);
  std::vector<Index> present(static_cast<std::size_t>(count()), 0);
  for (Index p = 0; p < pieces; ++p) {
    const Index first = std::min(mine, p * piece);
    const Index size = std::min(piece, mine - first);
    std::vector<double> values(static_cast<std::size_t>(size));
    reader_.read_flat(begin + first, values);
    const auto mask = mask_ ? read_mask(begin + first, size) : std::vector<double>();
    refuse_nan(begin + first, values, mask);
    for (Index i = 0; i < size; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (std::isnan(values[at]) || (mask_ && mask[at] == 0)) continue;
      ++present[static_cast<std::size_t>((begin + first + i) / points)];
      Index cell = (begin + first + i) % points;
      for (std::size_t k = grid_.size(); k-- > 0; cell /= grid_[k]) {
        ++observed[k][static_cast<std::size_t>(cell % grid_[k])];
      }
    }
  }
  for (std::size_t k = 0; k < grid_.size(); ++k) {
    comm_->sum(std::span<Index>(observed[k]));
    if (keep_all_) continue;
    std::erase_if(kept_[k], [&](Index i) { return observed[k][static_cast<std::size_t>(i)] == 0; });
    extents_[k] = std::ssize(kept_[k]);
  }
  comm_->sum(std::span<Index>(present));
  missing_ =
      core::product(extents_) * count() - std::accumulate(present.begin(), present.end(), Index{0});
  const auto empty = std::ranges::find(present, 0);
  if (count() == 1 || empty == present.end() || core::product(extents_) == 0) return;
  throw core::DataError(
      fmt::format("{}: not one cell of observation {} of {}:{} was observed; leave "
                  "it out",
                  where_, empty - present.begin(), request_->data.file, request_->data.dataset));
}

Index Observations::place(Index flat) const {
  const Index points = core::product(extents_);
  Index cell = flat % points;
  Index place = 0;
  Index stride = 1;
  for (std::size_t k = grid_.size(); k-- > 0; cell /= extents_[k]) {
    place += stride * kept_[k][static_cast<std::size_t>(cell % extents_[k])];
    stride *= grid_[k];
  }
  return flat / points * stride + place;
}

std::vector<Index> Observations::places(const distribution::Layout& layout) const {
  const Index begin = layout.home_begin(comm_->rank());
  std::vector<Index> places(static_cast<std::size_t>(layout.home_size(comm_->rank())));
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = place(begin + static_cast<Index>(i));
  return places;
}

void Observations::read_cells(Index first, const distribution::Layout& layout,
                              std::span<double> values, bool derivative) const {
  const std::vector<Index> cells = places(layout);
  const Index offset = first * core::product(grid_);
  // A block of the observed grid is spread over a little more of the whole one, in the same order.
  const Index begin = cells.empty() ? 0 : cells.front();
  const Index count = cells.empty() ? 0 : cells.back() + 1 - begin;
  std::vector<double> whole(static_cast<std::size_t>(count));
  reader_.read_flat(offset + begin, whole, derivative);
  const auto mask = mask_ ? read_mask(offset + begin, count) : std::vector<double>();
  if (!may_miss_) refuse_nan(offset + begin, whole, mask);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto at = static_cast<std::size_t>(cells[i] - begin);
    values[i] = mask_ && mask[at] == 0 ? missing_value : whole[at];
  }
}

void Observations::read_beside(const VectorReader& reader, const distribution::Layout& layout,
                               std::span<double> values) const {
  const std::vector<Index> cells = places(layout);
  const Index begin = cells.empty() ? 0 : cells.front();
  std::vector<double> whole(static_cast<std::size_t>(cells.empty() ? 0 : cells.back() + 1 - begin));
  reader.read_flat(begin, whole);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    values[i] = whole[static_cast<std::size_t>(cells[i] - begin)];
  }
}

void Observations::read(Index first, const distribution::Layout& layout,
                        std::span<double> values) const {
  read_cells(first, layout, values, false);
}

void Observations::read_derivative(Index first, const distribution::Layout& layout,
                                   std::span<double> values) const {
  read_cells(first, layout, values, true);
}

std::vector<double> Observations::widen(Index first, const distribution::Layout& layout,
                                        std::span<const double> values, double elsewhere,
                                        Index& begin) const {
  // Every cell of the whole grid belongs to the rank with the first observed cell after it.
  const std::vector<Index> cells = places(layout);
  const int rank = comm_->rank();
  const Index flat_begin = layout.home_begin(rank);
  const Index points = core::product(extents_);
  const Index whole_points = core::product(grid_);
  const Index total = layout.leading() * layout.trailing();
  const auto boundary = [&](Index flat) {
    if (flat == 0) return Index{0};
    return flat < total ? place(flat) : total / points * whole_points;
  };
  const Index end = boundary(flat_begin + std::ssize(cells));
  const Index start = cells.empty() ? end : boundary(flat_begin);
  std::vector<double> whole(static_cast<std::size_t>(end - start), elsewhere);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    whole[static_cast<std::size_t>(cells[i] - start)] = values[i];
  }
  begin = first * whole_points + start;
  return whole;
}

}  // namespace kronwerk::application
