#include "kronwerk/models/flow_effects/effects.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kronwerk/core/interruption.hpp"
#include "kronwerk/core/progress.hpp"
#include "kronwerk/distribution/partition.hpp"
#include "models/fit/small_dense.hpp"
#include "models/flow_effects/column_sums.hpp"
#include "models/flow_effects/series_effects.hpp"
#include "models/flow_effects/spectral_effects.hpp"

namespace kronwerk::models {
namespace {

/// Λ_rr of every region. Collective.
std::vector<double> diagonal_of(const communication::Communicator& comm, const CellWeights& weights,
                                std::size_t n) {
  if (weights.none()) return std::vector<double>(n, 1.0);
  std::vector<double> result(n, 0.0);
  const distribution::BlockPartition regions(static_cast<Index>(n), comm.size());
  for (Index r = regions.begin(comm.rank()); r < regions.end(comm.rank()); ++r) {
    result[static_cast<std::size_t>(r)] = weights.row(r)[static_cast<std::size_t>(r)];
  }
  comm.sum(std::span<double>(result));
  return result;
}

/// So far the sums include the flow within the region, and the network ones are not there.
void separate(FlowEffects& effects) {
  for (std::size_t r = 0; r < effects.total.size(); ++r) {
    effects.origin[r] -= effects.intra[r];
    effects.destination[r] -= effects.intra[r];
    effects.network[r] =
        effects.total[r] - effects.origin[r] - effects.destination[r] - effects.intra[r];
  }
}

}  // namespace

FlowEffects::FlowEffects(std::size_t regions)
    : origin(regions, 0.0),
      destination(regions, 0.0),
      intra(regions, 0.0),
      network(regions, 0.0),
      total(regions, 0.0) {}

EffectsSolver::EffectsSolver(const Model& model, FlowSolveMaker solves, FilterBasesMaker bases)
    : model_(model),
      solves_(std::move(solves)),
      make_bases_(std::move(bases)),
      columns_(*model.comm, *model.filter, *model.matrices) {
  const core::Extents& extents = model.filter->extents();
  if (extents[0] == extents[1]) return;
  throw core::ShapeError(fmt::format(
      "effects are of regions that are origins and destinations; here are {} origins and {} "
      "destinations",
      extents[0], extents[1]));
}

EffectsSolver::~EffectsSolver() = default;

// The change is X e_r vectorᵀ of an origin's attribute, its transpose of a destination's.
void EffectsSolver::add_product(const AttributeUse& use, double coefficient,
                                std::span<const double> vector, const factors::Factor* matrix,
                                const CellWeights& weights, FlowEffects& effects) const {
  const bool from = use.place == AttributeUse::Place::origin;
  const std::size_t n = vector.size();
  const double sum = std::accumulate(vector.begin(), vector.end(), 0.0);
  const std::vector<double> beside =
      weights.none() ? std::vector<double>(n, sum) : weights.multiply(vector, !from);
  const std::vector<double> within = diagonal_of(*model_.comm, weights, n);
  const ColumnSums x = sum_columns(*model_.comm, matrix, use.matrix, weights, !from, beside);
  std::vector<double>& along = from ? effects.origin : effects.destination;
  std::vector<double>& across = from ? effects.destination : effects.origin;
  for (std::size_t r = 0; r < n; ++r) {
    const double own = coefficient * vector[r];
    along[r] += coefficient * x.diagonal[r] * beside[r];
    across[r] += x.weighted[r] * own;
    effects.intra[r] += x.diagonal[r] * own * within[r];
    effects.total[r] += coefficient * x.all[r];
  }
}

bool EffectsSolver::add_simple(const AttributeUse& use, double coefficient,
                               std::span<const double> c, const CellWeights& weights,
                               FlowEffects& effects) const {
  const bool unsolved = model_.acts_on == FilterActsOn::errors;
  if (use.place == AttributeUse::Place::diagonal) {
    if (unsolved) add_unsolved_diagonal(use, coefficient, effects);
    return unsolved;
  }
  if (unsolved) {
    add_product(use, coefficient, use.other, nullptr, weights, effects);
    return true;
  }
  const bool from = use.place == AttributeUse::Place::origin;
  const auto reduced = columns_.reduce(from ? 1 : 0, use.other, c);
  for (const ColumnSolver::Reduced& part : reduced) {
    add_product(use, coefficient, part.vector, part.matrix.get(), weights, effects);
  }
  return !reduced.empty();
}

void EffectsSolver::add_unsolved_diagonal(const AttributeUse& use, double coefficient,
                                          FlowEffects& effects) const {
  const std::vector<double> ones(effects.total.size(), 1.0);
  const ColumnSums x = sum_columns(*model_.comm, nullptr, use.matrix, {}, true, ones);
  for (std::size_t r = 0; r < ones.size(); ++r) {
    for (auto* sums : {&effects.origin, &effects.destination, &effects.intra}) {
      (*sums)[r] += coefficient * x.diagonal[r];
    }
    effects.total[r] += coefficient * x.all[r];
  }
}

bool EffectsSolver::add_in_bases(const Uses& uses, std::span<const double> coefficients,
                                 std::span<const double> c, const CellWeights& weights,
                                 FlowEffects& effects) {
  if (!bases_known_) {
    bases_known_ = true;
    if (auto bases = make_bases_ ? make_bases_() : std::nullopt) {
      in_bases_ =
          SpectralEffects::make(*model_.comm, *model_.filter, *model_.matrices, std::move(*bases));
    }
  }
  if (!in_bases_) return false;
  in_bases_->add(uses, coefficients, c, weights, effects);
  method_ = in_bases_->description();
  return true;
}

bool EffectsSolver::add_by_series(const Uses& uses, std::span<const double> coefficients,
                                  std::span<const double> c, const CellWeights& weights,
                                  FlowEffects& effects) {
  if (!series_known_) {
    series_known_ = true;
    if (auto series = SeriesEffects::make(*model_.comm, *model_.filter, *model_.matrices)) {
      series_ = std::make_unique<SeriesEffects>(std::move(*series));
    }
  }
  if (!series_ || !series_->add(uses, coefficients, c, weights, effects)) return false;
  method_ = series_->description();
  return true;
}

// ⟨Λ, A⁻¹ S_r⟩ = ⟨A⁻ᵀ Λ, S_r⟩
void EffectsSolver::add_totals(const Uses& uses, std::span<const double> coefficients,
                               const FlowSolve& solve, const CellWeights& weights,
                               FlowEffects& effects) const {
  const std::size_t n = effects.total.size();
  const distribution::BlockPartition rows(static_cast<Index>(n), model_.comm->size());
  const auto begin = static_cast<std::size_t>(rows.begin(model_.comm->rank()));
  std::vector<double> adjoint;
  communication::collectively(*model_.comm, [&] { adjoint.resize(weights.rows().size()); });
  solve(weights.rows(), adjoint, true);
  for (const AttributeUse* use : uses) {
    std::vector<double> sums(n, 0.0);
    for (std::size_t k = 0; k < adjoint.size() / n; ++k) {
      const std::span<const double> row = std::span(adjoint).subspan(k * n, n);
      const std::size_t i = begin + k;
      switch (use->place) {
        case AttributeUse::Place::origin:
          sums[i] = inner(row, use->other);
          break;
        case AttributeUse::Place::destination:
          for (std::size_t j = 0; j < n; ++j) sums[j] += use->other[i] * row[j];
          break;
        case AttributeUse::Place::diagonal:
          sums[i] = row[i];
          break;
      }
    }
    model_.comm->sum(std::span<double>(sums));
    const std::vector<double> of_regions = multiply(factors::transposed(use->matrix), sums);
    for (std::size_t r = 0; r < n; ++r) {
      effects.total[r] += coefficients[use->column] * of_regions[r];
    }
  }
}

void EffectsSolver::add_by_solves(const Uses& uses, std::span<const double> coefficients,
                                  const FlowSolve& solve, const CellWeights& weights,
                                  FlowEffects& effects) {
  const communication::Communicator& comm = *model_.comm;
  const Index n = model_.filter->extents()[0];
  const distribution::BlockPartition rows(n, comm.size());
  const Index begin = rows.begin(comm.rank());
  const auto size = static_cast<std::size_t>(rows.count(comm.rank()) * n);
  std::vector<double> shift, flows;
  communication::collectively(comm, [&] {
    shift.resize(size);
    flows.resize(size);
  });
  FlowEffects own(static_cast<std::size_t>(n));
  std::vector<double> unit(static_cast<std::size_t>(n), 0.0);
  for (Index region = 0; region < n; ++region) {
    core::report_progress("region", region, n);
    const auto r = static_cast<std::size_t>(region);
    std::ranges::fill(shift, 0.0);
    unit[r] = 1;
    for (const AttributeUse* use : uses) {
      FlowColumn column{FlowColumn::Kind::kron, "", {}, use->other, {}};
      column.origin = multiply(use->matrix, unit);
      if (use->place == AttributeUse::Place::destination) {
        std::swap(column.origin, column.destination);
      } else if (use->place == AttributeUse::Place::diagonal) {
        column.kind = FlowColumn::Kind::diagonal;
      }
      add_column(column, coefficients[use->column], begin, n, shift);
    }
    unit[r] = 0;
    std::ranges::fill(flows, 0.0);
    solve(shift, flows, false);
    for (std::size_t i = 0; i < flows.size(); ++i) {
      const Index row = begin + static_cast<Index>(i) / n;
      const Index col = static_cast<Index>(i) % n;
      const double change = weights.none() ? flows[i] : weights.rows()[i] * flows[i];
      own.total[r] += change;
      if (row == region) own.origin[r] += change;
      if (col == region) own.destination[r] += change;
      if (row == region && col == region) own.intra[r] += change;
    }
  }
  grid_solves_ = n;
  const auto add = [&](std::vector<double>& mine, std::vector<double>& all) {
    comm.sum(std::span<double>(mine));
    for (std::size_t r = 0; r < all.size(); ++r) all[r] += mine[r];
  };
  add(own.origin, effects.origin);
  add(own.destination, effects.destination);
  add(own.intra, effects.intra);
  add(own.total, effects.total);
}

FlowEffects EffectsSolver::find(std::span<const double> parameters,
                                std::span<const double> coefficients, const CellWeights& weights) {
  const FilterCoefficients c = model_.filter->coefficients(parameters);
  FlowEffects effects(static_cast<std::size_t>(model_.filter->extents()[0]));
  Uses left;
  for (const AttributeUse& use : *model_.uses) {
    if (!add_simple(use, coefficients[use.column], c.value, weights, effects)) left.push_back(&use);
  }
  grid_solves_ = 0;
  method_ = "by solves with single modes";
  const auto in_bases = [&] { return add_in_bases(left, coefficients, c.value, weights, effects); };
  const auto by_series = [&] {
    return add_by_series(left, coefficients, c.value, weights, effects);
  };
  const bool found = !left.empty() && (model_.bases_are_costly ? by_series() || in_bases()
                                                               : in_bases() || by_series());
  if (found && !weights.none()) {
    add_totals(left, coefficients, solves_(parameters), weights, effects);
  }
  if (!found && !left.empty()) {
    add_by_solves(left, coefficients, solves_(parameters), weights, effects);
    method_ = fmt::format("{} solves over the grid", grid_solves_);
  }
  separate(effects);
  return effects;
}

}  // namespace kronwerk::models
