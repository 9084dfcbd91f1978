#include "kronwerk/methods/krylov_setup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "kronwerk/core/error.hpp"

namespace kronwerk::methods {
namespace {

using core::Index;
using expressions::FactorNode;
using expressions::FactorNodePtr;
using expressions::ProductTerm;
using expressions::SumOfProducts;

/// The distinct factors of every mode and which of them each term has.
struct DistinctFactors {
  std::vector<std::vector<FactorNodePtr>> modes;
  std::vector<std::vector<int>> terms;
};

DistinctFactors distinct_factors(const SumOfProducts& sum) {
  DistinctFactors result;
  result.modes.resize(sum.row_extents.size());
  for (const ProductTerm& term : sum.terms) {
    std::vector<int>& places = result.terms.emplace_back();
    for (std::size_t k = 0; k < term.factors.size(); ++k) {
      auto& mode = result.modes[k];
      auto found = std::ranges::find(mode, term.factors[k]->text, &FactorNode::text);
      if (found == mode.end()) found = mode.insert(mode.end(), term.factors[k]);
      places.push_back(static_cast<int>(found - mode.begin()));
    }
  }
  return result;
}

/// Beyond this extent, a factor that would have to be formed from inverses is not looked at.
constexpr Index largest_formed = 5000;

bool can_be_examined(const SumOfProducts& sum) {
  for (const ProductTerm& term : sum.terms) {
    if (!term.steps.empty()) return false;
    for (const FactorNodePtr& factor : term.factors) {
      if (factor->rows != factor->cols) return false;
      const bool inverse =
          std::ranges::any_of(factor->links, [](const auto& link) { return link.inverse; });
      if (inverse && factor->rows > largest_formed) return false;
    }
  }
  return true;
}

struct Interval {
  double least = 0;
  double greatest = 0;
};

Interval operator*(const Interval& a, const Interval& b) {
  const auto [least, greatest] = std::minmax(
      {a.least * b.least, a.least * b.greatest, a.greatest * b.least, a.greatest * b.greatest});
  return {least, greatest};
}

bool is_matrix(const FactorNodePtr& factor) {
  return !factor->is_identity();
}

/// One scale per mode in which all its factors are symmetric: that of the one matrix of which they
/// are functions, or ones if each is symmetric.
std::optional<std::vector<std::vector<double>>> find_weights(OperatorData& data,
                                                             const SumOfProducts& sum,
                                                             const DistinctFactors& distinct) {
  const auto structure = expressions::find_structure(sum, data.symmetric_matrices());
  std::vector<FactorNodePtr> asked;
  for (std::size_t k = 0; k < distinct.modes.size(); ++k) {
    if (structure.modes[k].kind == expressions::ModeStructure::Kind::functions) {
      asked.push_back(structure.modes[k].first);
    } else {
      std::ranges::copy_if(distinct.modes[k], std::back_inserter(asked), is_matrix);
    }
  }
  data.analyse_symmetry(asked);
  std::vector<std::vector<double>> weights;
  for (std::size_t k = 0; k < distinct.modes.size(); ++k) {
    if (structure.modes[k].kind == expressions::ModeStructure::Kind::functions) {
      const factors::Symmetry& symmetry = data.symmetry(*structure.modes[k].first);
      if (symmetry.scale.empty()) return std::nullopt;
      weights.push_back(symmetry.symmetric ? std::vector<double>{} : symmetry.scale);
      continue;
    }
    for (const FactorNodePtr& factor : distinct.modes[k]) {
      if (!factor->is_identity() && !data.symmetry(*factor).symmetric) return std::nullopt;
    }
    weights.emplace_back();
  }
  return weights;
}

Interval bounds_of(OperatorData& data, const FactorNode& factor) {
  if (factor.is_identity()) return {1, 1};
  const factors::Symmetry& symmetry = data.symmetry(factor);
  return {symmetry.least, symmetry.greatest};
}

/// Bounds of the eigenvalues of a sum that is symmetric in some inner product. Where each mode has
/// one matrix beside the identity, the sum is affine in each eigenvalue and is extreme at a corner;
/// otherwise the terms' bounds are added.
Interval eigenvalue_bounds(OperatorData& data, const SumOfProducts& sum,
                           const DistinctFactors& distinct) {
  const std::size_t modes = distinct.modes.size();
  bool affine = modes <= 16;
  std::vector<FactorNodePtr> asked;
  for (const auto& mode : distinct.modes) {
    affine = affine && std::ranges::count_if(mode, is_matrix) <= 1;
    std::ranges::copy_if(mode, std::back_inserter(asked), is_matrix);
  }
  data.analyse_symmetry(asked);
  Interval result;
  if (!affine) {
    for (const ProductTerm& term : sum.terms) {
      Interval product{term.coefficient, term.coefficient};
      for (const FactorNodePtr& factor : term.factors) product = product * bounds_of(data, *factor);
      result.least += product.least;
      result.greatest += product.greatest;
    }
    return result;
  }
  result = {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  for (std::size_t corner = 0; corner < (std::size_t{1} << modes); ++corner) {
    double value = 0;
    for (const ProductTerm& term : sum.terms) {
      double product = term.coefficient;
      for (std::size_t k = 0; k < modes; ++k) {
        const Interval bounds = bounds_of(data, *term.factors[k]);
        product *= (corner >> k) % 2 == 0 ? bounds.least : bounds.greatest;
      }
      value += product;
    }
    result = {std::min(result.least, value), std::max(result.greatest, value)};
  }
  return result;
}

operators::FactorGrams make_grams(OperatorData& data, const SumOfProducts& sum,
                                  const DistinctFactors& distinct) {
  operators::FactorGrams grams;
  grams.extents = sum.row_extents;
  for (std::size_t t = 0; t < sum.terms.size(); ++t) {
    grams.terms.push_back({sum.terms[t].coefficient, distinct.terms[t]});
  }
  for (const auto& mode : distinct.modes) {
    std::vector<factors::FactorPtr> matrices;
    for (const FactorNodePtr& factor : mode) {
      matrices.push_back(data.lowering().explicit_factor(*factor));
    }
    std::vector<double>& gram = grams.grams.emplace_back();
    std::vector<double>& traces = grams.traces.emplace_back();
    for (const auto& a : matrices) {
      traces.push_back(factors::trace(data.comm(), *a));
      for (const auto& b : matrices) {
        gram.push_back(factors::inner_product(data.comm(), *a, *b));
      }
    }
  }
  return grams;
}

expressions::ScaledFactor combine(const std::vector<double>& coefficients,
                                  const std::vector<FactorNodePtr>& factors) {
  std::vector<std::pair<double, FactorNodePtr>> terms;
  for (std::size_t i = 0; i < factors.size(); ++i) terms.emplace_back(coefficients[i], factors[i]);
  return expressions::sum(terms);
}

SumOfProducts as_product(const SumOfProducts& sum, const DistinctFactors& distinct,
                         const operators::NearestProduct& nearest) {
  SumOfProducts result{sum.row_extents, sum.col_extents, {ProductTerm{}}};
  for (std::size_t k = 0; k < distinct.modes.size(); ++k) {
    auto [coefficient, factor] = combine(nearest.coefficients[k], distinct.modes[k]);
    result.terms[0].coefficient *= coefficient;
    result.terms[0].factors.push_back(std::move(factor));
  }
  return result;
}

SumOfProducts as_sum(const SumOfProducts& sum, const DistinctFactors& distinct,
                     const operators::NearestSum& nearest) {
  SumOfProducts result{sum.row_extents, sum.col_extents, {}};
  ProductTerm identity;
  for (const Index extent : sum.row_extents) {
    identity.factors.push_back(expressions::identity_factor(extent));
  }
  identity.coefficient = nearest.shift;
  if (nearest.shift != 0) result.terms.push_back(identity);
  for (std::size_t k = 0; k < distinct.modes.size(); ++k) {
    auto [coefficient, factor] = combine(nearest.coefficients[k], distinct.modes[k]);
    if (coefficient == 0) continue;
    ProductTerm term = identity;
    term.coefficient = coefficient;
    term.factors[k] = std::move(factor);
    result.terms.push_back(std::move(term));
  }
  return result;
}

/// Positive definite in the same inner product as the operator itself.
bool positive_definite(OperatorData& data, const ProductTerm& product) {
  double sign = product.coefficient;
  for (const FactorNodePtr& factor : product.factors) {
    const Interval bounds = bounds_of(data, *factor);
    if (bounds.least <= 0 && bounds.greatest >= 0) return false;
    if (bounds.greatest < 0) sign = -sign;
  }
  return sign > 0;
}

/// The nearest sum is worth its eigenvectors only where it is clearly nearer, and where they take
/// about a second at most.
constexpr double clearly = 0.5;

bool decomposes_quickly(const DistinctFactors& distinct) {
  double operations = 0;
  for (const auto& mode : distinct.modes) {
    const auto n = static_cast<double>(mode.front()->rows);
    operations += 12 * n * n * n;
  }
  return operations <= 5e10;
}

/// Puts the nearest simpler operator into `setup` and tells whether it is positive definite in the
/// inner product in which the operator is symmetric.
void find_near(OperatorData& data, const SumOfProducts& sum, const DistinctFactors& distinct,
               KrylovSetup& setup, bool& near_is_positive_definite) {
  setup.grams = make_grams(data, sum, distinct);
  setup.factors = distinct.modes;
  const auto product = operators::nearest_product(setup.grams);
  const auto shifted = operators::nearest_sum(setup.grams);
  if (shifted.relative_error < clearly * product.relative_error && decomposes_quickly(distinct)) {
    const SumOfProducts near = as_sum(sum, distinct, shifted);
    SpectralForm form = find_spectral_form(data, near, false);
    if (form && form.sum) {
      const auto range = operators::spectral_range(data.comm(), *form.sum);
      if (range.smallest > 1e-8 * range.largest) {
        setup.preconditioner =
            fmt::format("preconditioned by the nearest Kronecker sum (relative distance {:.2g})",
                        shifted.relative_error);
        setup.near_sum = std::move(form);
        near_is_positive_definite = eigenvalue_bounds(data, near, distinct_factors(near)).least > 0;
        return;
      }
    }
  }
  if (!(product.relative_error < 1)) return;
  const SumOfProducts near = as_product(sum, distinct, product);
  if (near.terms[0].coefficient == 0) return;
  setup.preconditioner =
      fmt::format("preconditioned by the nearest Kronecker product (relative distance {:.2g})",
                  product.relative_error);
  setup.near_product = product.coefficients;
  near_is_positive_definite = positive_definite(data, near.terms[0]);
}

bool commute(OperatorData& data, const SumOfProducts& sum) {
  using Kind = expressions::ModeStructure::Kind;
  const auto structure = expressions::find_structure(sum, data.symmetric_matrices());
  return std::ranges::all_of(structure.modes, [](const auto& mode) {
    return mode.kind == Kind::identity || mode.kind == Kind::diagonal ||
           mode.kind == Kind::functions;
  });
}

KrylovSetup examine(OperatorData& data, const SumOfProducts& sum, KrylovSetup setup) {
  const DistinctFactors distinct = distinct_factors(sum);
  bool near_is_positive_definite = true;
  find_near(data, sum, distinct, setup, near_is_positive_definite);
  setup.commuting = commute(data, sum);
  setup.weights = find_weights(data, sum, distinct);
  if (setup.weights) {
    const Interval bounds = eigenvalue_bounds(data, sum, distinct);
    if (bounds.least > 0) setup.definite = DefiniteForm{*setup.weights, bounds.least};
    if (bounds.least > 0 && near_is_positive_definite) {
      setup.method = operators::KrylovMethod::cg;
    }
  }
  if (setup.method != operators::KrylovMethod::cg) setup.weights.reset();
  return setup;
}

}  // namespace

bool DefiniteForm::weighted() const {
  return std::ranges::any_of(weights, [](const auto& w) { return !w.empty(); });
}

bool KrylovSetup::weighted() const {
  return weights && std::ranges::any_of(*weights, [](const auto& w) { return !w.empty(); });
}

std::string KrylovSetup::description() const {
  return fmt::format("{}{}, {}", operators::to_text(method),
                     weighted() ? " in the inner product in which the operator is symmetric" : "",
                     preconditioner);
}

KrylovSetup set_up_krylov(OperatorData& data, const SumOfProducts& sum) {
  KrylovSetup unexamined;
  unexamined.preconditioner = "without a preconditioner";
  if (!can_be_examined(sum)) return unexamined;
  try {
    return examine(data, sum, unexamined);
  } catch (const core::ConvergenceError&) {
    // An inverse cannot be formed accurately: thrown on every rank alike.
    return unexamined;
  }
}

}  // namespace kronwerk::methods
