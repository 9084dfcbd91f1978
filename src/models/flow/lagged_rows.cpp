#include "models/flow/lagged_rows.hpp"

#include "kronwerk/factors/base/make.hpp"

namespace kronwerk::models {

LaggedRows::LaggedRows(const communication::Communicator& comm,
                       const std::shared_ptr<Workspace>& workspace, const FlowFilter& filter,
                       const FlowMatrices& matrices, std::span<const double> block, bool lagged)
    : filter_(&filter), block_(block), lagged_(lagged), width_(filter.extents()[1]) {
  if (!lagged) return;
  const factors::Chain identity{{factors::make_identity(width_), false, false}};
  by_origin_.resize(matrices[0].size());
  for (std::size_t m = 0; m < matrices[0].size(); ++m) {
    if (factors::is_identity(matrices[0][m])) continue;
    const operators::KroneckerProduct product(comm, workspace, 1, {matrices[0][m], identity}, 1);
    communication::collectively(comm, [&] { by_origin_[m].resize(block.size()); });
    product.apply(block, by_origin_[m]);
  }
  for (const factors::Chain& chain : matrices[1]) {
    destinations_.emplace_back(std::vector<factors::Chain>{chain});
  }
  panels_.resize(filter.terms().size());
}

std::vector<const double*> LaggedRows::rows(Index first, Index rows) {
  const Index begin = first * width_;
  if (!lagged_) return {block_.data() + begin};
  std::vector<const double*> places;
  for (std::size_t t = 0; t < filter_->terms().size(); ++t) {
    const FlowFilter::Term& term = filter_->terms()[t];
    const std::vector<double>& applied = by_origin_[term.origin];
    const double* source = (applied.empty() ? block_.data() : applied.data()) + begin;
    const factors::LocalProduct& product = destinations_[term.destination];
    if (!product.is_identity()) {
      panels_[t].resize(static_cast<std::size_t>(rows * width_));
      product.apply(factors::ConstView::contiguous(source, rows, width_, 1),
                    factors::View::contiguous(panels_[t].data(), rows, width_, 1));
      source = panels_[t].data();
    }
    places.push_back(source);
  }
  return places;
}

}  // namespace kronwerk::models
