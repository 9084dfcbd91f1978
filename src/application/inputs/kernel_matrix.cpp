#include "application/inputs/kernel_matrix.hpp"

#include <fmt/format.h>

#include "kronwerk/core/text.hpp"
#include "kronwerk/methods/memory.hpp"

namespace kronwerk::application {
namespace {

using configuration::Job;

/// Whether the stored matrix would take more than its share of the free memory. Collective.
bool is_large(const communication::Communicator& comm, Index rows, Index cols) {
  constexpr double stored_share = 0.25;
  const double bytes = 8.0 * static_cast<double>(rows) * static_cast<double>(cols);
  return comm.any(bytes > stored_share * methods::read_memory_limits().bytes);
}

/// Models of Gaussian fields decompose their matrices, which takes the entries.
bool is_lazy(const Job& job, configuration::KernelStorage storage, bool large) {
  if (job.gaussian) return false;
  if (storage == configuration::KernelStorage::automatic) return large;
  return storage == configuration::KernelStorage::lazy;
}

/// Factorisations and decompositions make a stored matrix of a lazy one.
bool needs_entries(const Job& job) {
  switch (job.task) {
    case configuration::Task::apply:
    case configuration::Task::trace:
    case configuration::Task::diagonal:
      return false;
    default:
      return job.solver.method != configuration::Method::krylov;
  }
}

KernelMatrix understand(const communication::Communicator& comm, const Job& job,
                        const std::string& name, const configuration::KernelRequest& request) {
  const std::string where = job.where(request.position);
  PointVariables variables;
  kernels::Symbols symbols;
  if (request.points) {
    variables["x"] = inspect_variable(comm, where, "x", *request.points, kernels::axis_i);
    variables["x"].degrees = request.distance == configuration::DistanceKind::great_circle;
    variables["y"] = variables["x"];
    variables["y"].symbol.axes = kernels::axis_j;
    symbols.first_point = "x";
    symbols.second_point = "y";
    symbols.distance = request.distance == configuration::DistanceKind::great_circle
                           ? kernels::Distance::great_circle
                           : kernels::Distance::euclidean;
  } else {
    variables = inspect_points(comm, job, request.variables);
  }
  for (const auto& [variable, points] : variables) symbols.variables[variable] = points.symbol;
  for (const auto& [parameter, value] : job.parameters) symbols.parameters.insert(parameter);
  const std::string formula_where = job.where(request.formula.position);
  kernels::Expression formula = kernels::analyse(request.formula.value, symbols, formula_where);
  if (formula.dimension() != 1) {
    throw core::ConfigurationError(
        fmt::format("{}: a kernel matrix has one number for every pair of points; '{}' is a vector "
                    "of {}",
                    formula_where, request.formula.value, formula.dimension()));
  }
  const Index rows = count_points(variables, kernels::axis_i, where, "kernel matrix");
  const Index cols = count_points(variables, kernels::axis_j, where, "kernel matrix");
  KernelMatrix matrix{name,
                      std::move(formula),
                      std::move(variables),
                      request.points.has_value(),
                      request.jitter,
                      request.storage,
                      rows,
                      cols};
  const bool large = is_large(comm, rows, cols);
  matrix.lazy = is_lazy(job, request.storage, large);
  matrix.never_stored = large && matrix.lazy && !needs_entries(job);
  if (job.precision == configuration::FloatKind::float32) {
    matrix.precision = kernels::Precision::float32;
  }
  return matrix;
}

/// "(ls_t=2, …)": the values that a formula uses.
std::string values_text(const kernels::Expression& formula,
                        const std::map<std::string, double>& parameters) {
  std::vector<std::string> parts;
  for (const std::string& name : formula.parameters()) {
    parts.push_back(fmt::format("{}={}", name, parameters.at(name)));
  }
  return parts.empty() ? "" : "(" + core::join(parts, ", ") + ")";
}

}  // namespace

std::string KernelMatrix::identity(const std::map<std::string, double>& parameters) const {
  return name + values_text(formula, parameters);
}

std::string KernelMatrix::derivative_identity(const std::map<std::string, double>& parameters,
                                              const std::string& parameter) const {
  return derivative_name(parameter) + values_text(formula, parameters);
}

std::string KernelMatrix::derivative_name(const std::string& parameter) const {
  return fmt::format("d{}/d{}", name, parameter);
}

expressions::MatrixSymbol KernelMatrix::symbol() const {
  // What an estimate then counts are the points.
  Index numbers = 0;
  for (const auto& [variable, points] : variables) {
    numbers += points.count * points.symbol.dimension;
  }
  expressions::MatrixSymbol symbol{rows, cols, false, never_stored, never_stored ? numbers : 0,
                                   {},   {}};
  for (const std::string& parameter : formula.parameters()) {
    symbol.derivatives[parameter] = derivative_name(parameter);
  }
  return symbol;
}

std::map<std::string, KernelMatrix> understand_kernels(const communication::Communicator& comm,
                                                       const Job& job) {
  std::map<std::string, KernelMatrix> kernels;
  for (const auto& [name, request] : job.kernels) {
    kernels.emplace(name, understand(comm, job, name, request));
  }
  return kernels;
}

}  // namespace kronwerk::application
