// Accelerated randomly pivoted Cholesky (Chen, Epperly, Tropp and Webber 2023; Epperly, Tropp and
// Webber 2024): candidates are drawn in proportion to the diagonal of the residual and accepted
// with the probability by which the candidates accepted before them have lowered it.
#include "operators/kernel_matrices/kernel_cholesky.hpp"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kronwerk/operators/base/random.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"
#include "operators/kernel_matrices/kernel_sides.hpp"

namespace kronwerk::operators {
namespace {

using communication::check_mpi;

// Residuals below this part of the largest diagonal entry are rounding error.
constexpr double rounding = 1e-13;
// A negative residual beyond this part of it is none.
constexpr double indefinite = 1e-8;

kernels::Program explicit_program(const DistributedKernel& matrix) {
  // Pivots must be exact to be of use in the Cholesky factor: never in single precision.
  const bool indexed = uses_indices(matrix.formula);
  return {indexed ? with_explicit_indices(matrix.formula) : matrix.formula, matrix.constants,
          kernels::Precision::float64};
}

int as_int(Index value) {
  return core::narrow<int>(value);
}

}  // namespace

/// Points drawn by all ranks, in the order of the ranks, the same on every rank.
struct PartialCholesky::Candidates {
  Index count = 0;
  Index first_own = 0;             ///< this rank's are first_own … first_own + own.size() - 1
  std::vector<Index> own;          ///< their local rows
  kernels::Side rows;              ///< the points as rows
  kernels::Side columns;           ///< … and as columns
  std::vector<double> known_rows;  ///< their rows of F, row-major (count x rank)
};

/// Which candidates are taken, and the Cholesky factor of their block of the residual.
struct PartialCholesky::Accepted {
  std::vector<Index> which;
  std::vector<double> lower;  ///< row-major, which.size() squared
  bool indefinite = false;
};

PartialCholesky::PartialCholesky(const KernelOperator& op, std::uint64_t seed)
    : comm_(&op.comm()),
      seed_(seed),
      scale_(op.scale()),
      row_side_(op.matrix().rows.local),
      column_side_(op.matrix().columns.local),
      program_(explicit_program(op.matrix())),
      rows_(row_side_.count) {
  if (uses_indices(op.matrix().formula)) {
    add_indices(row_side_, row_index_name);
    add_indices(column_side_, column_index_name);
  }
  take_diagonal(op);
}

void PartialCholesky::take_diagonal(const KernelOperator& op) {
  communication::collectively(*comm_, [&] {
    diagonal_ = op.point_diagonal();
    for (std::size_t i = 0; i < diagonal_.size(); ++i) {
      diagonal_[i] -= op.shift();
      if (std::isfinite(diagonal_[i])) continue;
      throw core::DataError(fmt::format(
          "the kernel matrix '{}' has {} on its diagonal, at point {}", op.matrix().formula.text(),
          diagonal_[i], row_side_.first + static_cast<Index>(i)));
    }
  });
  double largest = 0;
  for (const double each : diagonal_) largest = std::max(largest, std::abs(each));
  largest_ = comm_->max(largest);
  sum_trace();
  full_trace_ = trace_;
}

void PartialCholesky::sum_trace() {
  double own = 0;
  for (const double each : diagonal_) own += std::max(each, 0.0);
  trace_before_rank_ = {0};
  for (const double each : comm_->gather_all(own)) {
    trace_before_rank_.push_back(trace_before_rank_.back() + each);
  }
  trace_ = trace_before_rank_.back();
}

// One point in each of `count` equal parts of the trace (systematic sampling); those that come up
// twice are taken once.
std::vector<Index> PartialCholesky::draw(Index count) {
  std::vector<double> places(static_cast<std::size_t>(count));
  fill_random(RandomKind::uniform, seed_, static_cast<Index>(drawn_), places);
  drawn_ += static_cast<std::uint64_t>(count);
  const auto rank = static_cast<std::size_t>(comm_->rank());
  const double last = std::nextafter(trace_, 0.0);
  std::vector<Index> result;
  double passed = trace_before_rank_[rank];
  Index point = 0;
  for (Index t = 0; t < count; ++t) {
    const double u = places[static_cast<std::size_t>(t)];
    const double place =
        std::min(last, (static_cast<double>(t) + u) / static_cast<double>(count) * trace_);
    if (place < trace_before_rank_[rank] || place >= trace_before_rank_[rank + 1]) continue;
    while (point + 1 < rows_ &&
           passed + std::max(diagonal_[static_cast<std::size_t>(point)], 0.0) <= place) {
      passed += std::max(diagonal_[static_cast<std::size_t>(point)], 0.0);
      ++point;
    }
    if (result.empty() || result.back() != point) result.push_back(point);
  }
  return result;
}

PartialCholesky::Candidates PartialCholesky::gather(const std::vector<Index>& drawn) const {
  const Index row_values = values_per_point(row_side_);
  const Index point_values = row_values + values_per_point(column_side_);
  const Index stride = point_values + rank_;
  std::vector<double> packed(drawn.size() * static_cast<std::size_t>(stride));
  for (std::size_t c = 0; c < drawn.size(); ++c) {
    double* out = packed.data() + c * static_cast<std::size_t>(stride);
    pack_point(row_side_, drawn[c], out);
    pack_point(column_side_, drawn[c], out + row_values);
    for (Index k = 0; k < rank_; ++k) {
      out[point_values + k] = factor_[static_cast<std::size_t>(k * rows_ + drawn[c])];
    }
  }
  const int mine = as_int(std::ssize(packed));
  std::vector<int> counts(static_cast<std::size_t>(comm_->size()));
  check_mpi(MPI_Allgather(&mine, 1, MPI_INT, counts.data(), 1, MPI_INT, comm_->get()));
  std::vector<int> offsets(counts.size() + 1, 0);
  std::partial_sum(counts.begin(), counts.end(), offsets.begin() + 1);
  std::vector<double> all(static_cast<std::size_t>(offsets.back()));
  check_mpi(MPI_Allgatherv(packed.data(), mine, MPI_DOUBLE, all.data(), counts.data(),
                           offsets.data(), MPI_DOUBLE, comm_->get()));
  Candidates result;
  result.count = std::ssize(all) / stride;
  result.first_own = offsets[static_cast<std::size_t>(comm_->rank())] / stride;
  result.own = drawn;
  result.rows = unpack_points(row_side_, all.data(), result.count, stride);
  result.columns = unpack_points(column_side_, all.data() + row_values, result.count, stride);
  result.known_rows.resize(static_cast<std::size_t>(result.count * rank_));
  for (Index c = 0; c < result.count; ++c) {
    std::copy_n(all.data() + c * stride + point_values, rank_,
                result.known_rows.data() + c * rank_);
  }
  return result;
}

// The candidates' block of K becomes that of K - F Fᵀ.
void PartialCholesky::subtract_known(const Candidates& candidates,
                                     std::vector<double>& block) const {
  const int m = as_int(candidates.count);
  const int k = as_int(rank_);
  if (k == 0 || m == 0) return;
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, m, k, -1.0, candidates.known_rows.data(),
              k, candidates.known_rows.data(), k, 1.0, block.data(), m);
}

