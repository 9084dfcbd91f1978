#include "models/laplace/latent_probes.hpp"

#include <cblas.h>

#include <cmath>

#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/factors/dense/dense_values.hpp"
#include "kronwerk/factors/dense/shared_dense.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "models/covariance/chains.hpp"
#include "models/laplace/root_derivative.hpp"
#include "operators/krylov/log_quadrature.hpp"

namespace kronwerk::models {

using factors::FactorPtr;

namespace {

// The residual of a probe's system: far below what estimates vary by, and for the logarithm it
// counts squared.
constexpr double probe_tolerance = 3e-4;
constexpr std::uint64_t probe_stream = 0x6c6f6761726974;

/// G_k∘G_k w_k, once per node, or its diagonal.
FactorPtr squares(const Communicator& comm, const FactorPtr& root, const Vector& w) {
  const auto values = factors::dense_values(*root);
  if (values.empty()) {
    Vector diagonal = root->diagonal();
    for (std::size_t i = 0; i < diagonal.size(); ++i) diagonal[i] *= diagonal[i] * w[i];
    return factors::make_diagonal(root->name(), diagonal);
  }
  const Index columns = root->cols();
  return factors::make_shared_dense(
      comm, root->name(), root->rows(), columns, [&](std::span<double> out) {
        if (!comm.node().is_root()) return;
        for (std::size_t i = 0; i < out.size(); ++i) {
          out[i] = values[i] * values[i] * w[i / static_cast<std::size_t>(columns)];
        }
      });
}

/// The diagonal of G_kᵀ w D w G_k. Local.
Vector diagonal_of_image(const factors::Factor& root, const Vector& w, const Vector& d) {
  const auto n = static_cast<std::size_t>(root.rows());
  const auto r = static_cast<std::size_t>(root.cols());
  const auto values = factors::dense_values(root);
  Vector result(r, 0.0);
  if (values.empty()) {
    const Vector diagonal = root.diagonal();
    for (std::size_t i = 0; i < n; ++i) {
      result[i] = diagonal[i] * diagonal[i] * w[i] * w[i] * d[i * n + i];
    }
    return result;
  }
  Vector weighted(values.begin(), values.end());
  for (std::size_t i = 0; i < weighted.size(); ++i) weighted[i] *= w[i / r];
  Vector image(weighted.size());
  const int rows = core::narrow<int>(root.rows());
  const int columns = core::narrow<int>(root.cols());
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, columns, rows, 1, d.data(), rows,
              weighted.data(), columns, 0, image.data(), columns);
  for (std::size_t i = 0; i < image.size(); ++i) result[i % r] += weighted[i] * image[i];
  return result;
}

}  // namespace

Vector LatentProbes::nearest_leverage() const {
  const LatentBasis& basis = *state_.basis;
  // The sum over terms of (G_t∘G_t) applied to 1 / D, W̃ included.
  const auto& layout = basis.root().input_layout();
  std::vector<ScaledProduct> products;
  for (std::size_t t = 0; t < basis.terms(); ++t) {
    ScaledProduct& product = products.emplace_back(ScaledProduct{basis.scale_of(t), {}});
    if (basis.terms() > 1) product.chains.push_back(basis.selector(t));
    for (std::size_t k = 0; k < basis.extents().size(); ++k) {
      product.chains.push_back(
          {factors::Link{squares(state_.comm, basis.factors_of(t)[k], basis.weights()[k])}});
    }
  }
  Vector result(state_.field.size());
  operators::ProductSum(state_.comm, state_.workspace, std::move(products), layout.leading_modes())
      .apply(basis.reciprocals(state_.comm.rank()), result);
  return result;
}

/// Σ values / D over all coordinates. Collective.
double LatentProbes::sum_over_coordinates(std::vector<GridTerm> values) const {
  const auto& layout = state_.hessian->input_layout();
  Vector result = state_.hessian->reciprocals();
  Vector numerators(result.size());
  GridValues(layout.extents(), std::move(values))
      .evaluate(layout.home_begin(state_.comm.rank()), std::ssize(numerators), numerators.data());
  double sum = 0;
  for (std::size_t i = 0; i < result.size(); ++i) sum += numerators[i] * result[i];
  return state_.comm.sum(sum);
}

/// tr(W ∂K) − tr(D⁻¹GᵀW̃ ∂K W̃G). Collective.
double LatentProbes::known_of_rest(const std::vector<ScaledProduct>& rest) const {
  const LatentBasis& basis = *state_.basis;
  std::vector<GridTerm> diagonals, images;
  for (const ScaledProduct& term : rest) {
    GridTerm& diagonal = diagonals.emplace_back(GridTerm{term.scale, {}});
    std::vector<GridTerm> of_terms;
    for (std::size_t t = 0; t < basis.terms(); ++t) {
      of_terms.push_back({-term.scale * basis.scale_of(t), {}});
    }
    for (std::size_t k = 0; k < term.chains.size(); ++k) {
      factors::factorise(state_.comm, factors::to_factorise(term.chains[k]));
      const Vector dense = dense_matrix(term.chains[k]);
      const Vector& w = basis.weights()[k];
      Vector& own = diagonal.lists.emplace_back();
      for (std::size_t i = 0; i < w.size(); ++i) own.push_back(dense[i * w.size() + i]);
      for (std::size_t t = 0; t < basis.terms(); ++t) {
        of_terms[t].lists.push_back(diagonal_of_image(*basis.factors_of(t)[k], w, dense));
      }
    }
    for (std::size_t t = 0; t < basis.terms(); ++t) {
      images.push_back(basis.on_term(t, std::move(of_terms[t])));
    }
  }
  const auto& layout = state_.cells.layout;
  Vector values(state_.field.size());
  GridValues(layout.extents(), std::move(diagonals))
      .evaluate(layout.home_begin(state_.comm.rank()), std::ssize(values), values.data());
  return state_.dot(values, state_.terms.weight) + sum_over_coordinates(std::move(images));
}

