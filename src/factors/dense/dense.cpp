// Declared in factors/dense/dense_factor.hpp and kronwerk/factors/base/make.hpp.
#include <algorithm>
#include <string>
#include <utility>

#include "factors/dense/dense_factor.hpp"
#include "factors/dense/dense_factorisation.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/factors/dense/dense_values.hpp"

namespace kronwerk::factors {
namespace {

const communication::SharedDense& checked(const std::string& name,
                                          const communication::SharedDense& matrix) {
  if (matrix.rows < 0 || matrix.cols < 0 ||
      core::multiply(matrix.rows, matrix.cols) != matrix.values.size()) {
    throw core::ShapeError("the dense factor '" + name + "' of " + std::to_string(matrix.rows) +
                           " x " + std::to_string(matrix.cols) + " was given " +
                           std::to_string(matrix.values.size()) + " values");
  }
  return matrix;
}

}  // namespace

DenseFactor::DenseFactor(std::string name, communication::SharedDense matrix)
    : Factor(Kind::dense, checked(name, matrix).rows, matrix.cols, name),
      matrix_(std::move(matrix)) {}

double DenseFactor::flops_per_fibre() const {
  return 2.0 * static_cast<double>(rows()) * static_cast<double>(cols());
}

Index DenseFactor::bytes() const {
  return rows() * cols() * Index{sizeof(double)};
}

std::vector<double> DenseFactor::diagonal() const {
  std::vector<double> result(static_cast<std::size_t>(std::min(rows(), cols())));
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i] = matrix_.values.data()[static_cast<Index>(i) * (cols() + 1)];
  }
  return result;
}

void DenseFactor::add_to_dense(double scale, std::span<double> out) const {
  const std::span<const double> values = matrix_.values.span();
  for (std::size_t i = 0; i < values.size(); ++i) out[i] += scale * values[i];
}

void DenseFactor::do_apply(ConstView x, View y, bool transposed) const {
  apply_dense(transposed ? view().transposed() : view(), x, y);
}

std::unique_ptr<LocalFactorisation> DenseFactor::begin_factorisation() const {
  return begin_dense_factorisation(*this, view());
}

std::shared_ptr<const Factorisation> DenseFactor::attach_factorisation(
    communication::SharedArray<std::byte> memory) const {
  return attach_dense_factorisation(rows(), std::move(memory));
}

FactorPtr make_dense(std::string name, communication::SharedDense matrix) {
  return std::make_shared<DenseFactor>(std::move(name), std::move(matrix));
}

std::span<const double> dense_values(const Factor& factor) {
  if (factor.kind() != Kind::dense) return {};
  const DenseView view = static_cast<const DenseFactor&>(factor).view();
  return {view.data, static_cast<std::size_t>(view.rows * view.cols)};
}

}  // namespace kronwerk::factors
