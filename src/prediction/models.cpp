// See src/MATHEMATICS.md, "Predicted times".
#include "kronwerk/prediction/models.hpp"

#include <algorithm>
#include <numeric>

#include "kronwerk/prediction/solves.hpp"

namespace kronwerk::prediction {
namespace {

// Operations a second of the sparse factorisations by which moments of a spectrum are found: as the
// choice between them and eigenvalues assumes.
constexpr double moment_rate = 1.5e9;
/// Bytes per value of a pass that reads two vectors and writes one.
constexpr double pass = 24;

std::vector<PricedMode> dense_modes(const std::vector<Index>& extents, Index batch) {
  std::vector<PricedMode> modes;
  if (batch > 1) modes.push_back({batch, batch, {}});
  for (const Index n : extents) {
    const auto extent = static_cast<double>(n);
    PricedMode mode{n, n, {}};
    if (n > 1) mode.actions.push_back({Action::dense, 2 * extent * extent});
    modes.push_back(std::move(mode));
  }
  return modes;
}

/// The derivatives by a kernel's parameters: α̃ along its mode by a Gram matrix, or the matrix
/// applied to it, whichever has fewer flops, as models::DensityGradient decides.
Cost price_derivatives(const Pricing& pricing, const KernelWork& kernel, double values,
                       double all) {
  const auto& ranks = pricing.ranks();
  const double n = kernel.extent;
  const double cube = n * n * n;
  Cost cost;
  for (const double each : kernel.derivatives) cost += pricing.pairs(n * n / ranks.per_node, each);
  const auto count = static_cast<double>(kernel.derivatives.size());
  if (count == 0) return cost;
  if (2 * cube <= 5 * all * n) {
    cost += count * pricing.dgemm(3 * cube / ranks.per_node, n);
    cost += pricing.dgemm(values * n, n) + pricing.stream(pass * values);
    cost += count * pricing.reduction_of(8 * n * n);
  } else {
    const auto extent = static_cast<Index>(n);
    const PricedMode mode{extent, extent, {{Action::dense, 2 * n * n}}};
    cost += count * (3 * pricing.along_mode(mode, values, false) +
                     pricing.dgemm(2 * cube / ranks.count, n));
  }
  return cost;
}

double points_of(const std::vector<Index>& extents) {
  return std::accumulate(extents.begin(), extents.end(), 1.0,
                         [](double all, Index n) { return all * static_cast<double>(n); });
}

}  // namespace

std::vector<Stage> price_density(const Pricing& pricing, const DensityWork& work) {
  const auto& ranks = pricing.ranks();
  const double all = points_of(work.extents) * static_cast<double>(work.observations);
  const double values = all / ranks.count;
  Cost factorise;
  std::vector<double> extents;
  for (const KernelWork& kernel : work.kernels) {
    factorise += pricing.pairs(kernel.extent * kernel.extent / ranks.per_node, kernel.cost);
    extents.push_back(kernel.extent);
  }
  factorise += pricing.eigenproblems(extents, true);
  // The sum of logarithms, the smallest and the largest eigenvalue.
  factorise += pricing.pairs(values, 1) + pricing.stream(16 * values) + pricing.reductions(4);

  const auto modes = dense_modes(work.extents, work.observations);
  const Application product = price_product(pricing, modes);
  // Into the basis; out of it and back by the covariance, for the judge.
  Cost evaluate = 3 * product.cost + pricing.stream(3 * pass * values) + pricing.reductions(6);
  for (const KernelWork& kernel : work.kernels) {
    evaluate += price_derivatives(pricing, kernel, values, all);
    // Of the traces: a quotient per cell and parameter.
    evaluate += pricing.stream(pass * values * static_cast<double>(kernel.derivatives.size()));
  }
  evaluate += pricing.stream(2 * pass * values * work.scales);
  const Cost first = pricing.touch(5 * 8 * values) + pricing.touch_shared(product.away_bytes);

  const Frame frame{work.datasets, 0, 8};
  std::vector<Stage> stages = price_beginning(pricing, {});
  stages.pop_back();  // metadata are read as a part of the loading
  stages.push_back(price_load(pricing, frame));
  stages.push_back({"factorise", factorise});
  stages.push_back({"read", pricing.read(work.input_bytes) + pricing.checks(values) +
                                pricing.inspect(1) + pricing.touch_again(8 * values)});
  stages.push_back({"evaluate", evaluate, {}, first});
  stages.push_back(price_write(pricing, frame));
  return stages;
}

std::vector<Stage> price_flow_fit(const Pricing& pricing, const FlowFitWork& work) {
  const auto& ranks = pricing.ranks();
  const double all = work.lags.points();
  const double values = all / ranks.count;
  const auto grids = static_cast<double>(work.grids);
  const auto lags = static_cast<double>(work.lags.terms.size());

  Cost moments;
  for (std::size_t mode = 0; mode < work.lags.modes.size(); ++mode) {
    const bool last = mode + 1 == work.lags.modes.size();
    for (std::size_t m = 0; m < work.lags.modes[mode].size(); ++m) {
      // Origins' matrices once, destinations' once for each term.
      const auto uses =
          static_cast<double>(std::ranges::count_if(work.lags.terms, [&](const auto& term) {
            return term.matrices[mode] == static_cast<int>(m);
          }));
      moments += (last ? uses : 1.0) * pricing.along_mode(work.lags.modes[mode][m], values, last);
    }
  }
  const double products = lags * (lags + 1) / 2 + lags * lags * work.columns;
  moments += pricing.cached(16 * values * products) + pricing.reductions(2);
  if (ranks.count > 1) {
    // Rows of origins that neighbours need, where their matrix is sparse.
    const auto width = static_cast<double>(work.lags.modes.back().front().cols);
    const double sent = work.lags.needs
                            ? width * static_cast<double>(work.lags.needs(ranks.count).rows_given)
                            : values;
    moments += pricing.neighbour_exchange(8 * sent);
  }

  Cost determinant = pricing.eigenproblems(work.decomposed, false);
  if (work.moment_flops > 0) {
    determinant.fixed +=
        work.moment_flops / moment_rate / std::min<double>(ranks.count, work.moment_factorisations);
  }
  Cost expectation = pricing.touch_again(5 * 8 * values) + pricing.stream(4 * pass * values);
  const Application filter = price_sum(pricing, work.lags, 1, true);
  expectation += filter.cost;
  if (work.spectral) {
    const SpectralWork spectral{work.decomposed, work.to_basis};
    expectation += pricing.eigenproblems(work.decomposed, true) +
                   price_spectral_application(pricing, spectral).cost;
  } else {
    expectation += work.iterations *
                   (price_sum(pricing, work.iteration, 1).cost + pricing.stream(5 * pass * values));
  }

  const Frame frame{work.datasets, work.matrix_bytes, 3 * 8 * all};
  std::vector<Stage> stages = price_beginning(pricing, {});
  stages.pop_back();
  stages.push_back(price_load(pricing, frame));
  stages.push_back({"read", grids * (pricing.read(8 * all) + pricing.checks(values)) +
                                pricing.touch_again(8 * values)});
  stages.push_back({"moments", grids * moments});
  stages.push_back({"determinant", determinant});
  stages.push_back({"fit", {}, pricing.pairs(work.pairs / ranks.count, 1) + pricing.reductions(2)});
  stages.push_back({"expectation", expectation, {}, pricing.touch_shared(filter.away_bytes)});
  stages.push_back(price_write(pricing, frame));
  return stages;
}

}  // namespace kronwerk::prediction
