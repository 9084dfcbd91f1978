// Means, variances and covariances at the points of a new grid.
// See src/MATHEMATICS.md, "Gaussian models".
#include "kronwerk/models/draws/prediction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/factors/dense/dense_values.hpp"
#include "kronwerk/factors/dense/shared_dense.hpp"
#include "models/covariance/basis_panels.hpp"
#include "models/covariance/chains.hpp"
#include "models/covariance/cross_operator.hpp"
#include "models/covariance/grid_values.hpp"
#include "models/covariance/spectral_values.hpp"
#include "models/draws/prediction_state.hpp"
#include "models/ones/core_variance.hpp"
#include "models/ones/ones_product.hpp"
#include "models/ones/update_variance.hpp"

namespace kronwerk::models {

using communication::Communicator;
using factors::Chain;
using factors::FactorPtr;

namespace {

/// G = C V, once per node, by all of its ranks.
FactorPtr times_basis(const Communicator& comm, const factors::Basis& basis, const Chain& matrix) {
  factors::factorise(comm, factors::to_factorise(matrix));
  const Index rows = factors::rows(matrix);
  const Index n = basis.extent;
  return factors::make_shared_dense(
      comm, name_of(matrix) + " times its basis", rows, n, [&](std::span<double> values) {
        BasisPanels panels(basis, matrix);
        for_basis_panels(comm.node(), n, [&](Index first, Index count) {
          panels.load(first, count);
          for (Index row = 0; row < rows; ++row) {
            std::copy_n(panels.images().data() + row * count, count,
                        values.data() + row * n + first);
          }
        });
      });
}

/// G∘H, once per node.
FactorPtr elementwise_product(const Communicator& comm, const FactorPtr& g, const FactorPtr& h) {
  const auto a = factors::dense_values(*g), b = factors::dense_values(*h);
  return factors::make_shared_dense(
      comm, g->name() + ", squared", g->rows(), g->cols(), [&](std::span<double> values) {
        const distribution::BlockPartition part(std::ssize(a), comm.node().size());
        const int rank = comm.node().rank();
        for (Index entry = part.begin(rank); entry < part.end(rank); ++entry) {
          const auto i = static_cast<std::size_t>(entry);
          values[i] = a[i] * b[i];
        }
      });
}

/// G of a matrix of ones, 1 (Vᵀ1)ᵀ.
FactorPtr ones_times_basis(const factors::Basis& basis, const Chain& ones) {
  const std::vector<double> left(static_cast<std::size_t>(factors::rows(ones)), 1.0);
  const std::vector<double> right(static_cast<std::size_t>(basis.extent), 1.0);
  return factors::make_rank_one(name_of(ones) + " times its basis", left,
                                image_of(basis.to_basis, right));
}

void check_mode(const NewPoints& points, const Chain& data, std::size_t mode, Index extent) {
  const auto fail = [&](const std::string& what, Index rows, Index cols) {
    throw core::ShapeError(
        fmt::format("mode {}: the {} is {} x {}; {} new points and {} of the data were expected",
                    mode + 1, what, rows, cols, extent, factors::cols(data)));
  };
  if (points.cross && (factors::rows(*points.cross) != extent ||
                       factors::cols(*points.cross) != factors::cols(data))) {
    fail("covariance of new points and data '" + name_of(*points.cross) + "'",
         factors::rows(*points.cross), factors::cols(*points.cross));
  }
  if (points.prior &&
      (factors::rows(*points.prior) != extent || factors::cols(*points.prior) != extent)) {
    fail("covariance of the new points '" + name_of(*points.prior) + "'",
         factors::rows(*points.prior), factors::cols(*points.prior));
  }
  if (!points.prior_diagonal.empty() && std::ssize(points.prior_diagonal) != extent) {
    fail("list of the new points' variances", std::ssize(points.prior_diagonal), 1);
  }
}

bool has_inverses(const Covariance& covariance) {
  return !covariance.terms().inverses.empty();
}

void check_stays(const PredictionGrid& grid, std::size_t modes) {
  for (std::size_t mode = 0; mode < modes; ++mode) {
    if (!grid.has_new_points(mode)) continue;
    throw core::ConfigurationError(fmt::format(
        "mode {} has new points, but the covariance has the inverse of a sum, which is known at "
        "the cells of the grid only; give the observations these cells, as missing ones",
        mode + 1));
  }
}

/// The new grid's extents.
Extents check_grid(const Covariance& covariance, const PredictionGrid& grid) {
  const auto& signal = covariance.terms().signal;
  if (has_inverses(covariance)) {
    check_stays(grid, covariance.extents().size());
    return covariance.extents();
  }
  if (grid.terms.size() != signal.size() || signal.empty()) {
    throw core::ShapeError(fmt::format("new points for {} terms of a covariance with {}",
                                       grid.terms.size(), signal.size()));
  }
  Extents extents;
  for (std::size_t t = 0; t < signal.size(); ++t) {
    if (grid.terms[t].size() != covariance.extents().size()) {
      throw core::ShapeError(fmt::format("new points for {} modes of a covariance with {}",
                                         grid.terms[t].size(), covariance.extents().size()));
    }
    for (std::size_t mode = 0; mode < grid.terms[t].size(); ++mode) {
      const NewPoints& points = grid.terms[t][mode];
      if (t == 0) {
        extents.push_back(points.cross ? factors::rows(*points.cross) : covariance.extents()[mode]);
      }
      if (!points.cross && (points.prior || extents[mode] != covariance.extents()[mode])) {
        throw core::ShapeError(fmt::format(
            "mode {} has new points in some terms only, or no covariance of them with the data",
            mode + 1));
      }
      check_mode(points, signal[t].chains[mode], mode, extents[mode]);
    }
  }
  return extents;
}

std::vector<double> prior_diagonal(const NewPoints& points, const Chain& data) {
  if (!points.prior_diagonal.empty()) return points.prior_diagonal;
  if (points.cross && !points.prior) return {};
  const Chain matrix = without_identities(points.cross ? *points.prior : data);
  if (is_diagonal(matrix)) return diagonal_of(matrix);
  if (matrix.size() == 1 && !matrix[0].inverse) return matrix[0].factor->diagonal();
  const Index n = factors::rows(matrix);
  const std::vector<double> dense = dense_matrix(matrix);
  std::vector<double> result;
  for (Index i = 0; i < n; ++i) result.push_back(dense[static_cast<std::size_t>(i * (n + 1))]);
  return result;
}

std::vector<Chain> with_batch(std::vector<Chain> chains, Index batch) {
  if (batch > 1) chains.insert(chains.begin(), identity_chain(batch));
  return chains;
}

/// x := values∘x for home blocks of the covariance's layout(batch). Local.
void multiply(const Covariance& covariance, const GridValues& values, Index batch,
              std::span<double> x) {
  values.for_runs(covariance.layout(batch).home_begin(covariance.comm().rank()), std::ssize(x),
                  [&](const double* run, Index offset, Index count) {
                    double* place = x.data() + offset;
                    for (Index i = 0; i < count; ++i) place[i] *= run[i];
                  });
}

std::vector<Chain> to_chains(const std::vector<FactorPtr>& factors) {
  std::vector<Chain> result;
  for (const FactorPtr& factor : factors) result.push_back({factors::Link{factor}});
  return result;
}

}  // namespace

bool PredictionGrid::has_new_points(std::size_t mode) const {
  return std::ranges::any_of(
      terms, [&](const auto& term) { return mode < term.size() && term[mode].cross.has_value(); });
}

bool PredictionGrid::has_new_points() const {
  const std::size_t modes = terms.empty() ? 0 : terms.front().size();
  for (std::size_t mode = 0; mode < modes; ++mode) {
    if (has_new_points(mode)) return true;
  }
  return false;
}

Prediction::Prediction(const Covariance& covariance, PredictionGrid grid)
    : covariance_(&covariance), grid_(std::move(grid)), state_(std::make_unique<State>()) {
  const Communicator& comm = covariance.comm();
  communication::collectively(comm, [&] { extents_ = check_grid(covariance, grid_); });
  if (has_inverses(covariance)) {
    grid_.terms.assign(covariance.terms().signal.size(), std::vector<NewPoints>(extents_.size()));
    for (std::size_t mode = 0; mode < extents_.size(); ++mode) {
      const FactorPtr vectors =
          times_basis(comm, *covariance.matrix_bases()[mode], identity_chain(extents_[mode]));
      state_->squared_bases.push_back(elementwise_product(comm, vectors, vectors));
    }
    return;
  }
  const auto& signal = covariance.terms().signal;
  for (std::size_t t = 0; t < signal.size(); ++t) {
    auto& cross = state_->cross.emplace_back();
    auto& projected = state_->projected.emplace_back();
    auto& diagonals = state_->prior_diagonals.emplace_back();
    const auto beside_others = covariance.update() != nullptr ? ones_of(covariance, signal[t])
                                                              : std::vector<bool>(extents_.size());
    for (std::size_t mode = 0; mode < extents_.size(); ++mode) {
      const NewPoints& points = grid_.terms[t][mode];
      const Chain& data = signal[t].chains[mode];
      cross.push_back(points.cross.value_or(data));
      const bool ones = (covariance.core() != nullptr && is_ones(data)) || beside_others[mode];
      if (ones && !is_ones(cross.back())) {
        throw core::ConfigurationError(
            fmt::format("mode {}: the covariance of new points with the data is '{}', that of the "
                        "data ones(n); "
                        "ones at new points are ones as well",
                        mode + 1, name_of(cross.back())));
      }
      projected.push_back(
          ones ? ones_times_basis(*covariance.spectrum().bases[mode], cross.back())
               : times_basis(comm, *covariance.spectrum().bases[mode], cross.back()));
      if (points.prior) factors::factorise(comm, factors::to_factorise(*points.prior));
      communication::collectively(comm, [&] { diagonals.push_back(prior_diagonal(points, data)); });
    }
  }
}

Prediction::~Prediction() = default;
Prediction::Prediction(Prediction&&) noexcept = default;

Layout Prediction::layout(Index batch) const {
  Extents grid = extents_;
  if (batch > 1) grid.insert(grid.begin(), batch);
  return {std::move(grid), covariance_->layout(batch).leading_modes(), covariance_->comm().size()};
}

OperatorPtr Prediction::cross(Index batch) const {
  std::vector<ScaledProduct> terms;
  for (std::size_t t = 0; t < state_->cross.size(); ++t) {
    terms.push_back({covariance_->terms().signal[t].scale, state_->cross[t]});
  }
  return cross_operator(*covariance_, terms, batch);
}

void Prediction::add_mean(Index observations, std::span<const double> weights,
                          std::span<double> mean) const {
  if (has_inverses(*covariance_)) {
    // C α = U f α̃ with the values f of the field's own covariance.
    std::vector<double> scaled(weights.begin(), weights.end());
    multiply(*covariance_, field_values(*covariance_), observations, scaled);
    return covariance_->from_matrix_basis(observations)->apply(scaled, mean, true);
  }
  std::vector<ScaledProduct> terms;
  for (std::size_t t = 0; t < state_->projected.size(); ++t) {
    terms.push_back({covariance_->terms().signal[t].scale,
                     with_batch(to_chains(state_->projected[t]), observations)});
  }
  const operators::ProductSum product(covariance_->comm(), covariance_->workspace(),
                                      std::move(terms),
                                      covariance_->layout(observations).leading_modes());
  product.apply(weights, mean, true);
}

/// diag(U diag(values) Uᵀ), U of matrix_bases(). Collective.
void Prediction::add_diagonal(std::vector<double> values, std::span<double> variance) const {
  const operators::ProductSum product(covariance_->comm(), covariance_->workspace(),
                                      {{1, to_chains(state_->squared_bases)}},
                                      covariance_->layout().leading_modes());
  product.apply(values, variance);
}

void Prediction::prior_variance(std::span<double> variance) const {
  if (has_inverses(*covariance_)) {
    std::vector<double> values(variance.size(), 1.0);
    multiply(*covariance_, field_values(*covariance_), 1, values);
    return add_diagonal(std::move(values), variance);
  }
  std::vector<GridTerm> terms;
  for (std::size_t t = 0; t < grid_.terms.size(); ++t) {
    GridTerm& term = terms.emplace_back(GridTerm{covariance_->terms().signal[t].scale, {}});
    for (std::size_t mode = 0; mode < extents_.size(); ++mode) {
      term.lists.push_back(state_->prior_diagonals[t][mode]);
      if (!term.lists.back().empty() || extents_[mode] == 0) continue;
      throw core::ConfigurationError(fmt::format(
          "mode {}: a variance at new points takes their own variances beside their covariance "
          "with the data",
          mode + 1));
    }
  }
  const int rank = covariance_->comm().rank();
  GridValues(extents_, std::move(terms))
      .evaluate(layout().home_begin(rank), std::ssize(variance), variance.data());
}

void Prediction::variance(std::span<double> variance) const {
  const Communicator& comm = covariance_->comm();
  if (has_inverses(*covariance_)) {
    // f − f²/e, of the field's values f: e − f is that of the noise.
    std::vector<double> values(variance.size(), 1.0);
    multiply(*covariance_, field_values(*covariance_), 1, values);
    multiply(*covariance_, noise_values(*covariance_), 1, values);
    covariance_->divide(1, values);
    return add_diagonal(std::move(values), variance);
  }
  const Layout data = covariance_->layout();
  std::vector<double> reciprocals(static_cast<std::size_t>(data.home_size(comm.rank())));
  communication::collectively(comm, [&] {
    if (std::ssize(variance) != layout().home_size(comm.rank())) {
      throw core::ShapeError(
          fmt::format("variances over the grid {} were given room for {} values; this rank owns {}",
                      core::to_text(extents_), variance.size(), layout().home_size(comm.rank())));
    }
    prior_variance(variance);
    if (covariance_->core() != nullptr) return;
    spectral_values(*covariance_)
        .evaluate(data.home_begin(comm.rank()), std::ssize(reciprocals), reciprocals.data());
    for (double& value : reciprocals) value = 1 / value;
  });
  if (covariance_->core() != nullptr) {
    subtract_explained(*covariance_, state_->projected, layout(), variance);
    for (double& value : variance) value = std::max(value, 0.0);
    return;
  }
  std::vector<ScaledProduct> terms;
  const auto& signal = covariance_->terms().signal;
  const auto has_ones = [&](std::size_t t) {
    return covariance_->update() != nullptr &&
           std::ranges::count(ones_of(*covariance_, signal[t]), true) > 0;
  };
  for (std::size_t t = 0; t < signal.size(); ++t) {
    if (has_ones(t)) continue;
    for (std::size_t u = 0; u <= t; ++u) {
      if (has_ones(u)) continue;
      ScaledProduct& term = terms.emplace_back();
      term.scale = -signal[t].scale * signal[u].scale * (t == u ? 1 : 2);
      for (std::size_t mode = 0; mode < extents_.size(); ++mode) {
        term.chains.push_back({factors::Link{
            elementwise_product(comm, state_->projected[t][mode], state_->projected[u][mode])}});
      }
    }
  }
  if (!terms.empty()) {
    const operators::ProductSum product(comm, covariance_->workspace(), std::move(terms),
                                        data.leading_modes());
    product.apply(reciprocals, variance, true);
  }
  if (covariance_->update() != nullptr) {
    add_left_by_ones(*covariance_, state_->projected, layout(), variance);
  }
  // Where nothing is left of the prior variance, rounding may have left less.
  for (double& value : variance) value = std::max(value, 0.0);
}

void Prediction::add_noise(std::span<double> variance) const {
  const auto& noise = covariance_->terms().noise;
  if (!noise) return;
  GridTerm term{noise->scale, {}};
  for (std::size_t mode = 0; mode < extents_.size(); ++mode) {
    const Chain& chain = noise->chains[mode];
    const bool identity = factors::is_identity(chain);
    term.lists.push_back(identity ? std::vector<double>{} : diagonal_of(chain));
    if (identity || !grid_.has_new_points(mode)) continue;
    throw core::ConfigurationError(fmt::format(
        "mode {}: the noise '{}' is known at the points of the data only, so that it cannot be "
        "added at new ones",
        mode + 1, name_of(chain)));
  }
  const GridValues values(extents_, {std::move(term)});
  values.for_runs(layout().home_begin(covariance_->comm().rank()), std::ssize(variance),
                  [&](const double* v, Index offset, Index count) {
                    for (Index i = 0; i < count; ++i) {
                      variance[static_cast<std::size_t>(offset + i)] += v[i];
                    }
                  });
}

FactoredCovariance Prediction::covariance() const {
  const Communicator& comm = covariance_->comm();
  if (has_inverses(*covariance_)) {
    throw core::ConfigurationError(
        "the covariance between new points has no factors where the field's has the inverse of a "
        "sum; leave 'factored_covariance' out, and ask for 'variance' or 'draws'");
  }
  if (!covariance_->diagonal()) {
    throw core::ConfigurationError(
        "the covariance between new points has no factors where the field's has terms with "
        "ones(n); "
        "leave 'factored_covariance' out, and ask for 'variance' or 'draws'");
  }
  FactoredCovariance result;
  for (std::size_t t = 0; t < grid_.terms.size(); ++t) {
    auto& term = result.terms.emplace_back();
    term.scale = covariance_->terms().signal[t].scale;
    term.projected = state_->projected[t];
    for (std::size_t mode = 0; mode < extents_.size(); ++mode) {
      const NewPoints& points = grid_.terms[t][mode];
      if (points.cross && !points.prior) {
        throw core::ConfigurationError(fmt::format(
            "mode {}: the covariance between new points takes their own covariance matrix beside "
            "the one with the data",
            mode + 1));
      }
      const Chain& chain =
          points.cross ? *points.prior : covariance_->terms().signal[t].chains[mode];
      term.prior.push_back(factors::materialise(comm, name_of(chain), chain));
    }
  }
  for (GridTerm& values : real_terms(covariance_->spectrum().terms)) {
    result.spectrum.push_back({values.coefficient, std::move(values.lists)});
  }
  return result;
}

}  // namespace kronwerk::models
