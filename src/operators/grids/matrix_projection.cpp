// Declared in kronwerk/operators/grids/projection.hpp.
// Kronecker-sum projection of matrices: Greenewald, Zhou and Hero (2017), "Tensor graphical lasso",
// appendix.
// See src/MATHEMATICS.md, "Kronecker-sum projection".
#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "kronwerk/operators/grids/projection.hpp"
#include "operators/grids/grid_sums.hpp"
#include "operators/grids/projection_residual.hpp"

namespace kronwerk::operators {
namespace {

/// The entries of one pair (i, j) of a mode: their sum, and their squared distance from the first
/// of them that this rank met, which keeps small variances exact.
struct Cell {
  DoubleDouble sum;
  double pivot = 0;
  double squares = 0;
  Index count = 0;

  void add_entry(double value) {
    if (count++ == 0) pivot = value;
    add(sum, value);
    squares += (value - pivot) * (value - pivot);
  }
  /// Σ (x - mean)² over this rank's entries.
  double squares_about(double mean) const {
    DoubleDouble about_pivot = sum;
    add(about_pivot, -static_cast<double>(count) * pivot);
    const double distance = mean - pivot;
    return squares - 2 * distance * about_pivot.value() +
           static_cast<double>(count) * distance * distance;
  }
};

}  // namespace

struct MatrixProjection::State {
  const communication::Communicator* comm = nullptr;
  Extents extents;
  Index size = 1;
  std::vector<Index> strides;            ///< of each mode in the row and column index
  std::vector<std::vector<Cell>> modes;  ///< n_k x n_k; the diagonals stay empty
  std::vector<Index> rows;               ///< those given to this rank, …
  std::vector<double> diagonal;          ///< … with their diagonal entries
  std::vector<double> rest;              ///< of a row, while it is taken apart
  double other_squares = 0;              ///< of entries that no factor touches
  DoubleDouble squares;                  ///< of all entries
  bool finite = true;

  void add_row(Index row, std::span<const double> values);
  std::vector<DoubleDouble> local_sums() const;
  double missed_squares(const KroneckerSumFit& fit) const;
};

void MatrixProjection::State::add_row(Index row, std::span<const double> values) {
  // What the factors touch is taken out of a copy, so that the squares of the rest are not a
  // difference of larger numbers.
  rest.assign(values.begin(), values.end());
  const double own = values[static_cast<std::size_t>(row)];
  rest[static_cast<std::size_t>(row)] = 0;
  double touched = own * own;
  for (std::size_t k = 0; k < extents.size(); ++k) {
    const Index extent = extents[k];
    const Index i = row / strides[k] % extent;
    Cell* cells = modes[k].data() + i * extent;
    double* entries = rest.data() + (row - i * strides[k]);
    for (Index j = 0; j < extent; ++j) {
      if (j == i) continue;
      const double value = std::exchange(entries[j * strides[k]], 0.0);
      cells[j].add_entry(value);
      touched += value * value;
    }
  }
  double others = 0;
  for (const double value : rest) others += value * value;
  finite = finite && std::isfinite(others + touched);
  other_squares += others;
  add(squares, others);
  add(squares, touched);
  rows.push_back(row);
  diagonal.push_back(own);
}

MatrixProjection::MatrixProjection(const communication::Communicator& comm, Extents extents)
    : state_(std::make_unique<State>()) {
  check_grid(extents);
  state_->comm = &comm;
  state_->size = core::product(extents);
  Index stride = state_->size;
  for (const Index extent : extents) {
    state_->strides.push_back(stride /= extent);
    state_->modes.emplace_back(static_cast<std::size_t>(core::multiply(extent, extent)));
  }
  state_->extents = std::move(extents);
}

MatrixProjection::~MatrixProjection() = default;
MatrixProjection::MatrixProjection(MatrixProjection&&) noexcept = default;

void MatrixProjection::add_rows(Index first_row, std::span<const double> rows) {
  State& state = *state_;
  const Index count = std::ssize(rows) / state.size;
  if (count * state.size != std::ssize(rows) || first_row < 0 || first_row > state.size - count) {
    throw core::ShapeError(fmt::format(
        "{} values from row {} on are no whole rows of a matrix with {} rows and columns",
        rows.size(), first_row, state.size));
  }
  for (Index r = 0; r < count; ++r) {
    state.add_row(first_row + r, rows.subspan(static_cast<std::size_t>(r * state.size),
                                              static_cast<std::size_t>(state.size)));
  }
}

/// All cells' sums with the diagonal's marginal sums in their places, then the diagonal's sum, ‖M‖²
/// and the number of rows.
std::vector<DoubleDouble> MatrixProjection::State::local_sums() const {
  std::vector<DoubleDouble> sums;
  DoubleDouble trace;
  for (const double value : diagonal) add(trace, value);
  for (std::size_t k = 0; k < extents.size(); ++k) {
    const auto first = static_cast<Index>(sums.size());
    for (const Cell& cell : modes[k]) sums.push_back(cell.sum);
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const Index i = rows[r] / strides[k] % extents[k];
      add(sums[static_cast<std::size_t>(first + i * (extents[k] + 1))], diagonal[r]);
    }
  }
  sums.push_back(trace);
  sums.push_back(squares);
  sums.push_back({static_cast<double>(rows.size()), 0});
  sums.push_back({finite ? 0.0 : 1.0, 0});
  return sums;
}

/// This rank's part of ‖M - ⊕A‖²; the factors hold the means still.
double MatrixProjection::State::missed_squares(const KroneckerSumFit& fit) const {
  double missed = other_squares;
  for (std::size_t k = 0; k < extents.size(); ++k) {
    for (std::size_t c = 0; c < modes[k].size(); ++c) {
      if (modes[k][c].count > 0) missed += modes[k][c].squares_about(fit.factors[k][c]);
    }
  }
  const double modes_less_one = static_cast<double>(extents.size()) - 1;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    double difference = diagonal[r] + modes_less_one * fit.mean;
    for (std::size_t k = 0; k < extents.size(); ++k) {
      const Index i = rows[r] / strides[k] % extents[k];
      difference -= fit.factors[k][static_cast<std::size_t>(i * (extents[k] + 1))];
    }
    missed += difference * difference;
  }
  return missed;
}

KroneckerSumFit MatrixProjection::finish(TraceRule rule) {
  const State& state = *state_;
  std::vector<DoubleDouble> sums = state.local_sums();
  reduce_compensated(*state.comm, sums);
  if (sums.back().value() != 0) {
    throw core::DataError(
        "entries of the matrix are not finite, or so large that their squares are not");
  }
  const auto given = static_cast<Index>(sums[sums.size() - 2].value());
  if (given != state.size) {
    throw core::ShapeError(fmt::format(
        "{} rows were given of a matrix with {}; the projection needs each of them once", given,
        state.size));
  }
  KroneckerSumFit fit;
  std::size_t next = 0;
  for (const Index extent : state.extents) {
    auto& means = fit.factors.emplace_back();
    const auto count = static_cast<double>(state.size / extent);
    for (Index c = 0; c < extent * extent; ++c) means.push_back(sums[next++].value() / count);
  }
  fit.mean = sums[next].value() / static_cast<double>(state.size);
  const double squares = sums[next + 1].value();
  const double missed = state.comm->sum(state.missed_squares(fit));
  set_residual(fit, squares, squares - static_cast<double>(state.size) * fit.mean * fit.mean,
               missed);
  apply_trace_rule(fit, state.extents, true, rule);
  return fit;
}

}  // namespace kronwerk::operators
