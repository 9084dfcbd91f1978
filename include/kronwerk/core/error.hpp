#pragma once

#include <stdexcept>
#include <string>

#include "kronwerk/core/source_location.hpp"

namespace kronwerk::core {

/// What a process returns; the same on every rank (design section 5).
enum class ExitCode : int {
  success = 0,
  failure = 1,
  configuration = 2,
  convergence = 3,
  resources = 4,
  terminated = 143,
};

/// The kinds of failure, one exception class each; small enough to be agreed on by an Allreduce.
enum class ErrorKind : int {
  internal,
  configuration,
  data,
  shape,
  convergence,
  resource,
  petsc,
  mpi,
  hdf5,
  terminated,
  singular,
};

ExitCode exit_code(ErrorKind kind) noexcept;

/// Base of every exception kronwerk throws. The message says what was wrong, where, what was found
/// and expected, and what to do; it is complete without the source location.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message, SourceLocation where);

  ErrorKind kind() const noexcept { return kind_; }
  const SourceLocation& where() const noexcept { return where_; }

 private:
  ErrorKind kind_;
  SourceLocation where_;
};

namespace detail {
template <ErrorKind error_kind>
class ErrorOf : public Error {
 public:
  explicit ErrorOf(const std::string& message, SourceLocation where = SourceLocation::current())
      : Error(error_kind, message, where) {}

 protected:
  ErrorOf(ErrorKind kind, const std::string& message, SourceLocation where)
      : Error(kind, message, where) {}
};
}  // namespace detail

using InternalError = detail::ErrorOf<ErrorKind::internal>;
/// The configuration text, a formula or the command line is wrong (exit 2).
using ConfigurationError = detail::ErrorOf<ErrorKind::configuration>;
/// An input file or its contents are wrong (exit 2).
using DataError = detail::ErrorOf<ErrorKind::data>;
/// With these values of the data and the parameters an operator has no inverse, or a result
/// overflows (exit 2; of a sweep, only the point has no result).
class SingularError final : public DataError {
 public:
  explicit SingularError(const std::string& message,
                         SourceLocation where = SourceLocation::current())
      : DataError(ErrorKind::singular, message, where) {}
};
/// Sizes do not conform (exit 2).
using ShapeError = detail::ErrorOf<ErrorKind::shape>;
using ConvergenceError = detail::ErrorOf<ErrorKind::convergence>;
/// Not enough memory, shared memory or disk (exit 4).
using ResourceError = detail::ErrorOf<ErrorKind::resource>;
using PetscError = detail::ErrorOf<ErrorKind::petsc>;
using MpiError = detail::ErrorOf<ErrorKind::mpi>;
using Hdf5Error = detail::ErrorOf<ErrorKind::hdf5>;
/// SIGTERM reached some rank (exit 143).
using Terminated = detail::ErrorOf<ErrorKind::terminated>;

/// Throws the class that belongs to `kind`; how a rank repeats another rank's failure.
[[noreturn]] void throw_error(ErrorKind kind, const std::string& message,
                              SourceLocation where = SourceLocation::current());

}  // namespace kronwerk::core
