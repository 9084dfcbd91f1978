#pragma once

#include <memory>
#include <optional>
#include <string>

#include "application/tasks/task.hpp"
#include "kronwerk/methods/determinant_choice.hpp"
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

/// Forms and factorises the matrix. @throws ResourceError if a node is too small, DataError if the
/// matrix is singular to working precision
std::unique_ptr<LogDeterminant> make_dense_determinant(TaskContext& context,
                                                       const std::string& reason);
std::unique_ptr<LogDeterminant> make_estimated_determinant(TaskContext& context,
                                                           const std::string& reason);

}  // namespace kronwerk::application
