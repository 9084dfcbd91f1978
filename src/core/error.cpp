#include "kronwerk/core/error.hpp"

namespace kronwerk::core {

ExitCode exit_code(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::configuration:
    case ErrorKind::data:
    case ErrorKind::shape:
    case ErrorKind::singular:
      return ExitCode::configuration;
    case ErrorKind::convergence:
      return ExitCode::convergence;
    case ErrorKind::resource:
      return ExitCode::resources;
    case ErrorKind::terminated:
      return ExitCode::terminated;
    case ErrorKind::internal:
    case ErrorKind::petsc:
    case ErrorKind::mpi:
    case ErrorKind::hdf5:
      break;
  }
  return ExitCode::failure;
}

Error::Error(ErrorKind kind, const std::string& message, SourceLocation where)
    : std::runtime_error(message), kind_(kind), where_(where) {}

void throw_error(ErrorKind kind, const std::string& message, SourceLocation where) {
  switch (kind) {
    case ErrorKind::configuration:
      throw ConfigurationError(message, where);
    case ErrorKind::data:
      throw DataError(message, where);
    case ErrorKind::shape:
      throw ShapeError(message, where);
    case ErrorKind::singular:
      throw SingularError(message, where);
    case ErrorKind::convergence:
      throw ConvergenceError(message, where);
    case ErrorKind::resource:
      throw ResourceError(message, where);
    case ErrorKind::petsc:
      throw PetscError(message, where);
    case ErrorKind::mpi:
      throw MpiError(message, where);
    case ErrorKind::hdf5:
      throw Hdf5Error(message, where);
    case ErrorKind::terminated:
      throw Terminated(message, where);
    case ErrorKind::internal:
      break;
  }
  throw InternalError(message, where);
}

}  // namespace kronwerk::core
