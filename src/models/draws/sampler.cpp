#include "kronwerk/models/draws/sampler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kronwerk/models/covariance/square_root.hpp"
#include "models/covariance/covariance_terms.hpp"
#include "models/density/mean.hpp"
#include "models/draws/field_draws.hpp"

namespace kronwerk::models {

namespace {

/// The inverses of sums that are not zero, each as a covariance by itself: they need no coordinates
/// in common. Collective.
std::vector<Covariance> separate_inverses(const communication::Communicator& comm,
                                          const std::shared_ptr<Workspace>& workspace,
                                          const CovarianceTerms& terms) {
  std::vector<Covariance> result;
  BasisCache cache;
  for (const InverseOfSum& inverse : terms.inverses) {
    if (inverse.scale == 0) continue;
    CovarianceTerms alone;
    alone.inverses.push_back(inverse);
    result.emplace_back(comm, workspace, std::move(alone), cache);
  }
  return result;
}

}  // namespace

Sampler::Sampler(const communication::Communicator& comm, std::shared_ptr<Workspace> workspace,
                 CovarianceTerms terms, std::vector<MeanColumn> mean)
    : comm_(&comm),
      workspace_(std::move(workspace)),
      terms_(std::move(terms)),
      mean_(std::move(mean)) {
  communication::collectively(comm, [&] {
    extents_ = check_terms(terms_);
    check_columns(extents_, mean_);
    const auto without =
        std::ranges::find_if(mean_, [](const MeanColumn& column) { return !column.coefficient; });
    if (without == mean_.end()) return;
    throw core::ConfigurationError(
        fmt::format("column {} of the mean has no coefficient; a draw needs one for every column",
                    without - mean_.begin() + 1));
  });
  std::vector<factors::Chain> matrices;
  for (const ScaledProduct& term : terms_.signal) {
    matrices.insert(matrices.end(), term.chains.begin(), term.chains.end());
  }
  inverses_ = separate_inverses(comm, workspace_, terms_);
  const auto roots = square_roots(comm, matrices);
  for (std::size_t t = 0; t < terms_.signal.size(); ++t) {
    const auto first = roots.begin() + static_cast<std::ptrdiff_t>(t * extents_.size());
    roots_.emplace_back(first, first + std::ssize(extents_));
  }
}

Layout Sampler::layout(Index count) const {
  Extents grid = extents_;
  if (count > 1) grid.insert(grid.begin(), count);
  const int leading = choose_leading_modes(comm_->size(), extents_, all_products(terms_), count);
  return {std::move(grid), leading, comm_->size()};
}

void Sampler::draw(std::uint64_t seed, Index first, Index count, std::span<double> values) const {
  const Layout spread = layout(count);
  communication::collectively(*comm_, [&] {
    if (std::ssize(values) == spread.home_size(comm_->rank())) return;
    throw core::ShapeError(fmt::format(
        "{} draws over the grid {} were given room for {} values; this rank owns {}", count,
        core::to_text(extents_), values.size(), spread.home_size(comm_->rank())));
  });
  const DrawStreams streams{seed, first, count,
                            std::ssize(terms_.signal) + std::ssize(terms_.inverses) + 1};
  std::ranges::fill(values, 0.0);
  Index part = 0;
  for (const ScaledProduct& term : terms_.signal) {
    add_field(*comm_, workspace_, std::sqrt(term.scale), roots_[static_cast<std::size_t>(part)],
              spread.leading_modes(), streams, part, values);
    ++part;
  }
  for (const Covariance& inverse : inverses_) {
    add_field(inverse.root(count, spread.leading_modes()), inverse.size(), streams, part, values);
    ++part;
  }
  const Index begin = spread.home_begin(comm_->rank());
  if (terms_.noise) add_noise(*terms_.noise, extents_, streams, part, begin, values);
  std::vector<double> coefficients;
  for (const MeanColumn& column : mean_) coefficients.push_back(*column.coefficient);
  if (!mean_.empty()) add_mean(extents_, mean_, coefficients, begin, values);
}

}  // namespace kronwerk::models
