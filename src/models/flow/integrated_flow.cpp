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
                               FlowMoments moments, double shape, double scale)
    : filter_(&filter),
      determinant_(&determinant),
      moments_(std::move(moments)),
      shape_(shape),
      scale_(scale) {
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
  return static_cast<double>(moments_.cells - effects) - static_cast<double>(moments_.columns);
}

Evaluation IntegratedFlow::evaluate(std::span<const double> parameters) const {
  const FilterCoefficients c = filter_->coefficients(parameters);
  DeterminantValue log_det = determinant_->evaluate(c.value, true);
  const FlowLeastSquares squares = solve_least_squares(moments_, c.value);
  const std::size_t lags = moments_.lags;
  const std::size_t p = moments_.columns;
  const auto years = static_cast<double>(moments_.years);
  const double power = shape_ + degrees() / 2;
  const double rest = scale_ + squares.squares / 2;
  if (!(rest > 0)) {
    throw core::DataError("the columns of the mean explain the flows entirely");
  }
  const std::vector<double> root = root_of_gram(squares.gram, p);
  double log_determinant = 0;
  for (std::size_t i = 0; i < p; ++i) log_determinant += 2 * std::log(root[i * p + i]);
  std::vector<double> inverse;
  if (moments_.filtered && p > 0) inverse = SmallCholesky(squares.gram, p, 0).inverse();
  Evaluation result;
  result.value = years * log_det.log_abs - log_determinant / 2 - power * std::log(rest);
  result.gradient.assign(parameters.size(), 0.0);
  for (std::size_t t = 0; t < lags; ++t) {
    double slope = years * log_det.gradient[t] - power * squares.gradient[t] / (2 * rest);
    if (moments_.filtered) {
      // ½ tr(G⁻¹ ∂G), with G_jk = Σ c_s c_t ⟨Z_js, Z_kt⟩.
      const std::size_t width = p * lags;
      for (std::size_t j = 0; j < p; ++j) {
        for (std::size_t k = 0; k < p; ++k) {
          double product = 0;
          for (std::size_t u = 0; u < lags; ++u) {
            product += c.value[u] * moments_.zz[(j * lags + t) * width + k * lags + u];
          }
          slope -= inverse[j * p + k] * product;
        }
      }
    }
    for (std::size_t a = 0; a < parameters.size(); ++a) {
      result.gradient[a] += slope * c.first[t * parameters.size() + a];
    }
  }
  return result;
}

IntegratedFlow::Given IntegratedFlow::draw(std::span<const double> parameters, std::uint64_t seed,
                                           std::uint64_t stream) const {
  const FlowLeastSquares squares =
      solve_least_squares(moments_, filter_->coefficients(parameters).value);
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
