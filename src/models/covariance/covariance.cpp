// Gaussian covariances over grids in coordinates in which they are diagonal (Saatçi 2011; Stegle et
// al. 2011; with Kronecker noise Rakitsch et al. 2013).
// See src/MATHEMATICS.md, "Gaussian models".
#include "kronwerk/models/covariance/covariance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kronwerk/core/text.hpp"
#include "models/covariance/chains.hpp"
#include "models/covariance/covariance_bases.hpp"
#include "models/covariance/covariance_terms.hpp"
#include "models/covariance/inverse_of_sum.hpp"
#include "models/covariance/spectral_values.hpp"
#include "models/ones/core_function.hpp"
#include "models/ones/ones_core.hpp"
#include "models/ones/ones_update.hpp"
#include "models/ones/split_terms.hpp"

namespace kronwerk::models {

using factors::Chain;

namespace {

std::string describe(const std::vector<BasisCache::Entry>& entries) {
  std::vector<std::string> parts;
  for (const auto& entry : entries) {
    const std::string& text = entry.basis->description;
    if (text.starts_with("diagonal")) continue;
    if (std::ranges::find(parts, text) == parts.end()) parts.push_back(text);
  }
  return parts.empty() ? "diagonal factors" : core::join(parts, "; ");
}

}  // namespace

Covariance::Covariance(const communication::Communicator& comm,
                       std::shared_ptr<Workspace> workspace, CovarianceTerms terms,
                       BasisCache& cache)
    : comm_(&comm), workspace_(std::move(workspace)), terms_(std::move(terms)) {
  communication::collectively(comm, [&] {
    extents_ = check_terms(terms_);
    size_ = core::product(extents_);
    if (effective_terms(terms_).empty() && terms_.inverses.empty()) {
      throw core::DataError(
          "the covariance is zero: the variances of its signal and of its noise are");
    }
  });
  const SplitTerms split = split_terms(extents_, terms_);
  if (split.through_core) {
    find_core(cache);
    return;
  }
  find_bases(cache, split);
  communication::collectively(comm, [&] { find_spectrum(split.plain); });
  for (std::size_t j = 0; j < terms_.inverses.size(); ++j) {
    check_positive_definite(comm, spectrum_of_sum(j), terms_.inverses[j]);
  }
  operators::check_regular(comm, spectrum_);
  const auto range = operators::spectral_range(comm, spectrum_);
  smallest_ = range.smallest;
  largest_ = range.largest;
  log_determinant_ = operators::spectral_determinant(comm, spectrum_).log_abs;
  if (!split.with_ones.empty()) add_update(split.with_ones);
}

Covariance::Covariance(const communication::Communicator& comm,
                       std::shared_ptr<Workspace> workspace, CovarianceTerms terms)
    : Covariance(comm, std::move(workspace), std::move(terms), *std::make_unique<BasisCache>()) {}

void Covariance::add_update(const std::vector<ScaledProduct>& with_ones) {
  // Those of the coordinates have been looked at.
  std::vector<Chain> others;
  for (const ScaledProduct& term : with_ones) {
    for (std::size_t mode = 0; mode < extents_.size(); ++mode) {
      if (!diagonal_in_basis(mode, term.chains[mode])) others.push_back(term.chains[mode]);
    }
  }
  require_covariances(*comm_, others);
  update_ = std::make_shared<OnesUpdate>(*this, with_ones);
  largest_ += update_->largest();
  log_determinant_ += update_->log_determinant();
  communication::collectively(*comm_, [&] { check_beside_ones(smallest_, largest_); });
  description_ += fmt::format("; {} columns of ones", core::format_count(update_->size()));
}

void Covariance::find_bases(BasisCache& cache, const SplitTerms& split) {
  const std::vector<ScaledProduct>& terms = split.plain;
  std::vector<BasisCache::Entry> entries;
  const bool noisy = terms_.noise && terms_.noise->scale != 0;
  if (terms.size() == 1 && !noisy && terms_.inverses.empty()) {
    entries = cholesky_bases(*comm_, terms.front().chains, cache);
  } else {
    std::vector<ModeContent> modes = split.modes;
    communication::collectively(*comm_, [&] {
      if (modes.empty()) modes = contents(terms, terms_.inverses);
    });
    entries = eigenvector_bases(*comm_, modes, noisy ? &*terms_.noise : nullptr, cache);
  }
  for (const auto& entry : entries) {
    matrix_bases_.push_back(entry.basis);
    spectrum_.bases.push_back(entry.dual ? entry.dual : entry.basis);
    matrices_.push_back({entry.matrix, entry.partner});
    semidefinite_.push_back(entry.semidefinite);
  }
  description_ = describe(entries);
  cache.keep(std::move(entries));
}

void Covariance::find_core(BasisCache& cache) {
  communication::collectively(*comm_, [&] {
    for (const Chain& chain : terms_.noise->chains) {
      if (factors::is_identity(chain)) continue;
      throw core::ConfigurationError(fmt::format(
          "the covariance has terms with ones(n) beside terms with different matrices "
          "in a mode, which take noise that is sigma^2*I; its factor '{}' is a diagonal",
          name_of(chain)));
    }
  });
  const auto known = cache.find_core(terms_.signal);
  auto entries = reflection_bases(*comm_, terms_.signal, cache, known != nullptr);
  for (const auto& entry : entries) {
    matrix_bases_.push_back(entry.basis);
    spectrum_.bases.push_back(entry.basis);
    matrices_.push_back({entry.matrix, entry.partner});
    semidefinite_.push_back(true);
  }
  cache.keep(std::move(entries));
  spectrum_.terms.push_back(
      {terms_.noise->scale, std::vector<std::vector<std::complex<double>>>(extents_.size())});
  if (known) {
    communication::collectively(*comm_, [&] { core_ = known->with_noise(terms_.noise->scale); });
  } else {
    core_ = std::make_shared<OnesCore>(*comm_, extents_, spectrum_.bases, terms_.signal,
                                       terms_.noise->scale);
  }
  cache.keep_core(terms_.signal, core_);
  smallest_ = core_->smallest();
  largest_ = core_->largest();
  log_determinant_ = core_->log_determinant();
  description_ = fmt::format("reflections of ones, dense core of {} of {} coordinates",
                             core::format_count(core_->size()), core::format_count(size_));
}

operators::SpectralTerm Covariance::spectral_term(const ScaledProduct& product) const {
  operators::SpectralTerm term{product.scale, {}};
  for (std::size_t mode = 0; mode < extents_.size(); ++mode) {
    auto list = diagonal_in_basis(mode, product.chains[mode]);
    if (!list) throw core::InternalError("a covariance's factor is not diagonal in its basis");
    term.eigenvalues.emplace_back(list->begin(), list->end());
  }
  return term;
}

void Covariance::find_spectrum(const std::vector<ScaledProduct>& terms) {
  for (const ScaledProduct& term : terms) {
    spectrum_.terms.push_back(spectral_term(term));
  }
  for (const InverseOfSum& inverse : terms_.inverses) {
    auto& reciprocal = spectrum_.reciprocals.emplace_back();
    reciprocal.coefficient = inverse.scale;
    for (const ScaledProduct& term : inverse.sum) reciprocal.terms.push_back(spectral_term(term));
  }
}

operators::SpectralSum Covariance::spectrum_of_sum(std::size_t inverse) const {
  return {matrix_bases_, spectrum_.reciprocals[inverse].terms};
}

std::optional<std::vector<double>> Covariance::diagonal_in_basis(std::size_t mode,
                                                                 const Chain& matrix) const {
  const factors::Basis& basis = *matrix_bases_[mode];
  const bool orthogonal = basis.kind != factors::BasisKind::pair;
  if (factors::is_identity(matrix) && orthogonal) return std::vector<double>{};
  const Chain wanted = without_identities(matrix);
  const auto power = power_of(wanted, without_identities(matrices_[mode].matrix));
  if (power && (orthogonal || *power == 1)) {
    std::vector<double> values;
    for (const auto& value : basis.eigenvalues) {
      // Rounding may have made an eigenvalue of a semi-definite matrix negative.
      const double base = semidefinite_[mode] ? std::max(0.0, value.real()) : value.real();
      values.push_back(*power == 1 ? base : std::pow(base, *power));
    }
    return values;
  }
  if (matrices_[mode].partner && wanted == without_identities(*matrices_[mode].partner)) {
    return std::vector<double>{};
  }
  if (is_diagonal(wanted) && is_diagonal(basis.from_basis)) {
    std::vector<double> values = diagonal_of(wanted);
    const std::vector<double> scale = diagonal_of(basis.from_basis);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] *= scale[i] * scale[i];
    return values;
  }
  return std::nullopt;
}

