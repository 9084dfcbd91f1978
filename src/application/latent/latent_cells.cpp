#include "application/latent/latent_cells.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace kronwerk::application {
namespace {

using configuration::LikelihoodFamily;

constexpr Index none = std::numeric_limits<Index>::max();

bool is_whole(double value) {
  return value >= 0 && std::isfinite(value) && value == std::floor(value);
}

}  // namespace

models::CellLikelihood cell_likelihood(const configuration::LikelihoodRequest& request,
                                       const Parameters& parameters) {
  models::CellLikelihood result;
  result.theta =
      request.theta_parameter ? parameters.at(request.theta_parameter->value) : request.theta;
  switch (request.family) {
    case LikelihoodFamily::poisson:
      result.family = models::CellFamily::poisson;
      break;
    case LikelihoodFamily::negative_binomial:
      result.family = models::CellFamily::negative_binomial;
      break;
    case LikelihoodFamily::binomial:
      result.family = models::CellFamily::binomial;
      break;
    case LikelihoodFamily::bernoulli:
      result.family = models::CellFamily::bernoulli;
      break;
  }
  if (result.theta > 0 && std::isfinite(result.theta)) return result;
  throw core::DataError(
      fmt::format("the likelihood's theta is {:g}; it is positive", result.theta));
}

models::CovarianceTerms latent_terms(const GaussianContext& context, const Parameters& parameters) {
  auto terms = context.model.terms(parameters);
  if (!terms.inverses.empty()) {
    throw core::ConfigurationError(fmt::format(
        "{}: the covariance has the inverse of a sum, which Laplace's method for a 'likelihood' "
        "cannot take: it needs products of factors; expected 'inv' of one Kronecker product",
        context.job.where(context.job.formula.position)));
  }
  if (!terms.noise) return terms;
  throw core::ConfigurationError(fmt::format(
      "{}: the covariance has a noise term; with a 'likelihood' it is that of the latent field, "
      "and "
      "the family says how observations vary about it: leave the noise out (counts that vary more "
      "than Poisson's: negative_binomial)",
      context.job.where(context.job.formula.position)));
}

CellSizes::CellSizes(GaussianContext& context) : context_(&context) {
  const auto& request = *context.request().likelihood;
  if (!request.sizes) return;
  const char* what =
      request.family == LikelihoodFamily::binomial ? "likelihood.trials" : "likelihood.exposure";
  // Cells that were not observed may have none.
  reader_.emplace(context.comm, context.job,
                  configuration::VectorSource{*request.sizes, {}, request.position}, what,
                  context.model.extents(), VectorReader::Missing::allowed);
  if (!reader_->sparse() && reader_->shape().count == 1) return;
  throw core::ShapeError(
      fmt::format("{}: {} is for {} grids; expected a dataset of one, of the shape {}",
                  context.job.where(request.position), place(), reader_->shape().count,
                  core::to_text(context.model.extents())));
}

std::string CellSizes::place() const {
  const auto& data = *context_->request().likelihood->sizes;
  return data.file + ":" + data.dataset;
}

std::vector<double> CellSizes::of(const Observations& observations,
                                  const distribution::Layout& layout) const {
  const double constant = context_->request().likelihood->size;
  if (!reader_ && constant == 1) return {};
  std::vector<double> sizes(static_cast<std::size_t>(layout.home_size(context_->comm.rank())),
                            constant);
  if (reader_) observations.read_beside(*reader_, layout, sizes);
  return sizes;
}

std::vector<double> CellSizes::of_grid(const distribution::Layout& layout) const {
  const int rank = context_->comm.rank();
  std::vector<double> sizes(static_cast<std::size_t>(layout.home_size(rank)),
                            context_->request().likelihood->size);
  if (reader_ && layout.extents() == context_->model.extents()) {
    reader_->read_flat(layout.home_begin(rank), sizes);
  }
  return sizes;
}

void CellSizes::check(std::span<const double> sizes, std::span<const double> y) const {
  const bool trials = context_->request().likelihood->family == LikelihoodFamily::binomial;
  bool found = false;
  for (std::size_t i = 0; i < sizes.size() && !found; ++i) {
    if (!y.empty() && std::isnan(y[i])) continue;
    found = trials ? !is_whole(sizes[i]) : !(sizes[i] > 0 && std::isfinite(sizes[i]));
  }
  if (!context_->comm.any(found)) return;
  throw core::DataError(fmt::format(
      "{}: {} holds {}", context_->job.where(context_->request().likelihood->position), place(),
      trials ? "trials that are no whole numbers of at least 0"
             : "exposures that are not positive; give cells without exposure as missing"));
}

models::LatentCells read_cells(GaussianContext& context, const Observations& observations,
                               const CellSizes& sizes, const distribution::Layout& layout) {
  const auto& request = context.request();
  const std::string where = context.job.where(request.observations->position);
  const auto& data = request.observations->data;
  if (observations.count() != 1) {
    throw core::ShapeError(fmt::format(
        "{}: {}:{} has {} observations of the grid; a job with a 'likelihood' takes one", where,
        data.file, data.dataset, observations.count()));
  }
  models::LatentCells cells{layout, {}, {}};
  cells.y.resize(static_cast<std::size_t>(layout.home_size(context.comm.rank())));
  observations.read(0, layout, cells.y);
  cells.sizes = sizes.of(observations, layout);
  if (sizes.vary()) sizes.check(cells.sizes, cells.y);
  const auto family = request.likelihood->family;
  const bool bounded =
      family == LikelihoodFamily::binomial || family == LikelihoodFamily::bernoulli;
  Index wrong = none, above = none;
  for (std::size_t i = 0; i < cells.y.size(); ++i) {
    if (std::isnan(cells.y[i])) continue;
    const Index flat = layout.home_begin(context.comm.rank()) + static_cast<Index>(i);
    if (wrong == none && !is_whole(cells.y[i])) wrong = flat;
    if (above == none && bounded && cells.y[i] > cells.size(i)) above = flat;
  }
  wrong = context.comm.min(wrong);
  above = context.comm.min(above);
  if (wrong != none) {
    throw core::DataError(fmt::format(
        "{}: {}:{} holds a value that is negative or no whole number, at position {} "
        "of the observed cells; the family '{}' is of counts",
        where, data.file, data.dataset, wrong,
        models::to_text(cell_likelihood(*request.likelihood, context.parameters).family)));
  }
  if (above != none) {
    throw core::DataError(fmt::format(
        "{}: {}:{} holds more successes than trials at position {} of the observed cells", where,
        data.file, data.dataset, above));
  }
  return cells;
}

}  // namespace kronwerk::application
