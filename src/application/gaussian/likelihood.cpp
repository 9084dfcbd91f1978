#include "application/gaussian/likelihood.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kronwerk/core/text.hpp"

namespace kronwerk::application {

double Likelihood::Value::total() const {
  return std::accumulate(values.begin(), values.end(), integral);
}

namespace {

/// Predictions that take mean and variance of a cell together.
bool one_by_one(const GaussianContext& context) {
  return context.job.task == configuration::Task::predict &&
         (context.request().draws > 0 || !context.request().observations->quantiles.empty());
}

}  // namespace

Likelihood::Likelihood(GaussianContext& context)
    : context_(context),
      observations_(context.comm, context.job, context.model.extents(),
                    context.model.has_inverses()),
      slices_(context.comm, observations_.kept(), context.model.extents()),
      per_block_(one_by_one(context) ? 1 : observations_.count()) {
  // Which layouts the observations are read into follows from the covariance.
  std::optional<models::Covariance> first;
  context.stages.run("factorise", [&] { first.emplace(covariance(context.parameters)); });
  context.stages.report("factorise", first->description());
  context.stages.run("read", [&] {
    if (observations_.missing() > 0 && per_block_ > 1 && !masks_agree(first->layout())) {
      per_block_ = 1;
    }
    read_blocks(first->layout(), first->layout(per_block_));
    if (context.request().jacobian) read_jacobian();
  });
  context.stages.report("read", observations_.text());
}

bool Likelihood::masks_agree(const distribution::Layout& layout) const {
  std::vector<double> first(static_cast<std::size_t>(layout.home_size(context_.comm.rank())));
  std::vector<double> other(first.size());
  observations_.read(0, layout, first);
  for (Index o = 1; o < observations_.count(); ++o) {
    observations_.read(o, layout, other);
    bool differs = false;
    for (std::size_t i = 0; i < first.size(); ++i) {
      differs = differs || std::isnan(first[i]) != std::isnan(other[i]);
    }
    if (context_.comm.any(differs)) return false;
  }
  return true;
}

void Likelihood::read_blocks(const distribution::Layout& one,
                             const distribution::Layout& block_layout) {
  const int rank = context_.comm.rank();
  layout_ = block_layout;
  for (Index first = 0; first < observations_.count(); first += per_block_) {
    auto& block = blocks_.emplace_back(static_cast<std::size_t>(layout_.home_size(rank)));
    observations_.read(first, layout_, block);
    if (observations_.missing() == 0) continue;
    std::vector<double> field(static_cast<std::size_t>(one.home_size(rank)));
    observations_.read(first, one, field);
    masks_.push_back(models::CellMask::of_nan(context_.comm, one, field));
  }
}

void Likelihood::read_jacobian() {
  log_jacobian_.assign(static_cast<std::size_t>(observations_.count()), 0.0);
  const Index cells = core::product(observations_.extents());
  const Index begin = layout_.home_begin(context_.comm.rank());
  std::vector<double> derivative;
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    const Index first = static_cast<Index>(b) * per_block_;
    derivative.resize(blocks_[b].size());
    observations_.read_derivative(first, layout_, derivative);
    for (std::size_t i = 0; i < derivative.size(); ++i) {
      if (std::isnan(blocks_[b][i])) continue;
      const Index observation = first + (begin + static_cast<Index>(i)) / cells;
      log_jacobian_[static_cast<std::size_t>(observation)] += std::log(std::abs(derivative[i]));
    }
  }
  context_.comm.sum(log_jacobian_);
  const double sum = std::accumulate(log_jacobian_.begin(), log_jacobian_.end(), 0.0);
  if (!std::isfinite(sum)) {
    throw core::DataError(fmt::format(
        "{}: the observations have values at which the transform's derivative is zero or infinite, "
        "of which 'jacobian: true' takes the logarithm",
        context_.job.where(context_.request().observations->position)));
  }
  context_.report.set("log_jacobian", sum);
  context_.report.line(
      fmt::format("jacobian    of the transform, in the log density: {:.15g}", sum));
}

const models::CellMask* Likelihood::mask(std::size_t block) const {
  return masks_.empty() ? nullptr : &masks_[block];
}