LatentProbes::Change LatentProbes::change_of(const std::vector<ScaledProduct>& derivative) const {
  std::vector<ScaledProduct> roots, rest;
  std::vector<GridTerm> images;
  for (const ScaledProduct& term : derivative) {
    if (term.scale == 0) continue;
    if (auto found = root_derivative(state_.comm, *state_.basis, term)) {
      roots.push_back(std::move(found->root));
      images.push_back(std::move(found->image));
    } else {
      rest.push_back(term);
    }
  }
  Change change;
  if (!roots.empty()) {
    change.known += 2 * sum_over_coordinates(std::move(images));
    change.root =
        std::make_unique<operators::ProductSum>(state_.comm, state_.workspace, std::move(roots),
                                                state_.hessian->input_layout().leading_modes());
  }
  if (!rest.empty()) {
    change.known += known_of_rest(rest);
    change.rest = std::make_unique<operators::ProductSum>(
        state_.comm, state_.workspace, std::move(rest), state_.cells.layout.leading_modes());
  }
  return change;
}

LatentProbes::Probe LatentProbes::take(Index number) const {
  const LatentHessian& matrix = *state_.hessian;
  const auto& layout = matrix.input_layout();
  Probe probe;
  Vector residual(static_cast<std::size_t>(layout.home_size(state_.comm.rank())));
  operators::fill_random(operators::RandomKind::uniform, state_.settings.stochastic.seed,
                         probe_stream + static_cast<std::uint64_t>(number),
                         layout.home_begin(state_.comm.rank()), residual);
  for (double& value : residual) value = value < 0.5 ? -1 : 1;
  probe.signs = residual;
  matrix.scale(probe.signs);
  // Conjugate gradients, whose coefficients are the factors of the Lanczos matrix.
  operators::LogQuadrature rule(0, state_.settings.stochastic.tolerance);
  Vector solution(residual.size(), 0.0), direction = residual, image(residual.size());
  const double size = state_.dot(residual, residual);
  double square = size;
  operators::QuadratureEstimate estimate;
  while (probe.steps < state_.settings.stochastic.steps) {
    matrix.apply(direction, image);
    const double alpha = square / state_.dot(direction, image);
    for (std::size_t i = 0; i < residual.size(); ++i) {
      solution[i] += alpha * direction[i];
      residual[i] -= alpha * image[i];
    }
    const double next = state_.dot(residual, residual);
    rule.extend_pivot(1 / alpha);
    rule.couple_ratio(std::sqrt(next / square));
    ++probe.steps;
    estimate = rule.estimate();
    probe.settled = next <= probe_tolerance * probe_tolerance * size;
    if (probe.settled) break;
    for (std::size_t i = 0; i < residual.size(); ++i) {
      direction[i] = residual[i] + next / square * direction[i];
    }
    square = next;
  }
  probe.logarithm = size * estimate.value;
  probe.quadrature_error = size * estimate.error;
  // P⁻¹q = x + P⁻¹r, of which x + r is more, since P is near I.
  for (std::size_t i = 0; i < solution.size(); ++i) solution[i] += residual[i];
  matrix.scale(solution);
  probe.solution = std::move(solution);
  return probe;
}

LatentProbes::Fields LatentProbes::fields_of(Probe probe) const {
  Fields fields{std::move(probe.signs), state_.to_field(probe.solution), {}, {}};
  fields.nearest = state_.to_field(fields.signs);
  fields.leverage.resize(fields.image.size());
  const Vector w = state_.nearest_product();
  for (std::size_t i = 0; i < w.size(); ++i) {
    const double field = fields.nearest[i];
    fields.image[i] *= state_.terms.weight[i];
    fields.nearest[i] *= w[i];
    fields.leverage[i] = (fields.image[i] - fields.nearest[i]) * field;
  }
  return fields;
}

double LatentProbes::trace(const Fields& probe, const Change& change) const {
  double sum = 0;
  Vector image(probe.image.size());
  if (change.root) {
    change.root->apply(probe.signs, image);
    sum += 2 * (state_.dot(image, probe.image) - state_.dot(image, probe.nearest));
  }
  if (change.rest) {
    // W G D^-½ q
    Vector weighted = probe.nearest;
    const Vector w = state_.nearest_product();
    for (std::size_t i = 0; i < w.size(); ++i) weighted[i] *= state_.terms.weight[i] / w[i];
    change.rest->apply(weighted, image);
    sum -= state_.dot(image, probe.image);
    change.rest->apply(probe.nearest, image);
    sum += state_.dot(image, probe.nearest);
  }
  return sum;
}

}  // namespace kronwerk::models
