#include "operators/kernel_matrices/kernel_dense.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kronwerk/factors/base/distributed_libraries.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "operators/kernel_matrices/kernel_sides.hpp"

namespace kronwerk::operators {
namespace {

// What a processor core does in a factorisation, and what is left of it on several.
constexpr double flops_per_second = 3.5e10;
constexpr double parallel_efficiency = 0.8;

bool is_spread(const KernelOperator& op, Index spread_extent) {
  return factors::has_scalapack() && op.comm().size() > 1 && op.rows() >= spread_extent;
}

/// Pieces of all ranks, one after another, on every rank; counts per rank.
std::vector<double> gather_values(const communication::Communicator& comm,
                                  std::span<const double> own, Index before, Index total) {
  std::vector<double> all(static_cast<std::size_t>(total), 0.0);
  std::copy(own.begin(), own.end(), all.begin() + before);
  comm.sum(std::span<double>(all));
  return all;
}

}  // namespace

kernels::Side gather_side(const communication::Communicator& comm,
                          const kernels::DistributedSide& side) {
  const Index stride = values_per_point(side.local);
  const Index total = side.partition.size();
  std::vector<double> packed(static_cast<std::size_t>(side.local.count * stride));
  for (Index p = 0; p < side.local.count; ++p) {
    pack_point(side.local, p, packed.data() + p * stride);
  }
  const std::vector<double> all =
      gather_values(comm, packed, side.local.first * stride, core::multiply(total, stride));
  return unpack_points(side.local, all.data(), total, stride);
}

namespace {

std::string name_of(const KernelOperator& op) {
  return op.shift() == 0 ? op.matrix().formula.text()
                         : fmt::format("{} + {:.6g}*I", op.matrix().formula.text(), op.shift());
}

/// Once per node, its rows computed by the node's ranks. Collective.
factors::FactorPtr dense_kernel_factor(const KernelOperator& op) {
  const auto& comm = op.comm();
  const kernels::Side columns = gather_side(comm, op.matrix().columns);
  const kernels::Side rows = gather_side(comm, op.matrix().rows);
  communication::SharedDense dense;
  dense.rows = rows.count;
  dense.cols = columns.count;
  dense.values = communication::SharedArray<double>(comm, core::multiply(dense.rows, dense.cols));
  const distribution::BlockPartition part(rows.count, comm.node().size());
  const int rank = comm.node().rank();
  communication::collectively(comm, [&] {
    const Index begin = part.begin(rank);
    const Index count = part.count(rank);
    if (count == 0 || columns.count == 0) return;
    const kernels::Program program(op.matrix().formula, op.matrix().constants,
                                   op.matrix().precision);
    const auto values = dense.values.mutable_span().subspan(
        static_cast<std::size_t>(begin * dense.cols), static_cast<std::size_t>(count * dense.cols));
    kernels::evaluate(program, part_of(rows, begin, count), columns, values, dense.cols);
    for (double& each : values) each *= op.scale();
    if (op.shift() == 0) return;
    for (Index i = 0; i < count; ++i) {
      values[static_cast<std::size_t>(i * dense.cols + begin + i)] += op.shift();
    }
  });
  dense.values.publish();
  return factors::make_dense(name_of(op), std::move(dense));
}

/// Each rank its share. Collective.
factors::DistributedSystem spread_kernel(const KernelOperator& op, bool symmetric) {
  kernels::Side rows = gather_side(op.comm(), op.matrix().rows);
  kernels::Side columns = gather_side(op.comm(), op.matrix().columns);
  kernels::Expression formula = op.matrix().formula;
  // Points are taken out of their order.
  if (uses_indices(formula)) {
    add_indices(rows, row_index_name);
    add_indices(columns, column_index_name);
    formula = with_explicit_indices(formula);
  }
  const auto entries = [&](std::span<const Index> row_list, std::span<const Index> column_list,
                           std::span<double> out) {
    const kernels::Program program(formula, op.matrix().constants, op.matrix().precision);
    const auto width = std::ssize(column_list);
    kernels::evaluate(program, kernels::gather_points(rows, row_list, 0),
                      kernels::gather_points(columns, column_list, 0), out, width);
    for (double& value : out) value *= op.scale();
    if (op.shift() == 0) return;
    for (std::size_t i = 0; i < row_list.size(); ++i) {
      const auto at = std::ranges::lower_bound(column_list, row_list[i]);
      if (at == column_list.end() || *at != row_list[i]) continue;
      out[i * column_list.size() + static_cast<std::size_t>(at - column_list.begin())] +=
          op.shift();
    }
  };
  return {op.comm(), op.rows(), name_of(op), symmetric, entries};
}

}  // namespace

KernelDense::KernelDense(const KernelOperator& op, bool symmetric, Index spread_extent) {
  if (is_spread(op, spread_extent)) {
    spread_.emplace(spread_kernel(op, symmetric));
    return;
  }
  factor_ = dense_kernel_factor(op);
  const std::vector<factors::FactorPtr> list{factor_};
  factors::factorise(op.comm(), list);
}

factors::Determinant KernelDense::determinant() const {
  return spread_ ? spread_->determinant() : factor_->factorisation()->determinant();
}

std::string KernelDense::description() const {
  return spread_ ? spread_->description() : factor_->factorisation()->description();
}

DenseEstimate estimate_dense(const KernelOperator& op, bool symmetric, Index columns,
                             Index spread_extent) {
  const auto n = static_cast<double>(op.rows());
  const int ranks = op.comm().size();
  const bool together = is_spread(op, spread_extent);
  const double speed = flops_per_second * (together ? parallel_efficiency * ranks : 1.0);
  const double vectors = std::ceil(static_cast<double>(columns) / ranks);
  DenseEstimate result;
  const int nodes = op.comm().node_count();
  // A solve reads the triangles twice; what is not spread is evaluated on every node.
  result.seconds = n * n * n * (symmetric ? 1.0 : 2.0) / 3 / speed +
                   op.estimated_seconds(1) * (together ? 1 : nodes) +
                   n * n * std::max(8.0 / 8e9, 4 * vectors / flops_per_second);
  result.bytes_per_node = together ? 8 * n * n / nodes : 16 * n * n;
  return result;
}

void KernelDense::solve(const KernelOperator& op, std::span<const double> b, std::span<double> a,
                        Index width, bool transposed) const {
  const auto& comm = op.comm();
  const Index first = op.matrix().rows.local.first;
  const Index n = op.rows();
  std::vector<double> all = gather_values(comm, b, first * width, core::multiply(n, width));
  if (spread_) {
    spread_->solve(all, width, transposed);
    std::copy_n(all.begin() + first * width, a.size(), a.begin());
    return;
  }
  const distribution::BlockPartition part(width, comm.size());
  const Index begin = part.begin(comm.rank());
  const Index count = part.count(comm.rank());
  std::vector<double> solved(all.size(), 0.0);
  communication::collectively(comm, [&] {
    if (count == 0 || n == 0) return;
    const factors::ConstView right{all.data() + begin, 1, n, count, n * width, width};
    const factors::View left{solved.data() + begin, 1, n, count, n * width, width};
    factor_->factorisation()->solve(right, left, transposed);
  });
  comm.sum(std::span<double>(solved));
  std::copy_n(solved.begin() + first * width, a.size(), a.begin());
}

}  // namespace kronwerk::operators
