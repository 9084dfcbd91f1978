#include "kronwerk/operators/kernel_matrices/kernel_operator.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "operators/kernel_matrices/kernel_sides.hpp"

namespace kronwerk::operators {
namespace {

// No variable of a formula can have this name.
constexpr const char* vector_name = "@vector";
// The diagonal is read off small square blocks, which cost less than single pairs.
constexpr Index diagonal_block = 16;
// What each further vector adds to the time of one application.
constexpr double cost_of_vector = 0.1;

distribution::Layout layout_of(Index points, Index width, int parts) {
  if (width < 1) {
    throw core::ShapeError(
        fmt::format("a kernel operator needs at least one vector; found the width {}", width));
  }
  core::Extents extents{points};
  if (width > 1) extents.push_back(width);
  return {std::move(extents), 1, parts};
}

void check_side(const communication::Communicator& comm, const kernels::DistributedSide& side,
                const char* what) {
  const distribution::BlockPartition expected(side.partition.size(), comm.size());
  const int rank = comm.rank();
  if (side.partition.parts() == comm.size() && side.local.first == expected.begin(rank) &&
      side.local.count == expected.count(rank)) {
    return;
  }
  throw core::ShapeError(fmt::format(
      "the {} of a kernel operator begin at point {} and are {} on rank {}; its home block of {} "
      "points begins at {} and has {}",
      what, side.local.first, side.local.count, rank, side.partition.size(), expected.begin(rank),
      expected.count(rank)));
}

std::set<std::string> names_of(const kernels::Expression& formula, kernels::Axes axis) {
  std::set<std::string> names;
  for (const auto& [name, symbol] : formula.variables()) {
    if (symbol.axes == axis) names.insert(name);
  }
  return names;
}

}  // namespace

KernelOperator::KernelOperator(const communication::Communicator& comm, DistributedKernel matrix,
                               Index width, double scale, double shift)
    : LinearOperator(comm, layout_of(matrix.columns.partition.size(), width, comm.size()),
                     layout_of(matrix.rows.partition.size(), width, comm.size())),
      matrix_(std::move(matrix)),
      width_(width),
      scale_(scale),
      shift_(shift),
      program_(matrix_.formula, matrix_.constants, matrix_.precision),
      transposed_program_(matrix_.formula.transposed(), matrix_.constants, matrix_.precision),
      row_names_(names_of(matrix_.formula, kernels::axis_i)),
      column_names_(names_of(matrix_.formula, kernels::axis_j)) {
  communication::collectively(comm, [&] {
    if (matrix_.formula.dimension() != 1) {
      throw core::ShapeError(
          fmt::format("a kernel matrix needs one number for each pair of points; '{}' gives {}",
                      matrix_.formula.text(), matrix_.formula.dimension()));
    }
    check_side(comm, matrix_.rows, "rows");
    check_side(comm, matrix_.columns, "columns");
    if (shift != 0 && rows() != columns()) {
      throw core::ShapeError(fmt::format(
          "a multiple of the identity cannot be added to the {} x {} kernel matrix '{}'", rows(),
          columns(), matrix_.formula.text()));
    }
  });
}

void KernelOperator::multiply(std::span<const double> v, std::span<double> out, Index width,
                              bool transposed, bool accumulate) const {
  const auto& kept = transposed ? matrix_.columns : matrix_.rows;
  kernels::DistributedSide moving = transposed ? matrix_.rows : matrix_.columns;
  const bool fits = std::cmp_equal(v.size(), moving.local.count * width) &&
                    std::cmp_equal(out.size(), kept.local.count * width);
  sizes_[transposed ? 1 : 0].check(comm(), fits, [&] {
    return fmt::format(
        "a {} x {} kernel operator was applied to {} values with room for {}; {} vectors on this "
        "rank are {} and {}",
        rows(), columns(), v.size(), out.size(), width, moving.local.count * width,
        kept.local.count * width);
  });
  moving.local.variables[vector_name] =
      kernels::to_cloud(v, moving.local.count, core::narrow<int>(width));
  std::vector<double> sums(out.size(), 0.0);
  const kernels::Program& program = transposed ? transposed_program_ : program_;
  std::set<std::string> names = transposed ? row_names_ : column_names_;
  names.insert(vector_name);
  kernels::visit_ring(comm(), moving, names, [&](const kernels::Side& block, const auto& progress) {
    progress();
    const kernels::Cloud& cloud = block.variables.at(vector_name);
    if (width == 1) {
      kernels::multiply_add(program, kept.local, block, cloud.values, width, sums);
    } else {
      kernels::multiply_add(program, kept.local, block, kernels::from_cloud(cloud), width, sums);
    }
  });
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double shifted = shift_ == 0 ? 0 : shift_ * v[i];
    const double value = scale_ * sums[i] + shifted;
    out[i] = accumulate ? out[i] + value : value;
  }
}

void KernelOperator::do_apply(std::span<const double> x, std::span<double> y, bool transposed,
                              bool accumulate) const {
  multiply(x, y, width_, transposed, accumulate);
}

void KernelOperator::do_diagonal(std::span<double> values) const {
  const std::vector<double> points = point_diagonal();
  const auto width = static_cast<std::size_t>(width_);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = points[i / width];
}

std::vector<double> KernelOperator::point_diagonal() const {
  if (rows() != columns()) {
    throw core::ShapeError(
        fmt::format("the {} x {} kernel matrix '{}' is not square; only a square one has a "
                    "diagonal here",
                    rows(), columns(), matrix_.formula.text()));
  }
  const Index count = matrix_.rows.local.count;
  std::vector<double> result(static_cast<std::size_t>(count));
  std::vector<double> block(static_cast<std::size_t>(diagonal_block * diagonal_block));
  for (Index begin = 0; begin < count; begin += diagonal_block) {
    const Index size = std::min(diagonal_block, count - begin);
    kernels::evaluate(program_, part_of(matrix_.rows.local, begin, size),
                      part_of(matrix_.columns.local, begin, size), block, size);
    for (Index i = 0; i < size; ++i) {
      result[static_cast<std::size_t>(begin + i)] =
          scale_ * block[static_cast<std::size_t>(i * (size + 1))] + shift_;
    }
  }
  return result;
}

double KernelOperator::estimated_seconds(Index width) const {
  const double pairs = static_cast<double>(rows()) * static_cast<double>(columns());
  const double vectors = 1 + cost_of_vector * static_cast<double>(width - 1);
  return 1e-9 * program_.cost_per_pair() * pairs * vectors / comm().size();
}

}  // namespace kronwerk::operators
