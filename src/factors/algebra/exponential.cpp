// Declared in kronwerk/factors/spectra/bases.hpp.
// exp(tA) by scaling and squaring with Padé approximants (Higham 2005), through Eigen.
// See src/MATHEMATICS.md, "Exponentials".
#define EIGEN_USE_BLAS
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unsupported/Eigen/MatrixFunctions>

#include "kronwerk/core/error.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/factors/spectra/bases.hpp"

namespace kronwerk::factors {
namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

[[noreturn]] void throw_not_finite(const std::string& name, Index n) {
  throw core::SingularError(fmt::format(
      "the exponential '{}' ({} x {}) is not finite; its matrix holds values that are too large, "
      "infinite or not a number",
      name, n, n));
}

void check_finite(const std::string& name, Index n, std::span<const double> values) {
  if (!std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); })) {
    throw_not_finite(name, n);
  }
}

bool is_product_of_diagonals(const Chain& chain) {
  return is_diagonal(chain) && std::ranges::none_of(chain, &Link::inverse);
}

FactorPtr of_diagonal(std::string name, double t, const Chain& chain) {
  std::vector<double> values(static_cast<std::size_t>(rows(chain)), t);
  for (const Link& link : chain) {
    const std::vector<double> diagonal = link.factor->diagonal();
    for (std::size_t i = 0; i < values.size(); ++i) values[i] *= diagonal[i];
  }
  for (double& value : values) value = std::exp(value);
  check_finite(name, rows(chain), values);
  return make_diagonal(std::move(name), values);
}

}  // namespace

FactorPtr exponential(const communication::Communicator& comm, std::string name, double t,
                      const Chain& matrix) {
  const Index n = rows(matrix);
  if (cols(matrix) != n) {
    throw core::ShapeError(
        fmt::format("the exponential '{}' needs a square matrix; it was given one of {} x {}", name,
                    n, cols(matrix)));
  }
  if (is_product_of_diagonals(matrix)) return of_diagonal(std::move(name), t, matrix);
  // What is materialised is transposed already.
  const bool alone = matrix.size() == 1 && !matrix[0].inverse;
  const bool transposed = alone && matrix[0].transposed;
  const FactorPtr factor = alone ? matrix[0].factor : materialise(comm, name, matrix);
  communication::SharedDense dense;
  dense.rows = dense.cols = n;
  dense.values = communication::SharedArray<double>(comm, core::multiply(n, n));
  communication::collectively(comm, [&] {
    if (!comm.node().is_root()) return;
    const std::span<double> values = dense.values.mutable_span();
    std::fill(values.begin(), values.end(), 0.0);
    factor->add_to_dense(t, values);
    check_finite(name, n, values);
    Eigen::Map<RowMajor> result(values.data(), n, n);
    const RowMajor argument = transposed ? RowMajor(result.transpose()) : RowMajor(result);
    result = argument.exp();
    check_finite(name, n, values);
  });
  dense.values.publish();
  return make_dense(std::move(name), std::move(dense));
}

}  // namespace kronwerk::factors
