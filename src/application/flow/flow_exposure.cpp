#include "application/flow/flow_exposure.hpp"

#include <fmt/format.h>

#include <cmath>

namespace kronwerk::application {

FlowExposure::FlowExposure(const FlowContext& context, VectorReader::Missing missing)
    : context_(&context) {
  const auto& exposure = context.request().exposure;
  if (!exposure) return;
  reader_.emplace(context.comm, context.job,
                  configuration::VectorSource{*exposure, {}, context.job.formula.position},
                  "exposure", context.model.extents(), missing);
  if (!reader_->sparse()) return;
  throw core::DataError(
      fmt::format("the exposure {}:{} is a sparse matrix; expected a dataset of "
                  "the grid's shape, {}",
                  exposure->file, exposure->dataset, core::to_text(context.model.extents())));
}

void FlowExposure::expect_one_year() const {
  if (years() == 1) return;
  const auto& exposure = *context_->request().exposure;
  throw core::ShapeError(
      fmt::format("the exposure {}:{} is for {} grids of flows; this task has one: give the "
                  "exposure of one of them",
                  exposure.file, exposure.dataset, years()));
}

void FlowExposure::multiply(Index year, std::span<double> values) const {
  if (!given()) return;
  const distribution::Layout layout(context_->model.extents(), 1, context_->comm.size());
  std::vector<double> exposures;
  communication::collectively(context_->comm, [&] { exposures.resize(values.size()); });
  reader_->read(years() == 1 ? 0 : year, layout, exposures);
  bool bad = false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    bad = bad || exposures[i] < 0 || std::isinf(exposures[i]);
    values[i] *= exposures[i];
  }
  if (!context_->comm.any(bad)) return;
  const auto& exposure = *context_->request().exposure;
  throw core::DataError(fmt::format("{}:{} holds exposures that are negative or infinite",
                                    exposure.file, exposure.dataset));
}

void take_means(const FlowContext& context, const FlowExposure& exposure, Index year,
                std::span<double> values) {
  bool overflow = false;
  for (double& value : values) {
    value = std::exp(value);
    overflow = overflow || std::isinf(value);
  }
  exposure.multiply(year, values);
  if (!context.comm.any(overflow)) return;
  throw core::DataError("a mean of the counts overflows at these parameters and coefficients");
}

}  // namespace kronwerk::application
