#include "kronwerk/operators/base/column_norms.hpp"

#include <algorithm>
#include <cmath>

#include "operators/base/local_vectors.hpp"
#include "operators/krylov/krylov_columns.hpp"

namespace kronwerk::operators {
namespace {

// Between these, sums of squares have lost nothing to under- or overflow.
constexpr double least_square = 1e-280;
constexpr double greatest_square = 1e280;

}  // namespace

ColumnNorms ColumnNorms::one_after_another(const communication::Communicator& comm,
                                           const distribution::Layout& layout, Index batch) {
  const ColumnMap map(comm, layout, batch);
  ColumnNorms result(comm, map.columns());
  const std::vector<char> all(map.columns(), 1);
  map.for_each(all, [&](std::size_t column, std::size_t first, std::size_t count) {
    result.pieces_.push_back({column, first, count});
  });
  return result;
}

ColumnNorms ColumnNorms::side_by_side(const communication::Communicator& comm, Index width) {
  ColumnNorms result(comm, static_cast<std::size_t>(std::max<Index>(width, 1)));
  result.side_by_side_ = true;
  return result;
}

template <typename Work>
void ColumnNorms::for_each(std::size_t size, const Work& work) const {
  if (!side_by_side_) {
    for (const Piece& piece : pieces_) work(piece.column, piece.first, piece.count);
    return;
  }
  if (columns_ == 1) {
    if (size > 0) work(0, 0, size);
    return;
  }
  for (std::size_t i = 0; i < size; ++i) work(i % columns_, i, 1);
}

std::vector<double> ColumnNorms::norms(std::span<const double> x) const {
  std::vector<double> result(columns_, 0.0);
  for_each(x.size(), [&](std::size_t column, std::size_t first, std::size_t count) {
    result[column] += local_dot(x.data() + first, x.data() + first, count);
  });
  comm_->sum(std::span<double>(result));
  std::vector<char> outside(columns_, 0);
  for (std::size_t c = 0; c < columns_; ++c) {
    outside[c] = result[c] < least_square || result[c] > greatest_square ? 1 : 0;
    result[c] = std::sqrt(result[c]);
  }
  if (std::ranges::find(outside, 1) == outside.end()) return result;
  const std::vector<double> scaled = scaled_norms(outside, x);
  for (std::size_t c = 0; c < columns_; ++c) {
    if (outside[c] != 0) result[c] = scaled[c];
  }
  return result;
}

/// max |x_i| times the norm of x / max |x_i|.
std::vector<double> ColumnNorms::scaled_norms(const std::vector<char>& wanted,
                                              std::span<const double> x) const {
  std::vector<double> largest(columns_, 0.0);
  const auto each = [&](const auto& work) {
    for_each(x.size(), [&](std::size_t column, std::size_t first, std::size_t count) {
      if (wanted[column] == 0) return;
      for (std::size_t i = first; i < first + count; ++i) work(column, std::abs(x[i]));
    });
  };
  each([&](std::size_t column, double value) {
    largest[column] = std::max(largest[column], value);
  });
  communication::check_mpi(MPI_Allreduce(MPI_IN_PLACE, largest.data(), core::narrow<int>(columns_),
                                         MPI_DOUBLE, MPI_MAX, comm_->get()));
  std::vector<double> squares(columns_, 0.0);
  each([&](std::size_t column, double value) {
    const double scale = largest[column];
    if (scale > 0 && std::isfinite(scale)) squares[column] += (value / scale) * (value / scale);
  });
  comm_->sum(std::span<double>(squares));
  for (std::size_t c = 0; c < columns_; ++c) {
    squares[c] = std::isfinite(largest[c]) ? largest[c] * std::sqrt(squares[c]) : largest[c];
  }
  return squares;
}

double ColumnNorms::norm(std::span<const double> x) const {
  double result = 0;
  for (const double each : norms(x)) result = std::hypot(result, each);
  return result;
}

void ColumnNorms::add(const std::vector<char>& wanted, std::span<const double> x,
                      std::span<double> y) const {
  for_each(y.size(), [&](std::size_t column, std::size_t first, std::size_t count) {
    if (wanted[column] == 0) return;
    for (std::size_t i = first; i < first + count; ++i) y[i] += x[i];
  });
}

void ColumnNorms::scale(std::span<const double> factors, std::span<double> x) const {
  for_each(x.size(), [&](std::size_t column, std::size_t first, std::size_t count) {
    for (std::size_t i = first; i < first + count; ++i) x[i] *= factors[column];
  });
}

}  // namespace kronwerk::operators
