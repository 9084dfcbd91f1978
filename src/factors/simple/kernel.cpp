// Declared in factors/simple/kernel_factor.hpp and kronwerk/factors/base/make.hpp.
#include <algorithm>
#include <string>
#include <utility>

#include "factors/dense/dense_apply.hpp"
#include "factors/dense/dense_factorisation.hpp"
#include "factors/simple/kernel_factor.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/factors/base/chain.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/factors/base/scratch.hpp"

namespace kronwerk::factors {
namespace {

// A panel of the matrix has about this many values, so that it is in the cache when it is used, but
// enough rows for a GEMM's rate.
constexpr Index panel_size = Index{1} << 19;
constexpr Index least_panel = 48;
// The diagonal is read off small square blocks, which cost less than single pairs.
constexpr Index diagonal_block = 16;
// One evaluation serves all fibres of a call; products are cut into pieces of this many (see
// MatrixStep::least_fibres), and a core does this many operations in a nanosecond.
constexpr double fibres_per_evaluation = 1024;
constexpr double flops_per_nanosecond = 40;

Index extent(const KernelFactor::Matrix& matrix, bool rows) {
  return rows ? matrix.rows.count : matrix.columns.count;
}

const std::shared_ptr<const KernelFactor::Matrix>& checked(
    const std::string& name, const std::shared_ptr<const KernelFactor::Matrix>& matrix,
    double shift) {
  const int dimension = matrix->program.formula().dimension();
  if (dimension != 1) {
    throw core::ShapeError(
        "the kernel factor '" + name + "' needs one number for each pair of points; its formula '" +
        matrix->program.formula().text() + "' gives " + std::to_string(dimension));
  }
  if (shift != 0 && matrix->rows.count != matrix->columns.count) {
    throw core::ShapeError("a multiple of the identity cannot be added to the kernel factor '" +
                           name + "' (" + std::to_string(matrix->rows.count) + " x " +
                           std::to_string(matrix->columns.count) + ")");
  }
  return matrix;
}

// The matrix for as long as its factorisation is in the making.
class MaterialisedFactorisation final : public LocalFactorisation {
 public:
  explicit MaterialisedFactorisation(const Factor& factor)
      : values_(dense_copy(factor)),
        inner_(begin_dense_factorisation(
            factor, DenseView::row_major(values_.data(), factor.rows(), factor.cols()))) {}
  std::size_t bytes() const override { return inner_->bytes(); }
  void store(std::byte* target) override { inner_->store(target); }

