#include "kronwerk/operators/nearest/nearest_kronecker_matrix.hpp"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kronwerk/operators/base/random.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"
#include "operators/base/small_lapack.hpp"

namespace kronwerk::operators {
namespace {

using Numbers = std::vector<double>;

constexpr std::size_t steps_per_restart = 20;

double norm_of(const Numbers& x) {
  return std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0));
}

void add_scaled(double scale, const Numbers& x, Numbers& y) {
  for (std::size_t i = 0; i < y.size(); ++i) y[i] += scale * x[i];
}

/// Makes x orthogonal to the others; twice is enough (Giraud et al. 2005). Then of unit length;
/// returns the length before.
double orthonormalise(Numbers& x, const std::vector<Numbers>& others) {
  for (int sweep = 0; sweep < 2; ++sweep) {
    for (const Numbers& other : others) {
      add_scaled(-std::inner_product(x.begin(), x.end(), other.begin(), 0.0), other, x);
    }
  }
  const double length = norm_of(x);
  if (length > 0) {
    for (double& value : x) value /= length;
  }
  return length;
}

/// Σ_i coefficient_i x_i
Numbers combine(const std::vector<Numbers>& vectors, const Numbers& coefficients) {
  Numbers sum(vectors.front().size(), 0.0);
  for (std::size_t i = 0; i < coefficients.size(); ++i)
    add_scaled(coefficients[i], vectors[i], sum);
  return sum;
}

/// The rearrangement of a matrix that is distributed by rows. A row (i_1, i_2) is an n_1 x n_2
/// matrix over (j_1, j_2).
class Rearrangement {
 public:
  Rearrangement(const communication::Communicator& comm, const ProductShape& shape, Index first_row,
                std::span<const double> rows)
      : comm_(comm), shape_(shape), first_row_(first_row), rows_(rows) {
    const Index size = core::multiply(shape.cols[0], shape.cols[1]);
    count_ = size > 0 ? std::ssize(rows) / size : 0;
    const bool fits = count_ * size == std::ssize(rows) && first_row >= 0;
    const Index expected = core::multiply(shape.rows[0], shape.rows[1]);
    const Index given = comm.sum(count_);
    if (!comm.any(!fits) && given == expected && size > 0 && expected > 0) return;
    throw core::ShapeError(fmt::format(
        "the factors {} x {} and {} x {} make a matrix of {} x {}; {} rows were given",
        shape.rows[0], shape.cols[0], shape.rows[1], shape.cols[1], expected, size, given));
  }

  std::size_t left_size() const { return size(0); }
  std::size_t right_size() const { return size(1); }

  /// R v. Collective.
  Numbers apply(const Numbers& v) const {
    Numbers u(left_size(), 0.0);
    for_rows([&](Index i1, Index i2, const double* row) {
      multiply(CblasNoTrans, row, v.data() + i2 * shape_.cols[1], u.data() + i1 * shape_.cols[0]);
    });
    comm_.sum(u);
    return u;
  }
  /// Rᵀ u. Collective.
  Numbers apply_transposed(const Numbers& u) const {
    Numbers v(right_size(), 0.0);
    for_rows([&](Index i1, Index i2, const double* row) {
      multiply(CblasTrans, row, u.data() + i1 * shape_.cols[0], v.data() + i2 * shape_.cols[1]);
    });
    comm_.sum(v);
    return v;
  }
  /// ‖R - u vᵀ‖_F. Collective.
  double distance(const Numbers& u, const Numbers& v) const {
    double squares = 0;
    for_rows([&](Index i1, Index i2, const double* row) {
      const double* right = v.data() + i2 * shape_.cols[1];
      for (Index j1 = 0; j1 < shape_.cols[0]; ++j1, row += shape_.cols[1]) {
        const double left = u[static_cast<std::size_t>(i1 * shape_.cols[0] + j1)];
        for (Index j2 = 0; j2 < shape_.cols[1]; ++j2) {
          const double missed = row[j2] - left * right[j2];
          squares += missed * missed;
        }
      }
    });
    return std::sqrt(comm_.sum(squares));
  }

 private:
  std::size_t size(std::size_t side) const {
    return static_cast<std::size_t>(core::multiply(shape_.rows[side], shape_.cols[side]));
  }
  void multiply(CBLAS_TRANSPOSE transpose, const double* row, const double* x, double* y) const {
    const auto n1 = core::narrow<int>(shape_.cols[0]);
    const auto n2 = core::narrow<int>(shape_.cols[1]);
    cblas_dgemv(CblasRowMajor, transpose, n1, n2, 1.0, row, n2, x, 1, 1.0, y, 1);
  }
  template <typename Work>
  void for_rows(Work&& work) const {
    const Index length = shape_.cols[0] * shape_.cols[1];
    for (Index r = 0; r < count_; ++r) {
      const Index row = first_row_ + r;
      work(row / shape_.rows[1], row % shape_.rows[1], rows_.data() + r * length);
    }
  }

