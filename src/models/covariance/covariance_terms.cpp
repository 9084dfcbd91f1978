#include "models/covariance/covariance_terms.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kronwerk/distribution/estimate.hpp"
#include "models/covariance/chains.hpp"

namespace kronwerk::models {

using factors::Chain;

namespace {

Extents shape_of(const ScaledProduct& term) {
  Extents result;
  for (const Chain& chain : term.chains) result.push_back(factors::rows(chain));
  return result;
}

void check_shapes(const std::vector<ScaledProduct>& terms, const Extents& extents) {
  for (const ScaledProduct& term : terms) {
    for (const Chain& chain : term.chains) {
      if (factors::rows(chain) == factors::cols(chain)) continue;
      throw core::ShapeError(
          fmt::format("the factor '{}' is {} x {}; the factors of a covariance are square",
                      name_of(chain), factors::rows(chain), factors::cols(chain)));
    }
    if (shape_of(term) == extents) continue;
    throw core::ShapeError(fmt::format(
        "the terms of the covariance differ in shape: one is over the grid {}, one over {}",
        core::to_text(extents), core::to_text(shape_of(term))));
  }
}

void check_scale(const char* what, double scale) {
  if (scale >= 0 && std::isfinite(scale)) return;
  throw core::DataError(
      fmt::format("the {} of the covariance has the variance {:.6g}; a variance "
                  "is finite and not negative",
                  what, scale));
}

void check_noise(const ScaledProduct& noise) {
  check_scale("noise", noise.scale);
  for (const Chain& chain : noise.chains) {
    if (!is_diagonal(chain)) {
      throw core::ConfigurationError(fmt::format(
          "the noise's factor '{}' is not diagonal; noise is sigma^2*I or a Kronecker product of "
          "diagonal matrices",
          name_of(chain)));
    }
    for (const double value : diagonal_of(chain)) {
      if (value > 0 && std::isfinite(value)) continue;
      throw core::DataError(fmt::format(
          "the noise's factor '{}' holds the variance {:.6g}; the variances of noise are positive",
          name_of(chain), value));
    }
  }
}

}  // namespace

Extents CovarianceTerms::extents() const {
  const auto products = all_products(*this);
  if (products.empty()) throw core::ConfigurationError("a covariance without terms");
  return shape_of(products.front());
}

Extents check_terms(const CovarianceTerms& terms) {
  Extents extents = terms.extents();
  check_shapes(all_products(terms), extents);
  for (const ScaledProduct& term : terms.signal) check_scale("signal", term.scale);
  for (const InverseOfSum& inverse : terms.inverses) {
    check_scale("inverse of a sum in the signal", inverse.scale);
    if (inverse.sum.empty()) throw core::DataError("the inverse of a sum that is zero");
  }
  if (terms.noise) check_noise(*terms.noise);
  return extents;
}

std::vector<ScaledProduct> all_products(const CovarianceTerms& terms) {
  std::vector<ScaledProduct> result = terms.signal;
  if (terms.noise) result.push_back(*terms.noise);
  for (const InverseOfSum& inverse : terms.inverses) {
    result.insert(result.end(), inverse.sum.begin(), inverse.sum.end());
  }
  return result;
}

int choose_leading_modes(int ranks, const Extents& extents, const std::vector<ScaledProduct>& terms,
                         Index batch) {
  std::vector<distribution::ModeCost> costs;
  if (batch > 1) costs.push_back({.rows = batch, .cols = batch, .identity = true});
  for (std::size_t mode = 0; mode < extents.size(); ++mode) {
    const Index n = extents[mode];
    const bool identity = std::ranges::all_of(
        terms, [&](const ScaledProduct& term) { return is_diagonal(term.chains[mode]); });
    costs.push_back({.rows = n,
                     .cols = n,
                     .flops_per_fibre = identity ? 0 : 2.0 * static_cast<double>(n * n),
                     .identity = identity});
  }
  return distribution::choose_split(costs, ranks).leading_modes;
}

}  // namespace kronwerk::models