 private:
  std::vector<double> values_;
  std::unique_ptr<LocalFactorisation> inner_;
};

}  // namespace

KernelFactor::KernelFactor(std::string name, std::shared_ptr<const Matrix> matrix, double scale,
                           double shift, bool flipped)
    : Factor(Kind::kernel, extent(*checked(name, matrix, shift), !flipped),
             extent(*matrix, flipped), name),
      matrix_(std::move(matrix)),
      scale_(scale),
      shift_(shift),
      flipped_(flipped) {}

FactorPtr KernelFactor::scaled(std::string name, double scale, double shift) const {
  return std::make_shared<KernelFactor>(std::move(name), matrix_, scale * scale_,
                                        scale * shift_ + shift, flipped_);
}

FactorPtr KernelFactor::flipped(std::string name) const {
  return std::make_shared<KernelFactor>(std::move(name), matrix_, scale_, shift_, !flipped_);
}

FactorPtr KernelFactor::materialised(const communication::Communicator& comm) const {
  return materialise(comm, name(), {Link{scaled(name(), 1, 0)}});
}

double KernelFactor::flops_per_fibre() const {
  const double pairs = static_cast<double>(rows()) * static_cast<double>(cols());
  const double evaluation = matrix_->program.cost_per_pair() * flops_per_nanosecond;
  return pairs * (2 + evaluation / fibres_per_evaluation);
}

Index KernelFactor::bytes() const {
  std::size_t values = 0;
  for (const kernels::Side* side : {&matrix_->rows, &matrix_->columns}) {
    for (const auto& [name, cloud] : side->variables) values += cloud.values.size();
  }
  return static_cast<Index>(values * sizeof(double));
}

void KernelFactor::block(Index row, Index row_count, Index column, Index column_count,
                         std::span<double> out) const {
  kernels::evaluate(matrix_->program, part_of(matrix_->rows, row, row_count),
                    part_of(matrix_->columns, column, column_count), out, column_count);
  const auto size = static_cast<std::size_t>(row_count * column_count);
  if (scale_ != 1) {
    for (double& each : out.first(size)) each *= scale_;
  }
  if (shift_ == 0) return;
  const Index begin = std::max(row, column);
  const Index end = std::min(row + row_count, column + column_count);
  for (Index i = begin; i < end; ++i) {
    out[static_cast<std::size_t>((i - row) * column_count + i - column)] += shift_;
  }
}

std::vector<double> KernelFactor::diagonal() const {
  const Index count = std::min(rows(), cols());
  std::vector<double> result(static_cast<std::size_t>(count));
  std::vector<double> values(static_cast<std::size_t>(diagonal_block * diagonal_block));
  for (Index begin = 0; begin < count; begin += diagonal_block) {
    const Index size = std::min(diagonal_block, count - begin);
    block(begin, size, begin, size, values);
    for (Index i = 0; i < size; ++i) {
      result[static_cast<std::size_t>(begin + i)] =
          values[static_cast<std::size_t>(i * (size + 1))];
    }
  }
  return result;
}

void KernelFactor::add_to_dense(double scale, std::span<double> out) const {
  std::vector<double> panel;
  const Index width = std::max(least_panel, panel_size / std::max<Index>(1, rows()));
  for (Index first = 0; first < cols(); first += width) {
    const Index count = std::min(width, cols() - first);
    panel.resize(static_cast<std::size_t>(rows() * count));
    columns(first, count, panel);
    for (Index i = 0; i < rows(); ++i) {
      const double* from = panel.data() + i * count;
      double* to = out.data() + i * cols() + first;
      for (Index j = 0; j < count; ++j) to[j] += scale * from[j];
    }
  }
}

void KernelFactor::columns(Index first, Index count, std::span<double> out) const {
  if (!flipped_) {
    block(0, rows(), first, count, out);
    return;
  }
  std::vector<double> values(out.size());
  block(first, count, 0, rows(), values);
  for (Index j = 0; j < count; ++j) {
    for (Index i = 0; i < rows(); ++i) {
      out[static_cast<std::size_t>(i * count + j)] =
          values[static_cast<std::size_t>(j * rows() + i)];
    }
  }
}

// Panels of rows of op(A), each followed by its product. Rows of the transpose are columns of K.
void KernelFactor::do_apply(ConstView x, View y, bool transposed) const {
  const bool by_columns = transposed != flipped_;
  const Index height =
      std::min(y.extent, std::max(least_panel, panel_size / std::max<Index>(1, x.extent)));
  double* panel = scratch(Scratch::kernel, height * x.extent);
  for (Index first = 0; first < y.extent; first += height) {
    const Index count = std::min(height, y.extent - first);
    const std::span<double> values(panel, static_cast<std::size_t>(count * x.extent));
    View rows_of_y = y;
    rows_of_y.data += first * y.row_stride;
    rows_of_y.extent = count;
    if (by_columns) {
      block(0, x.extent, first, count, values);
      apply_dense(DenseView::row_major(panel, x.extent, count).transposed(), x, rows_of_y);
    } else {
      block(first, count, 0, x.extent, values);
      apply_dense(DenseView::row_major(panel, count, x.extent), x, rows_of_y);
    }
  }
}

std::unique_ptr<LocalFactorisation> KernelFactor::begin_factorisation() const {
  return std::make_unique<MaterialisedFactorisation>(*this);
}

std::shared_ptr<const Factorisation> KernelFactor::attach_factorisation(
    communication::SharedArray<std::byte> memory) const {
  return attach_dense_factorisation(rows(), std::move(memory));
}

const KernelFactor* as_kernel(const Factor& factor) {
  return dynamic_cast<const KernelFactor*>(&factor);
}

std::vector<double> dense_copy(const Factor& factor) {
  std::vector<double> result(static_cast<std::size_t>(core::multiply(factor.rows(), factor.cols())),
                             0.0);
  factor.add_to_dense(1, result);
  return result;
}

FactorPtr make_kernel(std::string name, kernels::Program program, kernels::Side rows,
                      kernels::Side columns) {
  auto matrix = std::make_shared<const KernelFactor::Matrix>(
      KernelFactor::Matrix{std::move(program), std::move(rows), std::move(columns)});
  return std::make_shared<KernelFactor>(std::move(name), std::move(matrix), 1.0, 0.0, false);
}

}  // namespace kronwerk::factors
