#include "operators/kernel_matrices/kernel_dense.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kronwerk/factors/base/make.hpp"
#include "operators/kernel_matrices/kernel_sides.hpp"

namespace kronwerk::operators {
namespace {

// What a processor core does in a factorisation, and what is left of it on several.
constexpr double flops_per_second = 3.5e10;
constexpr double parallel_efficiency = 0.8;
// Smaller matrices are factorised by one rank (see factors::factorise).
constexpr Index distributed_extent = 4000;

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
  const std::string name =
      op.shift() == 0 ? op.matrix().formula.text()
                      : fmt::format("{} + {:.6g}*I", op.matrix().formula.text(), op.shift());
  return factors::make_dense(name, std::move(dense));
}

DenseEstimate estimate_dense(const KernelOperator& op, bool symmetric, Index columns) {
  const auto n = static_cast<double>(op.rows());
  const int ranks = op.comm().size();
  const bool together = op.rows() >= distributed_extent && ranks > 1;
  const double speed = flops_per_second * (together ? parallel_efficiency * ranks : 1.0);
  const double vectors = std::ceil(static_cast<double>(columns) / ranks);
  DenseEstimate result;
  // A solve reads the triangles twice; the evaluation is done on every node.
  result.seconds = n * n * n * (symmetric ? 1.0 : 2.0) / 3 / speed +
                   op.estimated_seconds(1) * op.comm().node_count() +
                   n * n * std::max(8.0 / 8e9, 4 * vectors / flops_per_second);
  result.bytes_per_node = 16 * n * n;
  return result;
}

void dense_solve(const KernelOperator& op, const factors::Factorisation& factorisation,
                 std::span<const double> b, std::span<double> a, Index width, bool transposed) {
  const auto& comm = op.comm();
  const Index first = op.matrix().rows.local.first;
  const Index n = op.rows();
  std::vector<double> all = gather_values(comm, b, first * width, core::multiply(n, width));
  const distribution::BlockPartition part(width, comm.size());
  const Index begin = part.begin(comm.rank());
  const Index count = part.count(comm.rank());
  std::vector<double> solved(all.size(), 0.0);
  communication::collectively(comm, [&] {
    if (count == 0 || n == 0) return;
    const factors::ConstView right{all.data() + begin, 1, n, count, n * width, width};
    const factors::View left{solved.data() + begin, 1, n, count, n * width, width};
    factorisation.solve(right, left, transposed);
  });
  comm.sum(std::span<double>(solved));
  std::copy_n(solved.begin() + first * width, a.size(), a.begin());
}

}  // namespace kronwerk::operators
