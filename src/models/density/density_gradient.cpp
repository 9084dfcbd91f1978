// The quadratic forms and traces of a log density's gradient, in the coordinates in which the
// covariance is diagonal. A product ∂K = ⊗A_k whose matrices are diagonal there in all modes but
// one, j, gives α̃ᵀ(⊗D_k)α̃ with V_jᵀA_jV_j in mode j: either by the Gram matrix of α̃ along j, once
// for all parameters of that mode, or by that matrix applied to α̃.
// See src/MATHEMATICS.md, "Gaussian models".
#include "models/density/density_gradient.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kronwerk/core/text.hpp"
#include "kronwerk/distribution/partition.hpp"
#include "kronwerk/factors/dense/dense_values.hpp"
#include "models/covariance/chains.hpp"
#include "models/covariance/spectral_values.hpp"
#include "models/density/weighted_gram.hpp"
#include "models/ones/ones_core.hpp"
#include "models/ones/ones_product.hpp"
#include "models/ones/ones_traces.hpp"

namespace kronwerk::models {

using factors::Chain;

namespace {

[[noreturn]] void refuse(const ScaledProduct& product) {
  std::vector<std::string> names;
  for (const Chain& chain : product.chains) names.push_back(name_of(chain));
  throw core::ConfigurationError(
      fmt::format("the derivative 'kron({})' of a covariance with terms of ones and others has "
                  "matrices of its own in several modes; give the term that it comes from a "
                  "coefficient that is not zero",
                  core::join(names, ", ")));
}

}  // namespace

DensityGradient::DensityGradient(const Covariance& covariance, const GridValues& eigenvalues,
                                 BasisMatrices& matrices, Index observations,
                                 std::span<const double> weights, Index determinants)
    : covariance_(covariance),
      eigenvalues_(eigenvalues),
      matrices_(matrices),
      observations_(observations),
      determinants_(determinants),
      weights_(weights),
      layout_(covariance.layout(observations)) {}

DensityGradient::DensityGradient(const DensityGradient& whole, const GridValues& divisor,
                                 std::span<const double> divided)
    : DensityGradient(whole.covariance_, whole.eigenvalues_, whole.matrices_, whole.observations_,
                      divided, whole.determinants_) {
  divisor_ = &divisor;
}

void DensityGradient::check(const std::vector<Products>& derivatives) const {
  const Extents& extents = covariance_.extents();
  for (const auto& derivative : derivatives) {
    for (const ScaledProduct& product : derivative) {
      bool fits = product.chains.size() == extents.size();
      for (std::size_t mode = 0; fits && mode < extents.size(); ++mode) {
        fits = factors::rows(product.chains[mode]) == extents[mode] &&
               factors::cols(product.chains[mode]) == extents[mode];
      }
      if (fits) continue;
      throw core::ShapeError(fmt::format(
          "a derivative of the covariance does not have its shape, the grid {} on both sides",
          core::to_text(extents)));
    }
  }
}

/// By flops: a rank update for all parameters of a mode and 3 n³ for each matrix, against three
/// products along the mode per parameter and n³ for the diagonal. What is kept from earlier
/// evaluations does not count: the same point has the same gradient to the last bit, whatever came
/// before.
bool DensityGradient::prefers_gram(const Term& term) const {
  // Beside columns of ones the trace takes the whole matrix too.
  if (covariance_.update() != nullptr) return true;
  const auto n = static_cast<double>(covariance_.extents()[term.full.front()]);
  const double update = static_cast<double>(layout_.size()) * n;
  return 3 * n * n * n + update <= 6 * update + n * n * n;
}

std::vector<DensityGradient::Term> DensityGradient::classify(
    const std::vector<Products>& derivatives) {
  std::vector<Term> terms;
  for (std::size_t p = 0; p < derivatives.size(); ++p) {
    for (const ScaledProduct& product : derivatives[p]) {
      if (product.scale == 0) continue;
      Term term{p, &product, {}, {}};
      for (std::size_t mode = 0; mode < product.chains.size(); ++mode) {
        auto list = covariance_.diagonal_in_basis(mode, product.chains[mode]);
        if (!list) term.full.push_back(mode);
        term.lists.push_back(list ? std::move(*list) : std::vector<double>{});
      }
      if (term.full.size() > 1 && covariance_.update() != nullptr) refuse(product);
      const bool gram = term.full.size() == 1 && prefers_gram(term);
      for (const std::size_t mode : term.full) {
        const auto& basis = covariance_.matrix_bases()[mode];
        const Chain& matrix = product.chains[mode];
        term.lists[mode] = (gram ? matrices_.full(covariance_.comm(), basis, matrix)
                                 : matrices_.diagonal(covariance_.comm(), basis, matrix))
                               .diagonal;
      }
      terms.push_back(std::move(term));
    }
  }
  return terms;
}

double DensityGradient::local_trace(const GridValues& numerator) const {
  const auto& comm = covariance_.comm();
  const distribution::BlockPartition part(covariance_.size(), comm.size());
  const Index first = part.begin(comm.rank());
  double top[GridValues::run_length];
  double divisor[GridValues::run_length];
  double sum = 0;
  eigenvalues_.for_runs(first, part.count(comm.rank()),
                        [&](const double* e, Index offset, Index count) {
                          numerator.evaluate(first + offset, count, top);
                          if (divisor_ != nullptr) {
                            divisor_->evaluate(first + offset, count, divisor);
                            for (Index i = 0; i < count; ++i) top[i] /= divisor[i] * divisor[i];
                          }
                          double partial = 0;
                          for (Index i = 0; i < count; ++i) partial += top[i] / e[i];
                          sum += partial;
                        });
  return sum;
}

double DensityGradient::local_square(const GridValues& values) const {
  double sum = 0;
  values.for_runs(layout_.home_begin(covariance_.comm().rank()), std::ssize(weights_),
                  [&](const double* v, Index offset, Index count) {
                    const double* x = weights_.data() + offset;
                    double partial = 0;
                    for (Index i = 0; i < count; ++i) partial += x[i] * x[i] * v[i];
                    sum += partial;
                  });
  return sum;
}

void DensityGradient::add_grams(const std::vector<const Term*>& terms,
                                std::vector<double>& squares) {
  const std::size_t shift = observations_ > 1 ? 1 : 0;
  std::vector<GramRequest> requests;
  std::vector<std::size_t> request_of;
  for (const Term* term : terms) {
    GramRequest request{term->full.front() + shift, term->lists};
    request.lists[term->full.front()].clear();
    if (shift > 0) request.lists.insert(request.lists.begin(), std::vector<double>{});
    const auto known = std::ranges::find_if(requests, [&](const GramRequest& other) {
      return other.mode == request.mode && other.lists == request.lists;
    });
    request_of.push_back(static_cast<std::size_t>(known - requests.begin()));
    if (known == requests.end()) requests.push_back(std::move(request));
  }
  const auto grams =
      weighted_grams(covariance_.comm(), *covariance_.workspace(), layout_, weights_, requests);
  for (std::size_t t = 0; t < terms.size(); ++t) {
    const std::size_t mode = terms[t]->full.front();
    const auto& full = matrices_
                           .full(covariance_.comm(), covariance_.matrix_bases()[mode],
                                 terms[t]->product->chains[mode])
                           .full;
    squares[terms[t]->parameter] +=
        terms[t]->product->scale * inner_product_of_lower(covariance_.extents()[mode],
                                                          factors::dense_values(*full).data(),
                                                          grams[request_of[t]].data());
  }
}

double DensityGradient::direct_square(const Term& term) const {
  const std::size_t mode = term.full.front();
  const auto& basis = *covariance_.matrix_bases()[mode];
  std::vector<Chain> chains;
  for (const Index extent : layout_.extents()) chains.push_back(identity_chain(extent));
  Chain& chain = chains[mode + (observations_ > 1 ? 1 : 0)];
  chain = basis.to_basis;
  for (const Chain* part : {&term.product->chains[mode], &basis.from_basis}) {
    chain.insert(chain.end(), part->begin(), part->end());
  }
  const operators::KroneckerProduct product(covariance_.comm(), covariance_.workspace(), 1,
                                            std::move(chains), layout_.leading_modes());
  std::vector<double> image(weights_.size());
  product.apply(weights_, image);
  auto lists = term.lists;
  lists[mode].clear();
  const GridValues values(covariance_.extents(), {{1, std::move(lists)}});
  double sum = 0;
  values.for_runs(layout_.home_begin(covariance_.comm().rank()), std::ssize(weights_),
                  [&](const double* v, Index offset, Index count) {
                    const double* x = weights_.data() + offset;
                    const double* y = image.data() + offset;
                    double partial = 0;
                    for (Index i = 0; i < count; ++i) partial += x[i] * y[i] * v[i];
                    sum += partial;
                  });
  return sum;
}

std::vector<double> DensityGradient::general_squares(const std::vector<const Term*>& terms,
                                                     std::size_t count) const {
  std::vector<double> squares(count, 0.0);
  if (terms.empty()) return squares;
  const auto& comm = covariance_.comm();
  std::vector<double> solution(weights_.size());
  std::vector<double> image(weights_.size());
  covariance_.from_matrix_basis(observations_)->apply(weights_, solution);
  for (const Term* term : terms) {
    ScaledProduct product = *term->product;
    if (observations_ > 1) {
      product.chains.insert(product.chains.begin(), identity_chain(observations_));
    }
    const operators::KroneckerProduct op(comm, covariance_.workspace(), product.scale,
                                         std::move(product.chains), layout_.leading_modes());
    op.apply(solution, image);
    for (std::size_t i = 0; i < image.size(); ++i) {
      squares[term->parameter] += solution[i] * image[i];
    }
  }
  return squares;
}

std::vector<double> DensityGradient::of(const std::vector<CovarianceDerivative>& derivatives) {
  std::vector<Products> products;
  for (const auto& derivative : derivatives) products.push_back(derivative.products);
  std::vector<double> gradient = of_products(products);
  add_inverses(derivatives, gradient);
  return gradient;
}

/// In the coordinates −S⁻¹(∂S)S⁻¹ is −diag(1/s) Uᵀ∂S U diag(1/s) with U of matrix_bases(), so that
/// its quadratic form is one of ∂S with α̃/s, its trace one with e s² in place of e.
void DensityGradient::add_inverses(const std::vector<CovarianceDerivative>& derivatives,
                                   std::vector<double>& gradient) {
  const auto& inverses = covariance_.terms().inverses;
  for (std::size_t j = 0; j < inverses.size(); ++j) {
    std::vector<Products> sums;
    std::vector<double> scales;
    for (const auto& derivative : derivatives) {
      const bool has = !derivative.inverses.empty();
      sums.push_back(has ? derivative.inverses[j].sum : Products());
      scales.push_back(has ? derivative.inverses[j].scale : 0);
    }
    const GridValues values = grid_values(covariance_.spectrum_of_sum(j));
    if (std::ranges::any_of(sums, [](const auto& sum) { return !sum.empty(); })) {
      std::vector<double> divided(weights_.begin(), weights_.end());
      values.for_runs(layout_.home_begin(covariance_.comm().rank()), std::ssize(divided),
                      [&](const double* s, Index offset, Index count) {
                        double* x = divided.data() + offset;
                        for (Index i = 0; i < count; ++i) x[i] /= s[i];
                      });
      const auto parts = DensityGradient(*this, values, divided).of_products(sums);
      for (std::size_t p = 0; p < parts.size(); ++p) gradient[p] -= inverses[j].scale * parts[p];
    }
    if (std::ranges::all_of(scales, [](double scale) { return scale == 0; })) continue;
    const GridValues reciprocals(covariance_.extents(), {},
                                 {{1, real_terms(covariance_.spectrum_of_sum(j).terms)}});
    double part = 0.5 * local_square(reciprocals);
    if (determinants_ > 0) {
      part -= 0.5 * static_cast<double>(determinants_) * local_trace(reciprocals);
    }
    part = covariance_.comm().sum(part);
    for (std::size_t p = 0; p < scales.size(); ++p) gradient[p] += scales[p] * part;
  }
}

std::vector<double> DensityGradient::of_products(const std::vector<Products>& derivatives) {
  const auto& comm = covariance_.comm();
  communication::collectively(comm, [&] { check(derivatives); });
  if (const OnesCore* core = covariance_.core()) {
    return core->gradient(layout_, observations_, weights_, derivatives, determinants_);
  }
  const OnesUpdate* update = covariance_.update();
  if (update == nullptr) return of_products_without_ones(derivatives);
  std::vector<Products> plain(derivatives.size()), with_ones(derivatives.size());
  for (std::size_t p = 0; p < derivatives.size(); ++p) {
    for (const ScaledProduct& product : derivatives[p]) {
      const auto ones = ones_of(covariance_, product);
      const bool any = std::ranges::find(ones, true) != ones.end();
      (any ? with_ones : plain)[p].push_back(product);
    }
  }
  std::vector<double> gradient(derivatives.size(), 0.0);
  update->add_gradient(covariance_, matrices_, layout_.home_begin(comm.rank()), observations_,
                       determinants_, weights_, with_ones, gradient);
  comm.sum(gradient);
  const auto others = of_products_without_ones(plain);
  for (std::size_t p = 0; p < gradient.size(); ++p) gradient[p] += others[p];
  return gradient;
}

/// What the columns of ones take from the traces of a parameter's terms, this rank's part.
double DensityGradient::explained_traces(const std::vector<Term>& terms, std::size_t parameter,
                                         OnesTraces& traces) {
  double sum = 0;
  for (const Term& term : terms) {
    if (term.parameter != parameter) continue;
    GridTerm values{term.product->scale, term.lists};
    if (term.full.empty()) {
      sum += traces.of(values);
      continue;
    }
    const std::size_t mode = term.full.front();
    values.lists[mode].clear();
    const auto& full =
        matrices_
            .full(covariance_.comm(), covariance_.matrix_bases()[mode], term.product->chains[mode])
            .full;
    sum += traces.of(values, mode, factors::dense_values(*full));
  }
  return sum;
}

std::vector<double> DensityGradient::of_products_without_ones(
    const std::vector<Products>& derivatives) {
  const auto& comm = covariance_.comm();
  const std::vector<Term> terms = classify(derivatives);
  const std::size_t count = derivatives.size();
  std::vector<double> traces(count, 0.0);
  std::vector<double> squares(count, 0.0);
  std::vector<std::vector<GridTerm>> numerators(count), elementwise(count);
  std::vector<const Term*> by_gram, general;
  for (const Term& term : terms) {
    const GridTerm values{term.product->scale, term.lists};
    numerators[term.parameter].push_back(values);
    if (term.full.empty()) {
      elementwise[term.parameter].push_back(values);
    } else if (term.full.size() > 1) {
      general.push_back(&term);
    } else if (prefers_gram(term)) {
      by_gram.push_back(&term);
    } else {
      squares[term.parameter] += term.product->scale * direct_square(term);
    }
  }
  for (std::size_t p = 0; p < count; ++p) {
    if (!numerators[p].empty() && determinants_ > 0) {
      traces[p] = local_trace(GridValues(covariance_.extents(), numerators[p]));
    }
    if (!elementwise[p].empty()) {
      squares[p] += local_square(GridValues(covariance_.extents(), elementwise[p]));
    }
  }
  if (covariance_.update() != nullptr && determinants_ > 0 && !terms.empty()) {
    OnesTraces explained(*covariance_.update(), comm);
    for (std::size_t p = 0; p < count; ++p) traces[p] -= explained_traces(terms, p, explained);
  }
  if (!by_gram.empty()) add_grams(by_gram, squares);
  const auto others = general_squares(general, count);
  std::vector<double> gradient(count);
  for (std::size_t p = 0; p < count; ++p) {
    gradient[p] =
        0.5 * (squares[p] + others[p]) - 0.5 * static_cast<double>(determinants_) * traces[p];
  }
  comm.sum(gradient);
  return gradient;
}

}  // namespace kronwerk::models
