// See src/MATHEMATICS.md, "Counts on grids".
#include "kronwerk/models/laplace/laplace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kronwerk/core/text.hpp"
#include "models/covariance/covariance_terms.hpp"
#include "models/laplace/laplace_state.hpp"

namespace kronwerk::models {

Layout latent_layout(const communication::Communicator& comm,
                     const std::vector<ScaledProduct>& signal) {
  Extents extents = CovarianceTerms{signal, {}}.extents();
  const int leading = choose_leading_modes(comm.size(), extents, signal, 1);
  return {std::move(extents), leading, comm.size()};
}

LatentState::LatentState(const Communicator& on, std::shared_ptr<Workspace> shared,
                         LatentCells observed_cells, LaplaceSettings wanted)
    : comm(on),
      workspace(std::move(shared)),
      cells(std::move(observed_cells)),
      settings(std::move(wanted)) {
  Index seen = 0;
  communication::collectively(comm, [&] {
    const auto room = static_cast<std::size_t>(cells.layout.home_size(comm.rank()));
    if (cells.y.size() != room || (!cells.sizes.empty() && cells.sizes.size() != room)) {
      throw core::ShapeError(fmt::format(
          "{} counts and {} exposures or trials were given; this rank owns {} cells of the grid {}",
          cells.y.size(), cells.sizes.size(), room, core::to_text(cells.layout.extents())));
    }
    seen = std::ranges::count_if(cells.y, [](double y) { return !std::isnan(y); });
  });
  observed = comm.sum(seen);
  exact = observed <= settings.exact_limit;
  if (observed == 0) throw core::DataError("no cell was observed");
}

LaplaceApproximation::LaplaceApproximation(const communication::Communicator& comm,
                                           std::shared_ptr<Workspace> workspace, LatentCells cells,
                                           LaplaceSettings settings)
    : state_(std::make_unique<LatentState>(comm, std::move(workspace), std::move(cells),
                                           std::move(settings))) {}
LaplaceApproximation::~LaplaceApproximation() = default;
LaplaceApproximation::LaplaceApproximation(LaplaceApproximation&&) noexcept = default;

Index LaplaceApproximation::observed() const noexcept {
  return state_->observed;
}
bool LaplaceApproximation::exact() const noexcept {
  return state_->exact;
}
const std::vector<double>& LaplaceApproximation::field() const noexcept {
  return state_->field;
}
const std::vector<double>& LaplaceApproximation::score() const noexcept {
  return state_->terms.score;
}
const std::vector<double>& LaplaceApproximation::weights() const noexcept {
  return state_->terms.weight;
}

LaplaceProgress LaplaceApproximation::find_mode(const LatentModel& model) {
  communication::collectively(state_->comm, [&] {
    const Extents extents = check_terms({model.signal, {}});
    if (extents == state_->cells.layout.extents()) return;
    throw core::ShapeError(fmt::format("a covariance over the grid {} for cells of the grid {}",
                                       core::to_text(extents),
                                       core::to_text(state_->cells.layout.extents())));
  });
  state_->model = model;
  return state_->find_mode();
}

void LaplaceApproximation::begin_here() {
  state_->beginning = state_->field;
}

MeanEstimate LaplaceApproximation::mean() const {
  const std::size_t p = state_->columns.size();
  MeanEstimate result;
  result.columns = state_->model.mean.size();
  result.estimated = p;
  std::size_t next = 0;
  for (const MeanColumn& column : state_->model.mean) {
    result.coefficients.push_back(column.coefficient ? *column.coefficient : state_->beta[next++]);
  }
  result.covariance.assign(p * p, 0.0);
  for (std::size_t j = 0; j < p; ++j) {
    Vector unit(p, 0.0);
    unit[j] = 1;
    unit = state_->solve_small(std::move(unit));
    for (std::size_t i = 0; i < p; ++i) result.covariance[i * p + j] = unit[i];
  }
  return result;
}

}  // namespace kronwerk::models