int Covariance::leading_modes(Index batch) const {
  return choose_leading_modes(comm_->size(), extents_, all_products(terms_), batch);
}

Layout Covariance::layout(Index batch) const {
  Extents grid = extents_;
  if (batch > 1) grid.insert(grid.begin(), batch);
  return {std::move(grid), leading_modes(batch), comm_->size()};
}

namespace {

double reciprocal(double e) {
  return 1 / e;
}

std::vector<ScaledProduct> batched(std::vector<ScaledProduct> terms, Index batch) {
  if (batch == 1) return terms;
  for (ScaledProduct& term : terms) {
    term.chains.insert(term.chains.begin(), identity_chain(batch));
  }
  return terms;
}

}  // namespace

OperatorPtr Covariance::sum_of(std::vector<ScaledProduct> products, Index batch) const {
  return std::make_shared<operators::ProductSum>(
      *comm_, workspace_, batched(std::move(products), batch), leading_modes(batch));
}

OperatorPtr Covariance::sum_with_inverses(const std::vector<ScaledProduct>& products,
                                          Index batch) const {
  if (terms_.inverses.empty()) return sum_of(products, batch);
  std::vector<OperatorPtr> parts;
  if (!products.empty()) parts.push_back(sum_of(products, batch));
  for (std::size_t j = 0; j < terms_.inverses.size(); ++j) {
    parts.push_back(make_refined_inverse(
        terms_.inverses[j].scale, sum_of(terms_.inverses[j].sum, batch),
        operators::make_spectral_inverse(*comm_, workspace_, spectrum_of_sum(j), batch,
                                         leading_modes(batch))));
  }
  return operators::add(std::move(parts));
}

