#include "application/flow_counts/count_observations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace kronwerk::application {
namespace {

constexpr Index none = std::numeric_limits<Index>::max();

/// The first place of a value that `bad` holds for.
template <typename Bad>
Index first_place(Index begin, const std::vector<double>& values, const Bad& bad) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (bad(i)) return begin + static_cast<Index>(i);
  }
  return none;
}

}  // namespace

CountObservations::CountObservations(const communication::Communicator& comm,
                                     const configuration::Job& job, const core::Extents& grid)
    : comm_(&comm),
      grid_(grid),
      layout_(grid, 1, comm.size()),
      where_(job.where(job.flow->observations.position)),
      request_(&*job.flow),
      reader_(comm, job, {request_->observations.data, {}, request_->observations.position},
              "observations", grid, VectorReader::Missing::allowed) {
  const auto add = [&](std::optional<VectorReader>& reader,
                       const configuration::DatasetReference& data, const char* what) {
    reader.emplace(comm, job,
                   configuration::VectorSource{data, {}, request_->observations.position}, what,
                   grid, VectorReader::Missing::allowed);
    const Index count = reader->shape().count;
    if (!reader->sparse() && (count == 1 || count == reader_.shape().count)) return;
    throw core::ShapeError(fmt::format(
        "{}: {} {}:{} is for {} grids of flows; expected a dataset for one, or for all {}", where_,
        what, data.file, data.dataset, count, reader_.shape().count));
  };
  if (reader_.sparse()) {
    throw core::DataError(
        fmt::format("{}: the observations {}:{} are a sparse matrix; expected a dataset of the "
                    "grid's shape, {}",
                    where_, request_->observations.data.file, request_->observations.data.dataset,
                    core::to_text(grid)));
  }
  if (request_->observations.mask) add(mask_, *request_->observations.mask, "observations.mask");
  if (request_->exposure) add(exposure_, *request_->exposure, "exposure");
}

std::vector<double> CountObservations::read_year(const VectorReader& reader, Index year) const {
  std::vector<double> values;
  communication::collectively(
      *comm_, [&] { values.resize(static_cast<std::size_t>(layout_.home_size(comm_->rank()))); });
  reader.read(reader.shape().count == 1 ? 0 : year, layout_, values);
  return values;
}

void CountObservations::hide_masked(Index year, std::vector<double>& values) const {
  if (!mask_) return;
  const std::vector<double> mask = read_year(*mask_, year);
  if (!request_->observations.nan_is_missing) {
    // A NaN that the mask calls observed is an error.
    const Index begin = year * layout_.size() + layout_.home_begin(comm_->rank());
    refuse(first_place(begin, values,
                       [&](std::size_t i) { return mask[i] != 0 && std::isnan(values[i]); }),
           "there is NaN at a pair that was observed by the mask", request_->observations.data,
           "correct the mask, or add 'missing: nan'");
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (mask[i] == 0) values[i] = std::numeric_limits<double>::quiet_NaN();
  }
}

void CountObservations::refuse(Index first, const std::string& what,
                               const configuration::DatasetReference& dataset,
                               const std::string& expected) const {
  first = comm_->min(first);
  if (first == none) return;
  const Index cell = first % layout_.size();
  throw core::DataError(fmt::format("{}: {} in {}:{} at origin {}, destination {}; {}", where_,
                                    what, dataset.file, dataset.dataset, cell / grid_[1],
                                    cell % grid_[1], expected));
}

void CountObservations::check_counts(Index year, const std::vector<double>& values) const {
  const auto& data = request_->observations.data;
  const Index begin = year * layout_.size() + layout_.home_begin(comm_->rank());
  const bool may_miss = request_->observations.nan_is_missing || mask_.has_value();
  refuse(first_place(begin, values, [&](std::size_t i) { return values[i] < 0; }),
         "a count is negative", data, "expected whole numbers from 0 on");
  refuse(first_place(begin, values,
                     [&](std::size_t i) {
                       return !std::isnan(values[i]) && values[i] != std::floor(values[i]);
                     }),
         "a count is no whole number", data,
         "expected whole numbers from 0 on; for other values there is the family gaussian");
  refuse(first_place(begin, values,
                     [&](std::size_t i) {
                       return std::isinf(values[i]) || (!may_miss && std::isnan(values[i]));
                     }),
         "there is NaN or an infinite number", data,
         "if pairs that are NaN were not observed, say so by 'missing: nan'");
}

std::vector<double> CountObservations::read_exposure(Index year,
                                                     const std::vector<double>& counts) const {
  std::vector<double> exposure = read_year(*exposure_, year);
  const Index begin = year * layout_.size() + layout_.home_begin(comm_->rank());
  refuse(first_place(begin, exposure,
                     [&](std::size_t i) {
                       return !std::isnan(counts[i]) &&
                              !(exposure[i] > 0 && std::isfinite(exposure[i]));
                     }),
         "an exposure is not a positive number", *request_->exposure,
         "pairs without exposure have no flows: leave them out by a mask");
  for (std::size_t i = 0; i < exposure.size(); ++i) {
    exposure[i] = std::isnan(counts[i]) ? 0.0 : std::log(exposure[i]);
  }
  return exposure;
}

models::FlowCounts CountObservations::read() const {
  models::FlowCounts counts;
  Index observed = 0;
  for (Index year = 0; year < reader_.shape().count; ++year) {
    auto& values = counts.years.emplace_back(read_year(reader_, year));
    hide_masked(year, values);
    check_counts(year, values);
    if (exposure_) counts.log_exposure.push_back(read_exposure(year, values));
    observed += std::ranges::count_if(values, [](double value) { return !std::isnan(value); });
  }
  if (comm_->sum(observed) == 0) {
    throw core::DataError(fmt::format("{}: not one flow of {}:{} was observed", where_,
                                      request_->observations.data.file,
                                      request_->observations.data.dataset));
  }
  return counts;
}

}  // namespace kronwerk::application
