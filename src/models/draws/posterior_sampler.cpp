// Declared in kronwerk/models/draws/prediction.hpp.
// Joint draws at new points by Matheron's rule.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/factors/dense/dense_values.hpp"
#include "kronwerk/factors/dense/shared_dense.hpp"
#include "kronwerk/models/covariance/square_root.hpp"
#include "kronwerk/models/draws/prediction.hpp"
#include "models/covariance/chains.hpp"
#include "models/draws/field_draws.hpp"
#include "models/draws/prediction_state.hpp"

namespace kronwerk::models {

using communication::Communicator;
using factors::Chain;
using factors::FactorPtr;

namespace {

/// [data crossᵀ; cross prior], once per node.
Chain joint_matrix(const Communicator& comm, const Chain& data, const Chain& cross,
                   const Chain& prior) {
  for (const Chain* chain : {&data, &cross, &prior}) {
    factors::factorise(comm, factors::to_factorise(*chain));
  }
  const Index n = factors::rows(data);
  const Index fresh = factors::rows(prior);
  const Index size = n + fresh;
  const auto fill = [&](std::span<double> all) {
    if (!comm.node().is_root()) return;
    double* values = all.data();
    const auto a = dense_matrix(data), c = dense_matrix(cross), p = dense_matrix(prior);
    for (Index i = 0; i < n; ++i) std::copy_n(a.data() + i * n, n, values + i * size);
    for (Index i = 0; i < fresh; ++i) {
      double* row = values + (n + i) * size;
      std::copy_n(c.data() + i * n, n, row);
      std::copy_n(p.data() + i * fresh, fresh, row + n);
      for (Index j = 0; j < n; ++j) {
        values[j * size + n + i] = c[static_cast<std::size_t>(i * n + j)];
      }
    }
  };
  return {factors::Link{factors::make_shared_dense(
      comm, name_of(data) + " at the points of the data and the new ones together", size, size,
      fill)}};
}

/// Rows [begin, end) of a dense factor, once per node.
Chain rows_of(const Communicator& comm, const FactorPtr& factor, Index begin, Index end) {
  const Index rows = end - begin, cols = factor->cols();
  const auto fill = [&](std::span<double> values) {
    if (!comm.node().is_root()) return;
    std::copy_n(factors::dense_values(*factor).data() + begin * cols, rows * cols, values.data());
  };
  return {factors::Link{factors::make_shared_dense(comm, factor->name(), rows, cols, fill)}};
}

}  // namespace

PosteriorSampler::PosteriorSampler(const Prediction& prediction) : prediction_(&prediction) {
  const Covariance& covariance = *prediction.covariance_;
  const Communicator& comm = covariance.comm();
  const auto& signal = covariance.terms().signal;
  std::vector<Chain> matrices;
  for (std::size_t t = 0; t < signal.size(); ++t) {
    for (std::size_t mode = 0; mode < signal[t].chains.size(); ++mode) {
      const NewPoints& points = prediction.grid_.terms[t][mode];
      const Chain& data = signal[t].chains[mode];
      if (points.cross && !points.prior) {
        throw core::ConfigurationError(
            fmt::format("mode {}: draws at new points take their own covariance matrix beside the "
                        "one with the data",
                        mode + 1));
      }
      // Ones are ones at all points.
      const bool joint = points.cross && !is_ones(data);
      matrices.push_back(joint ? joint_matrix(comm, data, *points.cross, *points.prior) : data);
    }
  }
  const auto roots = square_roots(comm, matrices);
  std::size_t next = 0;
  for (std::size_t t = 0; t < signal.size(); ++t) {
    auto& at_data = at_data_.emplace_back();
    auto& at_new = at_new_.emplace_back();
    for (std::size_t mode = 0; mode < signal[t].chains.size(); ++mode, ++next) {
      if (!prediction.grid_.terms[t][mode].cross) {
        at_data.push_back(roots[next]);
        at_new.push_back(roots[next]);
        continue;
      }
      if (is_ones(signal[t].chains[mode])) {
        at_data.push_back(roots[next]);
        at_new.push_back({factors::Link{factors::make_ones(prediction.extents()[mode], 1)}});
        continue;
      }
      const FactorPtr& root = roots[next].front().factor;
      const Index n = covariance.extents()[mode];
      at_data.push_back(rows_of(comm, root, 0, n));
      at_new.push_back(rows_of(comm, root, n, root->rows()));
    }
  }
}

void PosteriorSampler::prior(std::uint64_t seed, Index first, Index count, std::span<double> noisy,
                             std::span<double> field, bool with_noise) const {
  const Covariance& covariance = *prediction_->covariance_;
  const auto& terms = covariance.terms();
  const Layout data = covariance.layout(count);
  const Layout fresh = prediction_->layout(count);
  const int rank = covariance.comm().rank();
  communication::collectively(covariance.comm(), [&] {
    if (std::ssize(noisy) == data.home_size(rank) && std::ssize(field) == fresh.home_size(rank)) {
      return;
    }
    throw core::ShapeError(fmt::format(
        "{} draws at the data's and at new points were given room for {} and {} values; this rank "
        "owns {} and {}",
        count, noisy.size(), field.size(), data.home_size(rank), fresh.home_size(rank)));
  });
  const DrawStreams streams{seed, first, count,
                            std::ssize(terms.signal) + std::ssize(terms.inverses) + 1};
  std::ranges::fill(noisy, 0.0);
  Index part = 0;
  for (const ScaledProduct& term : terms.signal) {
    add_field(covariance.comm(), covariance.workspace(), std::sqrt(term.scale),
              at_data_[static_cast<std::size_t>(part)], data.leading_modes(), streams, part, noisy);
    ++part;
  }
  for (std::size_t j = 0; j < terms.inverses.size(); ++j) {
    if (terms.inverses[j].scale == 0) continue;
    add_field(covariance.root_of_inverse(j, count, data.leading_modes()), covariance.size(),
              streams, part, noisy);
    ++part;
  }
  if (!prediction_->grid_.has_new_points()) {
    std::ranges::copy(noisy, field.begin());
  } else {
    std::ranges::fill(field, 0.0);
    for (std::size_t t = 0; t < terms.signal.size(); ++t) {
      add_field(covariance.comm(), covariance.workspace(), std::sqrt(terms.signal[t].scale),
                at_new_[t], fresh.leading_modes(), streams, static_cast<Index>(t), field);
    }
  }
  if (terms.noise && with_noise) {
    add_noise(*terms.noise, covariance.extents(), streams, part, data.home_begin(rank), noisy);
  }
}

void PosteriorSampler::deviations(std::uint64_t seed, Index first, Index count,
                                  std::span<double> values) const {
  const Covariance& covariance = *prediction_->covariance_;
  const auto size =
      static_cast<std::size_t>(covariance.layout(count).home_size(covariance.comm().rank()));
  std::vector<double> noisy(size), weights(size);
  prior(seed, first, count, noisy, values);
  covariance.to_basis(count)->apply(noisy, weights);
  covariance.divide(count, weights);
  for (double& weight : weights) weight = -weight;
  prediction_->add_mean(count, weights, values);
}

}  // namespace kronwerk::models
