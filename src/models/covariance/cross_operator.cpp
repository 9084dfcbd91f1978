#include "models/covariance/cross_operator.hpp"

#include <fmt/format.h>

#include "models/covariance/chains.hpp"

namespace kronwerk::models {

Layout layout_of_points(const Covariance& covariance, std::span<const ScaledProduct> cross) {
  Extents points;
  for (const ScaledProduct& term : cross) {
    Extents grid, rows;
    for (const factors::Chain& chain : term.chains) {
      grid.push_back(factors::cols(chain));
      rows.push_back(factors::rows(chain));
    }
    if (grid != covariance.extents()) {
      throw core::ShapeError(
          fmt::format("a cross-covariance has columns for the grid {}; the covariance is over {}",
                      core::to_text(grid), core::to_text(covariance.extents())));
    }
    points = std::move(rows);
  }
  if (!covariance.terms().inverses.empty()) return covariance.layout();
  return {std::move(points), covariance.layout().leading_modes(), covariance.comm().size()};
}

OperatorPtr cross_operator(const Covariance& covariance, std::span<const ScaledProduct> cross,
                           Index batch) {
  if (!covariance.terms().inverses.empty()) return covariance.signal(batch);
  std::vector<ScaledProduct> terms(cross.begin(), cross.end());
  if (batch > 1) {
    for (ScaledProduct& term : terms) {
      term.chains.insert(term.chains.begin(), identity_chain(batch));
    }
  }
  return std::make_shared<operators::ProductSum>(covariance.comm(), covariance.workspace(),
                                                 std::move(terms),
                                                 covariance.layout(batch).leading_modes());
}

}  // namespace kronwerk::models