  const communication::Communicator& comm_;
  ProductShape shape_;
  Index first_row_;
  Index count_ = 0;
  std::span<const double> rows_;
};

/// R V = U B with B upper bidiagonal, grown from one right vector.
class Bidiagonalisation {
 public:
  Bidiagonalisation(const Rearrangement& matrix, Numbers start) : matrix_(matrix) {
    orthonormalise(start, {});
    right_.push_back(std::move(start));
  }

  /// One step: two passes over the matrix.
  void step() {
    Numbers u = matrix_.apply(right_.back());
    diagonal_.push_back(orthonormalise(u, left_));
    left_.push_back(std::move(u));
    Numbers v = matrix_.apply_transposed(left_.back());
    above_.push_back(orthonormalise(v, right_));
    right_.push_back(std::move(v));
  }

  struct Pair {
    double value = 0;
    double residual = 0;  ///< ‖Rᵀu - σv‖
    Numbers left, right;  ///< coefficients
  };
  Pair leading() const {
    // The eigenvector (u, v) of [0 B; Bᵀ 0] with the largest eigenvalue holds the singular pair.
    const std::size_t n = diagonal_.size();
    Numbers matrix(4 * n * n, 0.0);
    const auto set = [&](std::size_t i, std::size_t j, double value) {
      matrix[i * 2 * n + n + j] = matrix[(n + j) * 2 * n + i] = value;
    };
    for (std::size_t i = 0; i < n; ++i) {
      set(i, i, diagonal_[i]);
      if (i + 1 < n) set(i, i + 1, above_[i]);
    }
    const auto eigen = symmetric_eigen(std::move(matrix), 2 * n);
    const auto leading = eigen.vectors.end() - static_cast<std::ptrdiff_t>(2 * n);
    const auto middle = leading + static_cast<std::ptrdiff_t>(n);
    Pair pair{eigen.values.back(), 0, {leading, middle}, {middle, eigen.vectors.end()}};
    for (double& value : pair.left) value *= std::sqrt(2);
    for (double& value : pair.right) value *= std::sqrt(2);
    pair.residual = above_.back() * std::abs(pair.left.back());
    return pair;
  }
  Numbers left(const Pair& pair) const { return combine(left_, pair.left); }
  Numbers right(const Pair& pair) const { return combine(right_, pair.right); }
  std::size_t steps() const { return diagonal_.size(); }

 private:
  const Rearrangement& matrix_;
  std::vector<Numbers> left_, right_;
  Numbers diagonal_, above_;
};

/// Equal norms √σ, and the sign by A's largest entry.
void set_factors(NearestKroneckerProduct& result, double value, Numbers left, Numbers right) {
  const auto largest =
      std::ranges::max_element(left, [](double a, double b) { return std::abs(a) < std::abs(b); });
  const double scale = std::copysign(std::sqrt(value), *largest);
  for (double& each : left) each *= scale;
  for (double& each : right) each *= scale;
  result.factors = {std::move(left), std::move(right)};
}

}  // namespace

NearestKroneckerProduct nearest_kronecker_product(const communication::Communicator& comm,
                                                  const ProductShape& shape, Index first_row,
                                                  std::span<const double> rows, double tolerance,
                                                  Index max_passes) {
  const Rearrangement matrix(comm, shape, first_row, rows);
  const double squares = comm.sum(std::inner_product(rows.begin(), rows.end(), rows.begin(), 0.0));
  if (!std::isfinite(squares)) {
    throw core::DataError(
        "entries of the matrix are not finite, or so large that their squares are not");
  }
  NearestKroneckerProduct result;
  result.norm = std::sqrt(squares);
  if (squares == 0) {
    result.factors = {Numbers(matrix.left_size(), 0.0), Numbers(matrix.right_size(), 0.0)};
    return result;
  }
  Numbers start(matrix.right_size());
  fill_random(RandomKind::normal, 1, 0, start);
  double before = 0;
  for (;;) {
    Bidiagonalisation lanczos(matrix, std::move(start));
    Bidiagonalisation::Pair pair;
    bool small = false;
    while (!small && lanczos.steps() < steps_per_restart && result.passes + 2 <= max_passes) {
      lanczos.step();
      result.passes += 2;
      pair = lanczos.leading();
      small = pair.residual <= tolerance * pair.value;
    }
    if (pair.left.empty()) {
      throw core::ConfigurationError("the nearest Kronecker product takes at least two passes");
    }
    // Where the leading singular values are equal to rounding, any vector of theirs is as near.
    const bool settled = pair.value - before <= 1e-15 * pair.value;
    before = pair.value;
    result.converged = small || settled;
    if (result.converged || result.passes + 2 > max_passes) {
      set_factors(result, pair.value, lanczos.left(pair), lanczos.right(pair));
      break;
    }
    start = lanczos.right(pair);
  }
  result.relative_error = matrix.distance(result.factors[0], result.factors[1]) / result.norm;
  return result;
}

}  // namespace kronwerk::operators