namespace {

// An estimate of the norm of a positive semidefinite matrix of which a block is given, drawn in
// proportion to the diagonal: ‖E‖_F² / tr(E) is the mean of the squared correlations, off the
// diagonal, times tr(E), and a norm is a few times that.
double norm_from_block(const std::vector<double>& block, std::size_t count, double trace) {
  if (count < 2) return trace;
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const double product = block[i * (count + 1)] * block[j * (count + 1)];
      if (product > 0) sum += block[i * count + j] * block[i * count + j] / product;
    }
  }
  constexpr double norm_per_mean = 4;  // measured for Gaussian and Matérn kernels: 3 to 7
  const double mean = 2 * sum / static_cast<double>(count * (count - 1));
  return std::min(trace, norm_per_mean * trace * mean);
}

struct Rejection {
  std::vector<Index> which;
  std::vector<double> columns;  ///< of the Cholesky factor for all candidates, one after another
  bool indefinite = false;
};

// Goes through the candidates in random order.
Rejection reject(const std::vector<double>& block, std::size_t count,
                 const std::vector<double>& chances, double largest) {
  Rejection result;
  std::vector<double> residual(count);
  for (std::size_t i = 0; i < count; ++i) residual[i] = block[i * (count + 1)];
  const std::vector<double> before = residual;
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return chances[count + a] < chances[count + b]; });
  for (const std::size_t pivot : order) {
    const double left = residual[pivot];
    if (left < -indefinite * largest) result.indefinite = true;
    const bool taken = left > rounding * largest && chances[pivot] * before[pivot] < left;
    if (!taken) continue;
    const double root = std::sqrt(left);
    const std::size_t start = result.columns.size();
    result.columns.resize(start + count);
    double* column = result.columns.data() + start;
    for (std::size_t i = 0; i < count; ++i) column[i] = block[i * count + pivot];
    for (std::size_t k = 0; k < start; k += count) {
      const double* known = result.columns.data() + k;
      const double factor = known[pivot];
      for (std::size_t i = 0; i < count; ++i) column[i] -= factor * known[i];
    }
    for (std::size_t i = 0; i < count; ++i) {
      column[i] /= root;
      residual[i] -= column[i] * column[i];
    }
    residual[pivot] = 0;
    result.which.push_back(static_cast<Index>(pivot));
  }
  for (const double each : residual) {
    if (each < -indefinite * largest) result.indefinite = true;
  }
  return result;
}

}  // namespace

