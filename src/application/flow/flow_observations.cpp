#include "application/flow/flow_observations.hpp"

#include <fmt/format.h>

#include <cmath>

#include "application/inputs/problem.hpp"
#include "kronwerk/core/text.hpp"

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
  if (!reader_.sparse()) return;
  throw core::DataError(fmt::format(
      "{}: the observations {}:{} are a sparse matrix; expected a dataset of the grid's shape, {}",
      where_, request_->data.file, request_->data.dataset, core::to_text(grid)));
}

std::vector<std::vector<double>> FlowObservations::read() const {
  std::vector<std::vector<double>> years(static_cast<std::size_t>(this->years()));
  const auto size = static_cast<std::size_t>(layout_.home_size(comm_->rank()));
  for (std::size_t year = 0; year < years.size(); ++year) {
    communication::collectively(*comm_, [&] { years[year].resize(size); });
    reader_.read(static_cast<Index>(year), layout_, years[year]);
    check_finite(*comm_, years[year],
                 fmt::format("{}: {}:{}", where_, request_->data.file, request_->data.dataset));
  }
  return years;
}

double FlowObservations::log_jacobian() const {
  double sum = 0;
  std::vector<double> values(static_cast<std::size_t>(layout_.home_size(comm_->rank())));
  for (Index year = 0; year < years(); ++year) {
    reader_.read_flat(year * layout_.size() + layout_.home_begin(comm_->rank()), values, true);
    for (const double value : values) sum += std::log(std::abs(value));
  }
  sum = comm_->sum(sum);
  if (std::isfinite(sum)) return sum;
  throw core::DataError(fmt::format(
      "{}: 'jacobian: true' needs a transform whose derivative is finite and not zero at every "
      "observation; that of {}:{} is not",
      where_, request_->data.file, request_->data.dataset));
}

}  // namespace kronwerk::application
