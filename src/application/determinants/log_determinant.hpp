#pragma once

#include <memory>
#include <optional>
#include <string>

#include "application/tasks/task.hpp"
#include "kronwerk/operators/krylov/stochastic.hpp"

namespace kronwerk::application {

/// log|det Op| of one operator and its derivatives tr(Op⁻¹ ∂Op/∂θ), by one method. All collective.
class LogDeterminant {
 public:
  virtual ~LogDeterminant() = default;
  virtual operators::StochasticValue value() = 0;
  /// No sign where the method does not find it.
  virtual std::optional<int> sign() const = 0;
  virtual operators::StochasticValue derivative(const std::string& parameter) = 0;
  /// How, and why so.
  virtual std::string why() const = 0;
  virtual bool exact() const { return true; }
  /// Of a matrix that was factorised.
  virtual std::optional<double> condition() const { return std::nullopt; }
};

/// How a log determinant is found.
enum class DeterminantKind {
  product,    ///< from the determinants of the factors
  spectral,   ///< from the eigenvalues
  dense,      ///< by a factorisation of the whole matrix
  estimated,  ///< by stochastic Lanczos quadrature
};

struct DeterminantChoice {
  DeterminantKind kind = DeterminantKind::product;
  std::string why;
};

/// By what is known without the matrices' values.
DeterminantChoice foresee_determinant(const Problem& problem, int ranks);
/// What serves where there are no eigenvalues, for `why_not`: the whole matrix where that takes
/// seconds (or is asked for), else an estimate.
DeterminantChoice determinant_without_structure(const Problem& problem, int ranks,
                                                const std::string& why_not);

/// What a dense determinant takes: the matrix and its factorisation per node, the rank's rows of
/// the inverse for derivatives and blocks of rows per rank.
struct DenseDeterminantBytes {
  double per_node = 0;
  double per_rank = 0;
};
DenseDeterminantBytes dense_determinant_bytes(const Problem& problem, int ranks);

/// Forms and factorises the matrix. @throws ResourceError if a node is too small, DataError if the
/// matrix is singular to working precision
std::unique_ptr<LogDeterminant> make_dense_determinant(TaskContext& context,
                                                       const std::string& reason);
std::unique_ptr<LogDeterminant> make_estimated_determinant(TaskContext& context,
                                                           const std::string& reason);

}  // namespace kronwerk::application
