#include "application/gaussian/kept_slices.hpp"

#include <algorithm>

#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/factors/dense/shared_dense.hpp"

namespace kronwerk::application {
namespace {

using factors::Chain;
using factors::FactorPtr;

std::vector<double> chosen(const std::vector<double>& values, const std::vector<Index>& kept) {
  std::vector<double> result;
  for (const Index i : kept) result.push_back(values[static_cast<std::size_t>(i)]);
  return result;
}

FactorPtr restrict_dense(const communication::Communicator& comm, const FactorPtr& factor,
                         const std::vector<Index>* rows, const std::vector<Index>& columns) {
  const Index height = rows != nullptr ? std::ssize(*rows) : factor->rows();
  const Index width = std::ssize(columns);
  return factors::make_shared_dense(
      comm, factor->name(), height, width, [&](std::span<double> all) {
        if (!comm.node().is_root()) return;
        std::vector<double> whole(static_cast<std::size_t>(factor->rows() * factor->cols()), 0.0);
        factor->add_to_dense(1, whole);
        double* out = all.data();
        for (Index i = 0; i < height; ++i) {
          const Index row = rows != nullptr ? (*rows)[static_cast<std::size_t>(i)] : i;
          for (const Index column : columns) {
            *out++ = whole[static_cast<std::size_t>(row * factor->cols() + column)];
          }
        }
      });
}

}  // namespace

KeptSlices::KeptSlices(const communication::Communicator& comm,
                       std::vector<std::vector<Index>> kept, const core::Extents& grid)
    : comm_(&comm), kept_(std::move(kept)) {
  for (std::size_t k = 0; k < grid.size(); ++k) {
    whole_.push_back(std::ssize(kept_[k]) == grid[k]);
    all_ = all_ && whole_.back();
  }
}

Chain KeptSlices::restrict(std::size_t mode, const Chain& chain, bool rows) {
  const auto& kept = kept_[mode];
  if (rows && factors::is_identity(chain)) {
    return {{factors::make_identity(std::ssize(kept)), false, false}};
  }
  if (factors::is_ones(chain)) {
    const Index height = rows ? std::ssize(kept) : factors::rows(chain);
    return {{factors::make_ones(height, std::ssize(kept)), false, false}};
  }
  const bool diagonal = chain.size() == 1 && chain[0].factor->kind() == factors::Kind::diagonal;
  if (rows && diagonal && !chain[0].inverse) {
    const auto& factor = chain[0].factor;
    return {
        {factors::make_diagonal(factor->name(), chosen(factor->diagonal(), kept)), false, false}};
  }
  const bool plain = chain.size() == 1 && !chain[0].transposed && !chain[0].inverse;
  const FactorPtr factor =
      plain ? chain[0].factor : factors::materialise(*comm_, chain[0].factor->name(), chain);
  return {{restrict_dense(*comm_, factor, rows ? &kept : nullptr, kept), false, false}};
}

Chain KeptSlices::restrict_both(std::size_t mode, const Chain& chain) {
  if (whole_[mode]) return chain;
  Key key{{}, mode};
  for (const auto& link : chain) {
    key.first.emplace_back(link.factor.get(), (link.transposed ? 1 : 0) + (link.inverse ? 2 : 0));
  }
  const auto found = both_.find(key);
  if (found != both_.end()) return found->second.result;
  return (both_[key] = {chain, restrict(mode, chain, true)}).result;
}

Chain KeptSlices::restrict_columns(std::size_t mode, const Chain& chain) {
  return whole_[mode] ? chain : restrict(mode, chain, false);
}

operators::ScaledProduct KeptSlices::restrict_both(operators::ScaledProduct product) {
  for (std::size_t k = 0; k < product.chains.size(); ++k) {
    product.chains[k] = restrict_both(k, product.chains[k]);
  }
  return product;
}

std::vector<operators::ScaledProduct> KeptSlices::restrict_both(
    std::vector<operators::ScaledProduct> products) {
  for (auto& product : products) product = restrict_both(std::move(product));
  return products;
}

models::CovarianceDerivative KeptSlices::restrict_both(models::CovarianceDerivative derivative) {
  derivative.products = restrict_both(std::move(derivative.products));
  return derivative;
}

models::CovarianceTerms KeptSlices::restrict_both(models::CovarianceTerms terms) {
  if (!all_ && !terms.inverses.empty()) {
    throw core::ConfigurationError(
        "the covariance is the inverse of one product at the job's parameters and that of a sum at "
        "others, and slices of the grid have no observations; begin at parameters where it is a "
        "sum");
  }
  terms.signal = restrict_both(std::move(terms.signal));
  if (terms.noise) terms.noise = restrict_both(std::move(*terms.noise));
  return terms;
}

std::vector<double> KeptSlices::restrict_vector(std::size_t mode,
                                                const std::vector<double>& values) const {
  return values.empty() || whole_[mode] ? values : chosen(values, kept_[mode]);
}

std::vector<models::MeanColumn> KeptSlices::restrict_mean(
    std::vector<models::MeanColumn> columns) const {
  for (auto& column : columns) {
    for (std::size_t k = 0; k < column.vectors.size(); ++k) {
      column.vectors[k] = restrict_vector(k, column.vectors[k]);
    }
  }
  return columns;
}

void KeptSlices::forget_unused() {
  std::erase_if(both_, [](const auto& entry) {
    return std::ranges::all_of(entry.second.original,
                               [](const auto& link) { return link.factor.use_count() == 1; });
  });
}

}  // namespace kronwerk::application