OperatorPtr Covariance::forward(Index batch) const {
  std::vector<ScaledProduct> products = terms_.signal;
  if (terms_.noise) products.push_back(*terms_.noise);
  return sum_with_inverses(products, batch);
}

OperatorPtr Covariance::signal(Index batch) const {
  return sum_with_inverses(terms_.signal, batch);
}

/// V f(VᵀKV) Vᵀ with a dense core, where V = Vᵀ.
OperatorPtr Covariance::through_core(Index batch, int leading_modes,
                                     double (*function)(double)) const {
  const OperatorPtr reflections = from(spectrum_.bases, batch, leading_modes);
  return make_core_function(*comm_, reflections, reflections,
                            [core = core_, layout = reflections->input_layout(), batch, function](
                                std::span<double> x) { core->apply(layout, batch, function, x); });
}

/// V diag(√e) Vᵀ, or U diag(√e).
OperatorPtr Covariance::root_of(operators::SpectralSum spectrum, Index batch,
                                int leading_modes) const {
  const bool orthogonal = spectrum.bases == matrix_bases_;
  if (!orthogonal) {
    for (auto& basis : spectrum.bases) basis = diagonal_basis(basis->extent);
  }
  const OperatorPtr root = operators::make_spectral_function(
      *comm_, workspace_, spectrum,
      [](std::span<double> values) {
        for (double& value : values) value = std::sqrt(value);
      },
      batch, leading_modes);
  if (orthogonal) return root;
  return operators::compose(1, {from(matrix_bases_, batch, leading_modes), root});
}

OperatorPtr Covariance::root(Index batch, int leading_modes) const {
  if (core_) {
    return through_core(batch, leading_modes, [](double e) { return std::sqrt(e); });
  }
  return root_of(spectrum_, batch, leading_modes);
}

OperatorPtr Covariance::root_of_inverse(std::size_t inverse, Index batch, int leading_modes) const {
  return root_of({spectrum_.bases, {}, {spectrum_.reciprocals[inverse]}}, batch, leading_modes);
}