// Rank 0 decides for all, so that the last bits of different processors cannot part the ranks.
PartialCholesky::Accepted PartialCholesky::accept(const Candidates& candidates) {
  const auto count = static_cast<std::size_t>(candidates.count);
  std::vector<double> chances(2 * count);
  fill_random(RandomKind::uniform, seed_, static_cast<Index>(drawn_), chances);
  drawn_ += 2 * count;
  std::vector<double> message(3 + count + count * count, 0.0);
  communication::on_root(*comm_, [&] {
    std::vector<double> block(count * count, 0.0);
    kernels::evaluate(program_, candidates.rows, candidates.columns, block, candidates.count);
    for (double& each : block) each *= scale_;
    subtract_known(candidates, block);
    const Rejection result = reject(block, count, chances, largest_);
    const std::size_t taken = result.which.size();
    message[0] = static_cast<double>(taken);
    message[1] = result.indefinite ? 1 : 0;
    message[2] = norm_from_block(block, count, trace_);
    for (std::size_t a = 0; a < taken; ++a) {
      message[3 + a] = static_cast<double>(result.which[a]);
      for (std::size_t b = 0; b <= a; ++b) {
        message[3 + count + a * taken + b] =
            result.columns[b * count + static_cast<std::size_t>(result.which[a])];
      }
    }
  });
  comm_->broadcast(message);
  Accepted accepted;
  const auto taken = static_cast<std::size_t>(message[0]);
  accepted.indefinite = message[1] != 0;
  residual_norm_ = message[2];
  for (std::size_t a = 0; a < taken; ++a) {
    accepted.which.push_back(static_cast<Index>(message[3 + a]));
  }
  const auto* lower = message.data() + 3 + count;
  accepted.lower.assign(lower, lower + taken * taken);
  return accepted;
}

void PartialCholesky::append(const Candidates& candidates, const Accepted& accepted) {
  const Index taken = std::ssize(accepted.which);
  const auto old_size = factor_.size();
  factor_.resize(static_cast<std::size_t>((rank_ + taken) * rows_));
  double* fresh = factor_.data() + old_size;
  // Rows of the pivots are, by symmetry, the columns that are wanted, in the order of F.
  const kernels::Side pivots = kernels::gather_points(candidates.rows, accepted.which, 0);
  if (rows_ > 0) {
    kernels::evaluate(program_, pivots, column_side_,
                      {fresh, static_cast<std::size_t>(taken * rows_)}, rows_);
    cblas_dscal(as_int(taken * rows_), scale_, fresh, 1);
    if (rank_ > 0) {
      std::vector<double> known(static_cast<std::size_t>(taken * rank_));
      for (Index a = 0; a < taken; ++a) {
        std::copy_n(
            candidates.known_rows.data() + accepted.which[static_cast<std::size_t>(a)] * rank_,
            rank_, known.data() + a * rank_);
      }
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, as_int(taken), as_int(rows_),
                  as_int(rank_), -1.0, known.data(), as_int(rank_), factor_.data(), as_int(rows_),
                  1.0, fresh, as_int(rows_));
    }
    cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, as_int(taken),
                as_int(rows_), 1.0, accepted.lower.data(), as_int(taken), fresh, as_int(rows_));
  }
  for (Index a = 0; a < taken; ++a) {
    const double* column = fresh + a * rows_;
    for (Index i = 0; i < rows_; ++i) {
      diagonal_[static_cast<std::size_t>(i)] -= column[i] * column[i];
    }
  }
  for (const Index which : accepted.which) {
    const Index own = which - candidates.first_own;
    if (own < 0 || own >= std::ssize(candidates.own)) continue;
    diagonal_[static_cast<std::size_t>(candidates.own[static_cast<std::size_t>(own)])] = 0;
  }
  rank_ += taken;
}

PartialCholesky::Step PartialCholesky::grow(Index count) {
  const double least =
      comm_->min(diagonal_.empty() ? 0.0 : *std::min_element(diagonal_.begin(), diagonal_.end()));
  if (least < -indefinite * largest_) return Step::indefinite;
  const auto points = static_cast<double>(comm_->sum(rows_));
  if (!(trace_ > rounding * largest_ * points)) return Step::exhausted;
  const Candidates candidates = gather(draw(count));
  const Accepted accepted = accept(candidates);
  if (accepted.indefinite) return Step::indefinite;
  if (accepted.which.empty()) return Step::exhausted;
  communication::collectively(*comm_, [&] { append(candidates, accepted); });
  sum_trace();
  return Step::grown;
}

}  // namespace kronwerk::operators