models::MissingSettings Likelihood::missing_settings() const {
  const auto& solver = context_.job.solver;
  models::MissingSettings settings;
  settings.tolerance = solver.tolerance;
  settings.max_iterations = solver.max_iterations;
  settings.stochastic.probes = solver.probes;
  settings.stochastic.seed = solver.seed;
  return settings;
}

Likelihood::~Likelihood() = default;

models::Covariance Likelihood::covariance(const Parameters& parameters) {
  auto terms = slices_.restrict_both(context_.model.terms(parameters));
  slices_.forget_unused();
  return {context_.comm, context_.workspace, std::move(terms), context_.model.cache()};
}

std::vector<models::MeanColumn> Likelihood::mean(const Parameters& parameters,
                                                 std::span<const double> coefficients) {
  auto columns = context_.model.mean(parameters);
  for (std::size_t c = 0; c < coefficients.size(); ++c) columns[c].coefficient = coefficients[c];
  return slices_.restrict_mean(std::move(columns));
}

std::vector<models::CovarianceDerivative> Likelihood::derivatives(
    const Parameters& parameters, const std::vector<std::string>& names) {
  std::vector<models::CovarianceDerivative> derivatives;
  for (const std::string& name : names) {
    derivatives.push_back(slices_.restrict_both(context_.model.derivative(parameters, name)));
  }
  return derivatives;
}

models::MeanEstimate Likelihood::estimate_mean(const models::Covariance& covariance,
                                               const std::vector<models::MeanColumn>& columns,
                                               const std::optional<models::Prior>& prior) {
  std::vector<models::NormalEquations> equations;
  const bool wanted =
      std::ranges::any_of(columns, [](const auto& column) { return !column.coefficient; });
  for (std::size_t block = 0; wanted && block < blocks_.size(); ++block) {
    if (masks_.empty()) {
      equations.push_back(models::GaussianDensity(per_block_, blocks_[block], columns)
                              .normal_equations(covariance));
      continue;
    }
    models::MissingCells cells(covariance, masks_[block], missing_settings());
    equations.push_back(models::MissingDensity(per_block_, blocks_[block], columns, masks_[block],
                                               missing_settings())
                            .normal_equations(cells));
  }
  return solve(columns, std::move(equations), prior);
}

models::MeanEstimate Likelihood::solve(const std::vector<models::MeanColumn>& columns,
                                       std::vector<models::NormalEquations> equations,
                                       const std::optional<models::Prior>& prior) const {
  if (prior && !equations.empty()) {
    const auto p =
        equations.front().right.size() / static_cast<std::size_t>(equations.front().observations);
    equations.push_back(models::normal_prior(prior->first(), prior->second(), p));
  }
  const auto pooling = context_.request().mean.per_observation
                           ? models::MeanPooling::per_observation
                           : models::MeanPooling::pooled;
  models::MeanEstimate estimate;
  communication::collectively(
      context_.comm, [&] { estimate = models::estimate_mean(columns, equations, pooling); });
  return estimate;
}

Likelihood::Value Likelihood::evaluate(const Parameters& parameters, const Request& request) {
  const models::Covariance whole = covariance(parameters);
  Value value = observations_.missing() > 0 ? evaluate_missing(whole, parameters, request)
                                            : evaluate_complete(whole, parameters, request);
  for (std::size_t o = 0; o < log_jacobian_.size(); ++o) value.values[o] += log_jacobian_[o];
  if (!request.integrated || value.mean.estimated == 0) return value;
  value.integral = models::log_integral(value.mean);
  if (request.prior) {
    for (const double each : value.mean.coefficients) {
      value.integral += request.prior->log_density(each);
    }
  }
  return value;
}

operators::Verdict Likelihood::verdict_of(
    const models::MissingCells::Completion& completion) const {
  operators::Verdict verdict;
  verdict.accepted = completion.converged;
  verdict.residuals = {completion.residual};
  verdict.tolerance = missing_settings().tolerance;
  return verdict;
}