OperatorPtr Covariance::derivative(const CovarianceDerivative& derivative) const {
  std::vector<OperatorPtr> parts;
  if (!derivative.products.empty()) parts.push_back(sum_of(derivative.products, 1));
  for (std::size_t j = 0; j < derivative.inverses.size(); ++j) {
    const auto& part = derivative.inverses[j];
    if (part.scale == 0 && part.sum.empty()) continue;
    const OperatorPtr inverse = operators::make_spectral_inverse(
        *comm_, workspace_, spectrum_of_sum(j), 1, leading_modes(1));
    if (part.scale != 0) parts.push_back(operators::compose(part.scale, {inverse}));
    if (part.sum.empty()) continue;
    parts.push_back(
        operators::compose(-terms_.inverses[j].scale, {inverse, sum_of(part.sum, 1), inverse}));
  }
  return parts.empty() ? nullptr : operators::add(std::move(parts));
}

OperatorPtr Covariance::inverse(Index batch) const {
  if (core_) return through_core(batch, leading_modes(batch), reciprocal);
  if (update_) {
    const Index first = layout(batch).home_begin(comm_->rank());
    return make_core_function(
        *comm_, to_basis(batch), from_basis(batch),
        [update = update_, first, batch](std::span<double> x) { update->divide(first, batch, x); });
  }
  return operators::make_spectral_inverse(*comm_, workspace_, spectrum_, batch,
                                          leading_modes(batch));
}

OperatorPtr Covariance::to_basis(Index batch) const {
  ScaledProduct product;
  for (const auto& basis : spectrum_.bases) product.chains.push_back(basis->to_basis);
  return sum_of({std::move(product)}, batch);
}

OperatorPtr Covariance::from(const std::vector<factors::BasisPtr>& bases, Index batch,
                             int leading_modes) const {
  ScaledProduct product;
  for (const auto& basis : bases) product.chains.push_back(basis->from_basis);
  return std::make_shared<operators::ProductSum>(
      *comm_, workspace_, batched({std::move(product)}, batch), leading_modes);
}

OperatorPtr Covariance::from_basis(Index batch) const {
  return from(spectrum_.bases, batch, leading_modes(batch));
}

OperatorPtr Covariance::from_matrix_basis(Index batch) const {
  return from(matrix_bases_, batch, leading_modes(batch));
}

double Covariance::trace_of_inverse(std::span<const ScaledProduct> derivative) const {
  if (core_) {
    const Layout one = layout();
    const std::vector<double> zeros(static_cast<std::size_t>(one.home_size(comm_->rank())), 0.0);
    return -2 * core_->gradient(one, 1, zeros, {{derivative.begin(), derivative.end()}}, 1).front();
  }
  if (update_) {
    throw core::InternalError("the trace of a covariance with columns of ones by itself");
  }
  return operators::trace_of_inverse(*comm_, spectrum_, derivative);
}

void Covariance::divide_by_root(Index batch, std::span<double> x) const {
  if (core_) {
    return core_->apply(
        layout(batch), batch, [](double e) { return 1 / std::sqrt(e); }, x);
  }
  const Index first = layout(batch).home_begin(comm_->rank());
  if (update_) return update_->divide_by_root(first, batch, x);
  const GridValues values = spectral_values(*this);
  values.for_runs(first, std::ssize(x), [&](const double* e, Index offset, Index count) {
    double* place = x.data() + offset;
    for (Index i = 0; i < count; ++i) place[i] /= std::sqrt(e[i]);
  });
}

void Covariance::divide(Index batch, std::span<double> x) const {
  if (core_) return core_->apply(layout(batch), batch, reciprocal, x);
  const Index first = layout(batch).home_begin(comm_->rank());
  if (update_) return update_->divide(first, batch, x);
  const GridValues values = spectral_values(*this);
  values.for_runs(first, std::ssize(x), [&](const double* e, Index offset, Index count) {
    double* place = x.data() + offset;
    for (Index i = 0; i < count; ++i) place[i] /= e[i];
  });
}

}  // namespace kronwerk::models
