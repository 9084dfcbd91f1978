#include "models/missing/dense_missing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "factors/base/lapack.hpp"
#include "models/covariance/cross_operator.hpp"
#include "models/covariance/spectral_values.hpp"
#include "models/density/density_gradient.hpp"

namespace kronwerk::models {
namespace {

// What a block of fields may take on a rank.
constexpr double block_bytes = 64e6;
// Numbers in one reduction.
constexpr std::size_t summed_together = std::size_t{1} << 24;

/// Calls use(field, cell's number, place in the block) for the given cells of every field of a
/// batched home block.
template <typename Use>
void for_cells(const Layout& layout, int rank, Index fields, Index grid,
               const std::vector<Index>& cells, const Use& use) {
  const Index first = layout.home_begin(rank);
  const Index last = first + layout.home_size(rank);
  for (Index field = 0; field < fields; ++field) {
    const auto begin = std::ranges::lower_bound(cells, first - field * grid);
    const auto end = std::ranges::lower_bound(cells, last - field * grid);
    for (auto cell = begin; cell < end; ++cell) {
      use(field, static_cast<std::size_t>(cell - cells.begin()),
          static_cast<std::size_t>(field * grid + *cell - first));
    }
  }
}

}  // namespace

DenseMissing::DenseMissing(const Covariance& covariance, std::vector<Index> cells)
    : covariance_(&covariance), cells_(std::move(cells)) {
  const auto& comm = covariance.comm();
  const auto m = static_cast<std::size_t>(count());
  std::vector<double> matrix(m * m);
  std::vector<double> columns, solved;
  Index made_for = 0;
  OperatorPtr inverse;
  for (Index first = 0; first < count(); first += batch_size()) {
    const Index fields = std::min(batch_size(), count() - first);
    if (fields != made_for) inverse = covariance.inverse(made_for = fields);
    const Layout layout = covariance.layout(fields);
    columns.assign(static_cast<std::size_t>(layout.home_size(comm.rank())), 0.0);
    solved.resize(columns.size());
    for_cells(layout, comm.rank(), fields, covariance.size(), cells_,
              [&](Index field, std::size_t number, std::size_t place) {
                if (static_cast<Index>(number) == first + field) columns[place] = 1;
              });
    inverse->apply(columns, solved);
    for_cells(layout, comm.rank(), fields, covariance.size(), cells_,
              [&](Index field, std::size_t number, std::size_t place) {
                matrix[static_cast<std::size_t>(first + field) * m + number] = solved[place];
              });
  }
  for (std::size_t first = 0; first < matrix.size(); first += summed_together) {
    const std::size_t size = std::min(summed_together, matrix.size() - first);
    comm.sum(std::span(matrix).subspan(first, size));
  }
  const int order = core::narrow<int>(m);
  int info = 0;
  dpotrf_("U", &order, matrix.data(), &order, &info, 1);
  if (comm.any(info != 0)) {
    throw core::DataError(
        "the covariance of the missing cells given the observed ones is singular to working "
        "precision; give the model noise, or more of it");
  }
  for (std::size_t i = 0; i < m; ++i) log_determinant_ += 2 * std::log(matrix[i * m + i]);
  dtrtri_("U", "N", &order, matrix.data(), &order, &info, 1, 1);
  inverse_factor_ = std::move(matrix);
}

Index DenseMissing::batch_size() const {
  const double bytes = 8.0 * static_cast<double>(covariance_->size()) / covariance_->comm().size();
  return std::clamp(static_cast<Index>(block_bytes / bytes), Index{1},
                    std::min<Index>(64, count()));
}

void DenseMissing::spread_rows(Index first, Index fields, const Layout& layout,
                               std::span<double> block) const {
  std::fill(block.begin(), block.end(), 0.0);
  const auto m = static_cast<std::size_t>(count());
  for_cells(layout, covariance_->comm().rank(), fields, covariance_->size(), cells_,
            [&](Index field, std::size_t number, std::size_t place) {
              const auto row = static_cast<std::size_t>(first + field);
              if (number <= row) block[place] = inverse_factor_[row * m + number];
            });
}

// In the coordinates in which K is diagonal, u_j has the weights α̃ = diag(1/e) Vᵀc_j of an
// observation c_j, of whose gradient the squares ½ α̃ᵀ(Vᵀ∂K V)α̃ are wanted.
std::vector<double> DenseMissing::traces(const std::vector<CovarianceDerivative>& derivatives) {
  const auto& comm = covariance_->comm();
  const GridValues eigenvalues = spectral_values(*covariance_);
  BasisMatrices matrices;
  std::vector<double> result(derivatives.size(), 0.0);
  std::vector<double> block, weights;
  Index made_for = 0;
  OperatorPtr to_basis;
  for (Index first = 0; first < count(); first += batch_size()) {
    const Index fields = std::min(batch_size(), count() - first);
    if (fields != made_for) to_basis = covariance_->to_basis(made_for = fields);
    const Layout layout = covariance_->layout(fields);
    block.resize(static_cast<std::size_t>(layout.home_size(comm.rank())));
    weights.resize(block.size());
    spread_rows(first, fields, layout, block);
    to_basis->apply(block, weights);
    covariance_->divide(fields, weights);
    const auto squares =
        DensityGradient(*covariance_, eigenvalues, matrices, fields, weights, 0).of(derivatives);
    for (std::size_t p = 0; p < result.size(); ++p) result[p] += 2 * squares[p];
  }
  return result;
}

// Blocks of several fields may be cut between fields, so that every rank adds up what it has of all
// points. That is no more than the block itself holds unless there are more ranks than fields.
void DenseMissing::add_variance(std::span<const ScaledProduct> cross, const Layout& points,
                                std::span<double> variance) {
  const auto& comm = covariance_->comm();
  const bool together = batch_size() >= comm.size() && batch_size() > 1;
  const Index most = together ? batch_size() : 1;
  std::vector<double> sums(together ? static_cast<std::size_t>(points.size()) : variance.size());
  std::vector<double> block, solved, image;
  Index made_for = 0;
  OperatorPtr inverse;
  OperatorPtr to_points;
  for (Index first = 0; first < count(); first += most) {
    const Index fields = std::min(most, count() - first);
    if (fields != made_for) {
      inverse = covariance_->inverse(fields);
      to_points = cross_operator(*covariance_, cross, fields);
      made_for = fields;
    }
    const Layout layout = covariance_->layout(fields);
    const Layout& image_layout = to_points->output_layout();
    block.resize(static_cast<std::size_t>(layout.home_size(comm.rank())));
    solved.resize(block.size());
    image.resize(static_cast<std::size_t>(image_layout.home_size(comm.rank())));
    spread_rows(first, fields, layout, block);
    inverse->apply(block, solved);
    to_points->apply(solved, image);
    auto place = static_cast<std::size_t>(together ? image_layout.home_begin(comm.rank()) : 0);
    for (const double each : image) {
      sums[place++ % sums.size()] += each * each;
    }
  }
  if (together) comm.sum(sums);
  const auto own = static_cast<std::size_t>(together ? points.home_begin(comm.rank()) : 0);
  for (std::size_t i = 0; i < variance.size(); ++i) variance[i] += sums[own + i];
}

}  // namespace kronwerk::models