/// What one evaluation found, with the parameter of the mean's part of the gradient.
Likelihood::Value Likelihood::collect(models::LogDensity density, const Request& request,
                                      const std::string& method) const {
  Value value;
  value.solves = quality();
  if (density.verdict) value.solves.add(Direction::forward, *density.verdict, 0);
  value.values = std::move(density.values);
  value.gradient = std::move(density.gradient);
  value.mean = std::move(density.mean);
  value.mean_gradient = std::move(density.mean_gradient);
  value.method = method;
  if (request.input_gradient) value.input_gradient.push_back(std::move(density.input_gradient));
  const auto& parameter = context_.request().mean.parameter;
  for (std::size_t p = 0; p < request.parameters.size(); ++p) {
    if (parameter && request.parameters[p] == parameter->value) {
      value.gradient[p] += value.mean_gradient.at(0);
    }
  }
  return value;
}

Likelihood::Value Likelihood::evaluate_complete(const models::Covariance& covariance,
                                                const Parameters& parameters,
                                                const Request& request) {
  const auto columns = mean(parameters, request.coefficients);
  if (!density_ || request.coefficients.empty() != coefficients_free_) {
    density_.emplace(per_block_, blocks_.front(), columns);
    coefficients_free_ = request.coefficients.empty();
  }
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if (columns[c].coefficient) density_->set_coefficient(c, *columns[c].coefficient);
  }
  const auto estimate = solve(columns, {density_->normal_equations(covariance)}, request.prior);
  auto found =
      density_->evaluate(covariance,
                         {derivatives(parameters, request.parameters), request.input_gradient,
                          request.judged, context_.job.solver.tolerance, request.integrated},
                         estimate);
  return collect(std::move(found), request, covariance.description());
}

Likelihood::Value Likelihood::evaluate_missing(const models::Covariance& covariance,
                                               const Parameters& parameters,
                                               const Request& request) {
  const models::DensityRequest wanted{derivatives(parameters, request.parameters),
                                      request.input_gradient, request.judged,
                                      context_.job.solver.tolerance, request.integrated};
  const auto columns = mean(parameters, request.coefficients);
  const auto estimate = estimate_mean(covariance, columns, request.prior);
  Value sum;
  sum.solves = quality();
  for (std::size_t block = 0; block < blocks_.size(); ++block) {
    models::MissingDensity density(per_block_, blocks_[block], columns, masks_[block],
                                   missing_settings());
    models::MissingCells cells(covariance, masks_[block], missing_settings());
    const Index first = static_cast<Index>(block) * per_block_;
    auto found = density.evaluate(cells, wanted, estimate.part(first, per_block_));
    const std::string method =
        fmt::format("{}; missing cells by conjugate gradients ({} iterations), determinant {}",
                    covariance.description(), found.completion.iterations,
                    found.standard_error > 0 ? "by Lanczos quadrature" : "exact");
    if (found.density.verdict) {
      sum.solves.add(Direction::forward, *found.density.verdict, first);
    }
    sum.solves.add(Direction::forward, verdict_of(found.completion), first);
    Value value = collect(std::move(found.density), request, method);
    sum.standard_error =
        std::hypot(sum.standard_error, found.standard_error * static_cast<double>(per_block_));
    sum.quadrature_error += found.quadrature_error * static_cast<double>(per_block_);
    sum.gradient_errors.resize(found.gradient_errors.size(), 0.0);
    sum.gradient_biases.resize(found.gradient_biases.size(), 0.0);
    for (std::size_t p = 0; p < found.gradient_errors.size(); ++p) {
      sum.gradient_errors[p] = std::hypot(sum.gradient_errors[p], found.gradient_errors[p]);
      sum.gradient_biases[p] += found.gradient_biases[p];
    }
    sum.values.insert(sum.values.end(), value.values.begin(), value.values.end());
    sum.gradient.resize(value.gradient.size(), 0.0);
    for (std::size_t p = 0; p < value.gradient.size(); ++p) sum.gradient[p] += value.gradient[p];
    sum.mean_gradient.resize(value.mean_gradient.size(), 0.0);
    for (std::size_t c = 0; c < value.mean_gradient.size(); ++c) {
      sum.mean_gradient[c] += value.mean_gradient[c];
    }
    for (auto& gradient : value.input_gradient) sum.input_gradient.push_back(std::move(gradient));
    sum.method = std::move(value.method);
  }
  sum.mean = estimate;
  return sum;
}

}  // namespace kronwerk::application
