#include "models/laplace/latent_probes.hpp"

#include <cblas.h>

#include <cmath>

#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/factors/dense/dense_values.hpp"
#include "kronwerk/factors/dense/shared_dense.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "models/covariance/chains.hpp"
#include "operators/krylov/log_quadrature.hpp"

namespace kronwerk::models {

using factors::FactorPtr;

namespace {

// Probes of derivatives are of streams of their own.
constexpr std::uint64_t probe_stream = 0x6c61706c616365;
// Residuals of their systems, far below what the estimates vary by. That of a logarithm counts
// squared.
constexpr double probe_tolerance = 1e-5;
constexpr double logarithm_tolerance = 1e-3;
constexpr std::uint64_t logarithm_stream = 0x6c6f6761726974;

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

double LatentProbes::nearest_trace(const std::vector<ScaledProduct>& derivative) const {
  const LatentBasis& basis = *state_.basis;
  const std::size_t modes = basis.extents().size();
  const int rank = state_.comm.rank();
  const distribution::BlockPartition part(core::product(basis.extents()), state_.comm.size());
  double sum = 0;
  for (const ScaledProduct& term : derivative) {
    // tr(W̃ ∂K), on one rank.
    double whole = term.scale;
    std::vector<Vector> dense(modes);
    for (std::size_t k = 0; k < modes; ++k) {
      factors::factorise(state_.comm, factors::to_factorise(term.chains[k]));
      dense[k] = dense_matrix(term.chains[k]);
      const Vector& w = basis.weights()[k];
      double trace = 0;
      for (std::size_t i = 0; i < w.size(); ++i) trace += w[i] * dense[k][i * w.size() + i];
      whole *= trace;
    }
    if (rank == 0) sum += whole;
    // − tr(D⁻¹ GᵀW̃ ∂K W̃G), a part of the coordinates on every rank.
    for (std::size_t t = 0; t < basis.terms(); ++t) {
      GridTerm images{term.scale * basis.scale_of(t), {}};
      for (std::size_t k = 0; k < modes; ++k) {
        images.lists.push_back(
            diagonal_of_image(*basis.factors_of(t)[k], basis.weights()[k], dense[k]));
      }
      const GridValues numerators(basis.extents(), {images});
      Vector values(static_cast<std::size_t>(part.count(rank)));
      Vector spectrum(values.size());
      const Index first = part.begin(rank);
      numerators.evaluate(first, std::ssize(values), values.data());
      basis.spectrum().evaluate(static_cast<Index>(t) * part.size() + first, std::ssize(values),
                                spectrum.data());
      for (std::size_t i = 0; i < values.size(); ++i) sum -= values[i] / (1 + spectrum[i]);
    }
  }
  return state_.comm.sum(sum);
}

LatentProbes::Probe LatentProbes::take(Index number) const {
  const auto& layout = state_.cells.layout;
  Probe probe;
  probe.values.resize(state_.field.size());
  operators::fill_random(operators::RandomKind::uniform, state_.settings.stochastic.seed,
                         probe_stream + static_cast<std::uint64_t>(number),
                         layout.home_begin(state_.comm.rank()), probe.values);
  for (double& value : probe.values) value = value < 0.5 ? -1 : 1;
  const Vector w = state_.nearest_product();
  const Vector full = state_.to_field(
      state_.solve(state_.to_coordinates(state_.weighted(probe.values)), probe_tolerance));
  Vector weighted = probe.values;
  for (std::size_t i = 0; i < w.size(); ++i) weighted[i] *= w[i];
  Vector inner = state_.to_coordinates(weighted);
  const Vector reciprocals = state_.basis->reciprocals(state_.comm.rank());
  for (std::size_t i = 0; i < inner.size(); ++i) inner[i] *= reciprocals[i];
  const Vector nearest = state_.to_field(inner);
  probe.leverage.resize(w.size());
  probe.reduced.resize(w.size());
  for (std::size_t i = 0; i < w.size(); ++i) {
    const double z = probe.values[i];
    probe.leverage[i] = z * (full[i] - nearest[i]);
    probe.reduced[i] = state_.terms.weight[i] * (z - full[i]) - w[i] * (z - nearest[i]);
  }
  return probe;
}

double LatentProbes::trace(const Probe& probe, const std::vector<ScaledProduct>& derivative) const {
  if (derivative.empty()) return 0;
  const operators::ProductSum change(state_.comm, state_.workspace, derivative,
                                     state_.cells.layout.leading_modes());
  Vector image(probe.values.size());
  change.apply(probe.values, image);
  return state_.dot(image, probe.reduced);
}

LatentProbes::Logarithm LatentProbes::logarithm(Index number) const {
  const LatentHessian& matrix = *state_.hessian;
  const auto& layout = matrix.input_layout();
  Logarithm probe;
  Vector residual(static_cast<std::size_t>(layout.home_size(state_.comm.rank())));
  operators::fill_random(operators::RandomKind::uniform, state_.settings.stochastic.seed,
                         logarithm_stream + static_cast<std::uint64_t>(number),
                         layout.home_begin(state_.comm.rank()), residual);
  for (double& value : residual) value = value < 0.5 ? -1 : 1;
  // Conjugate gradients, whose coefficients are the factors of the Lanczos matrix.
  operators::LogQuadrature rule(0, state_.settings.stochastic.tolerance);
  Vector direction = residual, image(residual.size());
  const double size = state_.dot(residual, residual);
  double square = size;
  operators::QuadratureEstimate estimate;
  while (probe.steps < state_.settings.stochastic.steps) {
    matrix.apply(direction, image);
    const double alpha = square / state_.dot(direction, image);
    for (std::size_t i = 0; i < residual.size(); ++i) {
      residual[i] -= alpha * image[i];
    }
    const double next = state_.dot(residual, residual);
    rule.extend_pivot(1 / alpha);
    rule.couple_ratio(std::sqrt(next / square));
    ++probe.steps;
    estimate = rule.estimate();
    // The quadrature's error falls with the square of the residual.
    probe.settled = next <= logarithm_tolerance * logarithm_tolerance * size;
    if (probe.settled) break;
    for (std::size_t i = 0; i < residual.size(); ++i) {
      direction[i] = residual[i] + next / square * direction[i];
    }
    square = next;
  }
  probe.value = size * estimate.value;
  probe.quadrature_error = size * estimate.error;
  return probe;
}

}  // namespace kronwerk::models
