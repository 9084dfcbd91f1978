#include "kronwerk/models/flow/integrated_flow.hpp"

#include <cmath>

#include "kronwerk/core/error.hpp"
#include "kronwerk/models/flow/flow_least_squares.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "models/fit/small_dense.hpp"

namespace kronwerk::models {
namespace {

/// L of the columns' Gram matrix G = L Lᵀ.
std::vector<double> root_of_gram(const std::vector<double>& gram, std::size_t p) {
  auto root = cholesky_root(gram, p);
  if (!root) throw core::DataError("the columns of the mean are combinations of each other here");
  return std::move(*root);
}

}  // namespace

IntegratedFlow::IntegratedFlow(const FlowFilter& filter, const FilterDeterminant& determinant,
                               FlowMoments moments, double shape, double scale,
                               std::optional<MissingFlows> missing)
    : filter_(&filter),
      determinant_(&determinant),
      moments_(std::move(moments)),
      shape_(shape),
      scale_(scale),
      missing_(std::move(missing)) {
  if (moments_.filtered && moments_.effects.any()) {
    throw core::ConfigurationError(
        "fixed effects are integrated out where the filter acts on the response; with 'acts_on: "
        "errors' their determinant changes with the filter. Give regional attributes as columns in "
        "their place");
  }
  if (!(degrees() > 0)) {
    throw core::DataError("there are as many coefficients as flows, so that nothing tells σ²");
  }
}

double IntegratedFlow::degrees() const noexcept {
  const Index effects = moments_.effects.any() ? moments_.effects.count(moments_.extents) : 0;
  const Index missing = missing_ ? missing_->count() : 0;
  return static_cast<double>(moments_.cells - effects - missing) -
         static_cast<double>(moments_.columns);
}

FlowLeastSquares IntegratedFlow::solve(std::span<const double> coefficients) const {
  return missing_ ? missing_->solve(moments_, coefficients)
                  : solve_least_squares(moments_, coefficients);
}

/// Of all years.
DeterminantValue IntegratedFlow::determinant(std::span<const double> coefficients) const {
  DeterminantValue value = determinant_->evaluate(coefficients, true);
  const auto years = static_cast<double>(moments_.years);
  value.log_abs *= years;
  for (double& entry : value.gradient) entry *= years;
  if (missing_) missing_->add_determinant(coefficients, value);
  return value;
}

/// tr(G⁻¹ ∂G/∂c_t), with G_jk = Σ c_s c_t ⟨Z_js, Z_kt⟩ where the filter acts on the columns too.
std::vector<double> IntegratedFlow::gram_slopes(const FlowLeastSquares& squares,
                                                std::span<const double> c) const {
  const std::size_t lags = moments_.lags;
  const std::size_t p = moments_.columns;
  std::vector<double> slopes(lags, 0.0);
  if (p == 0 || !(moments_.filtered || missing_)) return slopes;
  const auto inverse = SmallCholesky(squares.gram, p, 0).inverse();
  const std::size_t width = p * lags;
  for (std::size_t t = 0; moments_.filtered && t < lags; ++t) {
    for (std::size_t j = 0; j < p; ++j) {
      for (std::size_t k = 0; k < p; ++k) {
        for (std::size_t u = 0; u < lags; ++u) {
          slopes[t] +=
              2 * inverse[j * p + k] * c[u] * moments_.zz[(j * lags + t) * width + k * lags + u];
        }
      }
    }
  }
  if (missing_) missing_->add_gram_slopes(moments_, c, inverse, slopes);
  return slopes;
}

Evaluation IntegratedFlow::evaluate(std::span<const double> parameters) const {
  const FilterCoefficients c = filter_->coefficients(parameters);
  const DeterminantValue log_det = determinant(c.value);
  const FlowLeastSquares squares = solve(c.value);
  const std::size_t lags = moments_.lags;
  const std::size_t p = moments_.columns;
  const double power = shape_ + degrees() / 2;
  const double rest = scale_ + squares.squares / 2;
  if (!(rest > 0)) {
    throw core::DataError("the columns of the mean explain the flows entirely");
  }
  const std::vector<double> root = root_of_gram(squares.gram, p);
  double log_determinant = 0;
  for (std::size_t i = 0; i < p; ++i) log_determinant += 2 * std::log(root[i * p + i]);
  const auto slopes = gram_slopes(squares, c.value);
  Evaluation result;
  result.value = log_det.log_abs - log_determinant / 2 - power * std::log(rest);
  result.gradient.assign(parameters.size(), 0.0);
  for (std::size_t t = 0; t < lags; ++t) {
    const double slope =
        log_det.gradient[t] - power * squares.gradient[t] / (2 * rest) - slopes[t] / 2;
    for (std::size_t a = 0; a < parameters.size(); ++a) {
      result.gradient[a] += slope * c.first[t * parameters.size() + a];
    }
  }
  return result;
}

IntegratedFlow::Given IntegratedFlow::draw(std::span<const double> parameters, std::uint64_t seed,
                                           std::uint64_t stream) const {
  const FlowLeastSquares squares = solve(filter_->coefficients(parameters).value);
  const Prior variance(Prior::Kind::inverse_gamma, shape_ + degrees() / 2,
                       scale_ + squares.squares / 2);
  // Draws of priors have the stream 0 of a seed; its numbers are apart by the place.
  Given given{variance.sample(seed, static_cast<Index>(stream)), squares.coefficients};
  std::vector<double> z(moments_.columns);
  operators::fill_random(operators::RandomKind::normal, seed, stream, 0, z);
  solve_root_transposed(root_of_gram(squares.gram, z.size()), z);
  for (std::size_t j = 0; j < z.size(); ++j) {
    given.coefficients[j] += std::sqrt(given.sigma2) * z[j];
  }
  return given;
}

}  // namespace kronwerk::models
