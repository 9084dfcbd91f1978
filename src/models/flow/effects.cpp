#include "kronwerk/models/flow/effects.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "kronwerk/core/interruption.hpp"
#include "kronwerk/distribution/partition.hpp"

namespace kronwerk::models {
namespace {

/// Relative to the right-hand sides, in the largest entry.
constexpr double largest_residual = 1e-11;

double sum_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

double largest_of(std::span<const double> values) {
  double largest = 0;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

/// The diagonal of A⁻¹ M, and its column sums. Collective.
struct Diagonal {
  std::vector<double> diagonal;
  std::vector<double> sums;
};
Diagonal solve_diagonal(const communication::Communicator& comm, const factors::Factor& a,
                        const factors::Chain& matrix) {
  const auto n = static_cast<std::size_t>(a.rows());
  Diagonal result{std::vector<double>(n, 0.0), std::vector<double>(n, 0.0)};
  const distribution::BlockPartition columns(a.rows(), comm.size());
  double worst = 0;
  communication::collectively(comm, [&] {
    factors::for_column_panels(
        matrix, columns.begin(comm.rank()), columns.end(comm.rank()),
        [&](Index first, Index count, std::span<const double> panel) {
          std::vector<double> x(panel.begin(), panel.end());
          std::vector<double> image(x.size());
          const auto view = factors::View::contiguous(x.data(), 1, a.rows(), count);
          a.factorisation()->solve(view, view, false);
          a.apply(view, factors::View::contiguous(image.data(), 1, a.rows(), count), false);
          for (std::size_t i = 0; i < image.size(); ++i) image[i] -= panel[i];
          const double size = largest_of(panel);
          if (size > 0) worst = std::max(worst, largest_of(image) / size);
          const auto width = static_cast<std::size_t>(count);
          for (std::size_t c = 0; c < width; ++c) {
            const std::size_t column = static_cast<std::size_t>(first) + c;
            result.diagonal[column] = x[column * width + c];
            for (std::size_t i = 0; i < n; ++i) result.sums[column] += x[i * width + c];
          }
          core::check_interruption();
        });
  });
  worst = comm.max(worst);
  if (!(worst <= largest_residual)) {
    throw core::ConvergenceError(fmt::format(
        "a solve with the filter for the effects has a residual of {:.3g}; the parameters are next "
        "to the border of the feasible region",
        worst));
  }
  comm.sum(std::span<double>(result.diagonal));
  comm.sum(std::span<double>(result.sums));
  return result;
}

FlowEffects zeros(std::size_t n) {
  const std::vector<double> zero(n, 0.0);
  return {zero, zero, zero, zero, zero};
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

EffectsSolver::EffectsSolver(const communication::Communicator& comm, const FlowFilter& filter,
                             const FlowMatrices& matrices, const std::vector<AttributeUse>& uses,
                             FlowSolveMaker solves)
    : comm_(&comm),
      filter_(&filter),
      uses_(&uses),
      solves_(std::move(solves)),
      columns_(comm, filter, matrices) {
  const core::Extents& extents = filter.extents();
  if (extents[0] == extents[1]) return;
  throw core::ShapeError(fmt::format(
      "effects are of regions that are origins and destinations; here are {} origins and {} "
      "destinations",
      extents[0], extents[1]));
}

bool EffectsSolver::add_simple(const AttributeUse& use, double coefficient,
                               std::span<const double> c, FlowEffects& effects) const {
  if (use.place == AttributeUse::Place::diagonal) return false;
  const bool from = use.place == AttributeUse::Place::origin;
  const auto reduced = columns_.reduce(from ? 1 : 0, use.other, c);
  for (const ColumnSolver::Reduced& part : reduced) {
    const Diagonal x = solve_diagonal(*comm_, *part.matrix, use.matrix);
    const double sum = coefficient * sum_of(part.vector);
    std::vector<double>& along = from ? effects.origin : effects.destination;
    std::vector<double>& across = from ? effects.destination : effects.origin;
    for (std::size_t r = 0; r < x.diagonal.size(); ++r) {
      const double own = coefficient * part.vector[r];
      along[r] += x.diagonal[r] * sum;
      across[r] += x.sums[r] * own;
      effects.intra[r] += x.diagonal[r] * own;
      effects.total[r] += x.sums[r] * sum;
    }
  }
  return !reduced.empty();
}

void EffectsSolver::add_by_solves(const std::vector<const AttributeUse*>& uses,
                                  std::span<const double> coefficients, const FlowSolve& solve,
                                  FlowEffects& effects) {
  const Index n = filter_->extents()[0];
  const distribution::BlockPartition rows(n, comm_->size());
  const Index begin = rows.begin(comm_->rank());
  const auto size = static_cast<std::size_t>(rows.count(comm_->rank()) * n);
  std::vector<double> change, flows;
  communication::collectively(*comm_, [&] {
    change.resize(size);
    flows.resize(size);
  });
  FlowEffects own = zeros(static_cast<std::size_t>(n));
  std::vector<double> unit(static_cast<std::size_t>(n), 0.0);
  for (Index region = 0; region < n; ++region) {
    const auto r = static_cast<std::size_t>(region);
    std::ranges::fill(change, 0.0);
    unit[r] = 1;
    for (const AttributeUse* use : uses) {
      FlowColumn column{FlowColumn::Kind::kron, "", {}, use->other, {}};
      column.origin = multiply(use->matrix, unit);
      if (use->place == AttributeUse::Place::destination) {
        std::swap(column.origin, column.destination);
      } else if (use->place == AttributeUse::Place::diagonal) {
        column.kind = FlowColumn::Kind::diagonal;
      }
      add_column(column, coefficients[use->column], begin, n, change);
    }
    unit[r] = 0;
    std::ranges::fill(flows, 0.0);
    solve(change, flows, false);
    for (std::size_t i = 0; i < flows.size(); ++i) {
      const Index row = begin + static_cast<Index>(i) / n;
      const Index col = static_cast<Index>(i) % n;
      own.total[r] += flows[i];
      if (row == region) own.origin[r] += flows[i];
      if (col == region) own.destination[r] += flows[i];
      if (row == region && col == region) own.intra[r] += flows[i];
    }
  }
  grid_solves_ = n;
  const auto add = [&](std::vector<double>& mine, std::vector<double>& all) {
    comm_->sum(std::span<double>(mine));
    for (std::size_t r = 0; r < all.size(); ++r) all[r] += mine[r];
  };
  add(own.origin, effects.origin);
  add(own.destination, effects.destination);
  add(own.intra, effects.intra);
  add(own.total, effects.total);
}

FlowEffects EffectsSolver::find(std::span<const double> parameters,
                                std::span<const double> coefficients) {
  const FilterCoefficients c = filter_->coefficients(parameters);
  FlowEffects effects = zeros(static_cast<std::size_t>(filter_->extents()[0]));
  std::vector<const AttributeUse*> left;
  for (const AttributeUse& use : *uses_) {
    if (!add_simple(use, coefficients[use.column], c.value, effects)) left.push_back(&use);
  }
  grid_solves_ = 0;
  if (!left.empty()) add_by_solves(left, coefficients, solves_(parameters), effects);
  separate(effects);
  return effects;
}

}  // namespace kronwerk::models
