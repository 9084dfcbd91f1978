#include "application/inputs/given_matrices.hpp"

#include <fmt/format.h>

#include <cmath>

#include "application/inputs/problem.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/operators/base/random.hpp"

namespace kronwerk::application {
namespace {

using communication::Communicator;
using configuration::GivenAs;
using factors::FactorPtr;

// Of QᵀQz - z beside z: eigenvectors of a symmetric matrix reach 1e-13, and stored in single
// precision 1e-6, which would be an error of that size in every result.
constexpr double orthogonality_tolerance = 1e-9;

FactorPtr read_matrix(const Communicator& comm, const std::string& name,
                      const io::Location& location, const io::DatasetInfo& info) {
  if (info.sparse) return factors::make_sparse(name, io::read_sparse(comm, location));
  if (info.shape.size() == 1) return factors::make_diagonal(name, io::read_vector(comm, location));
  return factors::make_dense(name, io::read_dense(comm, location));
}

void check_lower_triangular(const Communicator& comm, const std::string& where,
                            const factors::Factor& factor) {
  communication::collectively(comm, [&] {
    const Index n = factor.rows();
    if (n != factor.cols()) {
      throw core::ShapeError(fmt::format(
          "{}: '{}' is given as a Cholesky factor of {} x {}; expected a lower triangular matrix, "
          "which is square",
          where, factor.name(), n, factor.cols()));
    }
    if (comm.node().rank() != 0) return;
    std::vector<double> values(static_cast<std::size_t>(core::multiply(n, n)), 0.0);
    factor.add_to_dense(1, values);
    for (Index i = 0; i < n; ++i) {
      for (Index j = i + 1; j < n; ++j) {
        const double value = values[static_cast<std::size_t>(i * n + j)];
        if (value == 0) continue;
        throw core::DataError(fmt::format(
            "{}: the Cholesky factor '{}' ({} x {}) is not lower triangular: entry ({}, {}) is "
            "{:.6g}; of an upper triangular R with RᵀR, give the transpose",
            where, factor.name(), n, n, i, j, value));
      }
    }
  });
}

/// By QᵀQz for a random z, O(n²) flops.
void check_orthonormal(const Communicator& comm, const std::string& where,
                       const FactorPtr& vectors) {
  const Index n = vectors->rows();
  std::vector<double> z(static_cast<std::size_t>(n)), image(z.size());
  operators::fill_random(operators::RandomKind::normal, 1, 0, z);
  const factors::LocalProduct product(
      {factors::Chain{{vectors, true, false}, {vectors, false, false}}});
  product.apply(factors::ConstView::contiguous(z.data(), 1, n, 1),
                factors::View::contiguous(image.data(), 1, n, 1));
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < z.size(); ++i) {
    difference += (image[i] - z[i]) * (image[i] - z[i]);
    size += z[i] * z[i];
  }
  const double error = std::sqrt(difference / size);
  if (!comm.any(!(error <= orthogonality_tolerance))) return;
  throw core::DataError(
      fmt::format("{}: the eigenvectors '{}' ({} x {}) are not orthonormal: QᵀQ is off the "
                  "identity by {:.2g}; expected one eigenvector per column, in double precision",
                  where, vectors->name(), n, n, error));
}

GivenMatrix read_eigenvectors(const Communicator& comm, const std::string& where,
                              const std::string& name, const io::Location& group) {
  const io::Location vectors{group.file, group.dataset + "/vectors", group.external};
  const io::Location values{group.file, group.dataset + "/values", group.external};
  GivenMatrix result{io::inspect(comm, vectors), {}};
  const auto basis = factors::make_dense(name, io::read_dense(comm, vectors));
  const auto diagonal = factors::make_diagonal(name, io::read_vector(comm, values));
  if (basis->rows() != basis->cols() || diagonal->rows() != basis->rows()) {
    throw core::ShapeError(fmt::format(
        "{}: '{}' is given as {} eigenvalues and {} x {} eigenvectors; expected n and n x n", where,
        name, diagonal->rows(), basis->rows(), basis->cols()));
  }
  check_orthonormal(comm, where, basis);
  result.chain = {{basis, false, false}, {diagonal, false, false}, {basis, true, false}};
  return result;
}

}  // namespace

GivenMatrix read_given_matrix(const Communicator& comm, const configuration::Job& job,
                              const std::string& name) {
  const auto& matrix = job.matrices.at(name);
  const std::string where = job.where(matrix.position);
  const io::Location location = to_location(matrix.value);
  if (matrix.value.given_as == GivenAs::eigen) {
    return read_eigenvectors(comm, where, name, location);
  }
  GivenMatrix result{io::inspect(comm, location), {}};
  FactorPtr factor = read_matrix(comm, name, location, result.info);
  if (matrix.value.given_as == GivenAs::matrix) {
    result.chain = {{factor, false, false}};
  } else if (result.info.shape.size() == 1) {
    std::vector<double> squares = factor->diagonal();
    for (double& value : squares) value *= value;
    result.chain = {{factors::make_diagonal(name, squares), false, false}};
  } else {
    check_lower_triangular(comm, where, *factor);
    result.info.sparse = false;  // L may be, the covariance is taken as dense
    result.chain = {{factor, false, false}, {factor, true, false}};
  }
  return result;
}

}  // namespace kronwerk::application
