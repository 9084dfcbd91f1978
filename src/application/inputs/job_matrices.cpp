#include "application/inputs/job_matrices.hpp"

#include <fmt/format.h>

#include <cmath>

#include "application/inputs/problem.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/io/hdf5/read.hpp"
#include "kronwerk/operators/base/random.hpp"

namespace kronwerk::application {
namespace {

using communication::Communicator;
using configuration::GivenAs;
using factors::FactorPtr;

// Of QᵀQz - z beside z: eigenvectors of a symmetric matrix reach 1e-13, and stored in single
// precision 1e-6, which would be an error of that size in every result.
constexpr double orthogonality_tolerance = 1e-9;

constexpr const char* eigenvectors_name = "/vectors";
constexpr const char* eigenvalues_name = "/values";

FactorPtr read_factor(const Communicator& comm, const std::string& name,
                      const io::DatasetInfo& info) {
  if (info.sparse) return factors::make_sparse(name, io::read_sparse(comm, info.location));
  if (info.shape.size() == 1) {
    return factors::make_diagonal(name, io::read_vector(comm, info.location));
  }
  return factors::make_dense(name, io::read_dense(comm, info.location));
}

expressions::MatrixSymbol symbol_of(const io::DatasetInfo& info, GivenAs given_as,
                                    const std::string& where, const std::string& name) {
  expressions::MatrixSymbol symbol;
  // L may be sparse; the covariance is taken as dense.
  symbol.sparse = info.sparse && given_as == GivenAs::matrix;
  symbol.stored = info.stored;
  if (info.shape.empty()) {
    throw core::DataError(fmt::format(
        "{}: the matrix '{}' is the dataset {}:{}, a single number; expected a matrix, or a vector "
        "for diag({})",
        where, name, info.location.file, info.location.dataset, name));
  }
  const std::size_t dimensions = info.shape.size();
  symbol.vector = !info.sparse && dimensions != 2;
  if (!info.sparse && dimensions > 1) symbol.grid = info.shape;
  symbol.rows = dimensions > 2 ? core::product(info.shape) : info.shape[0];
  symbol.cols = symbol.vector ? 1 : info.shape[1];
  return symbol;
}

/// The kernels under all their names.
void add_kernel_symbols(const std::map<std::string, KernelMatrix>& kernels,
                        expressions::Symbols& symbols) {
  for (const auto& [name, kernel] : kernels) {
    const expressions::MatrixSymbol symbol = kernel.symbol();
    const expressions::MatrixSymbol plain{kernel.rows, kernel.cols, false, symbol.sparse,
                                          symbol.stored};
    for (const auto& [parameter, derivative] : symbol.derivatives) {
      symbols.matrices[derivative] = plain;
      symbols.matrices[kernel.derivative_identity(symbols.parameters, parameter)] = plain;
    }
    symbols.matrices[kernel.identity(symbols.parameters)] = plain;
    symbols.matrices[name] = symbol;
  }
}

/// Where the eigenvectors and eigenvalues of a group are.
io::Location inside(const io::Location& group, const char* name) {
  return {group.file, group.dataset + name, group.external, group.transposed};
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

factors::Chain load_eigenvectors(const Communicator& comm, const std::string& where,
                                 const std::string& name, const io::Location& group) {
  const auto basis =
      factors::make_dense(name, io::read_dense(comm, inside(group, eigenvectors_name)));
  const auto diagonal =
      factors::make_diagonal(name, io::read_vector(comm, inside(group, eigenvalues_name)));
  if (basis->rows() != basis->cols() || diagonal->rows() != basis->rows()) {
    throw core::ShapeError(fmt::format(
        "{}: '{}' is given as {} eigenvalues and {} x {} eigenvectors; expected n and n x n", where,
        name, diagonal->rows(), basis->rows(), basis->cols()));
  }
  check_orthonormal(comm, where, basis);
  return {{basis, false, false}, {diagonal, false, false}, {basis, true, false}};
}

}  // namespace

MatrixData inspect_matrices(const Communicator& comm, const configuration::Job& job) {
  MatrixData data;
  for (const auto& [name, matrix] : job.matrices) {
    const io::Location location = to_location(matrix.value);
    const bool group = matrix.value.given_as == GivenAs::eigen;
    data[name] = io::inspect(comm, group ? inside(location, eigenvectors_name) : location);
  }
  return data;
}

expressions::Symbols symbols_of(const configuration::Job& job, const MatrixData& data,
                                const std::map<std::string, KernelMatrix>& kernels,
                                const std::map<std::string, double>& parameters) {
  expressions::Symbols symbols{parameters, {}};
  for (const auto& [name, info] : data) {
    const auto& matrix = job.matrices.at(name);
    symbols.matrices[name] =
        symbol_of(info, matrix.value.given_as, job.where(matrix.position), name);
  }
  add_kernel_symbols(kernels, symbols);
  return symbols;
}

expressions::MatrixNames kernel_names_at(const std::map<std::string, KernelMatrix>& kernels,
                                         const std::map<std::string, double>& parameters) {
  expressions::MatrixNames names;
  for (const auto& [name, kernel] : kernels) {
    names[name] = kernel.identity(parameters);
    for (const std::string& parameter : kernel.formula.parameters()) {
      names[kernel.derivative_name(parameter)] = kernel.derivative_identity(parameters, parameter);
    }
  }
  return names;
}

std::map<std::string, KernelUse> find_kernel_uses(
    const std::map<std::string, KernelMatrix>& kernels, const std::set<std::string>& names) {
  std::map<std::string, KernelUse> uses;
  for (const auto& [name, kernel] : kernels) {
    if (names.contains(name)) uses[name] = {name, ""};
    for (const std::string& parameter : kernel.formula.parameters()) {
      const std::string derivative = kernel.derivative_name(parameter);
      if (names.contains(derivative)) uses[derivative] = {name, parameter};
    }
  }
  return uses;
}

factors::Chain load_matrix(const Communicator& comm, const configuration::Job& job,
                           const std::string& name, const io::DatasetInfo& info) {
  const auto& matrix = job.matrices.at(name);
  const std::string where = job.where(matrix.position);
  if (matrix.value.given_as == GivenAs::eigen) {
    return load_eigenvectors(comm, where, name, to_location(matrix.value));
  }
  FactorPtr factor = read_factor(comm, name, info);
  if (matrix.value.given_as == GivenAs::matrix) return {{factor, false, false}};
  if (info.shape.size() == 1) {
    std::vector<double> squares = factor->diagonal();
    for (double& value : squares) value *= value;
    return {{factors::make_diagonal(name, squares), false, false}};
  }
  check_lower_triangular(comm, where, *factor);
  return {{factor, false, false}, {factor, true, false}};
}

}  // namespace kronwerk::application
