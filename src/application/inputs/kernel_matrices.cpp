#include "application/inputs/kernel_matrices.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "application/inputs/problem.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/factors/dense/shared_dense.hpp"
#include "kronwerk/io/hdf5/read.hpp"
#include "kronwerk/methods/memory.hpp"

namespace kronwerk::application {
namespace {

using configuration::Job;
using configuration::PointIndex;
using kernels::Axes;

Axes axes_of(PointIndex index) {
  switch (index) {
    case PointIndex::i:
      return kernels::axis_i;
    case PointIndex::j:
      return kernels::axis_j;
    case PointIndex::none:
      break;
  }
  return kernels::no_axis;
}

PointVariable inspect_variable(const communication::Communicator& comm, const std::string& where,
                               const std::string& name,
                               const configuration::DatasetReference& reference, Axes axes) {
  PointVariable variable;
  variable.data = io::inspect(comm, to_location(reference));
  const core::Extents& shape = variable.data.shape;
  const bool points = axes != kernels::no_axis;
  if (variable.data.sparse || shape.size() > 2 || (points && shape.empty())) {
    throw core::DataError(fmt::format(
        "{}: the variable '{}' is {}:{} of shape {}; expected points, (n,) or (n, dimension){}",
        where, name, reference.file, reference.dataset, core::to_text(shape),
        points ? "" : ", or a vector for 'index: none'"));
  }
  const Index width = points ? (shape.size() == 2 ? shape[1] : 1) : core::product(shape);
  constexpr Index widest = 10'000;
  if (width < 1 || width > widest) {
    throw core::DataError(fmt::format(
        "{}: the variable '{}' is {}:{} of shape {}: points of {} "
        "dimensions; expected 1 to {}",
        where, name, reference.file, reference.dataset, core::to_text(shape), width, widest));
  }
  variable.symbol = {static_cast<int>(width), axes};
  variable.count = points ? shape[0] : 1;
  return variable;
}

void check_counts(const PointVariables& variables, const std::string& where) {
  for (const Axes axis : {kernels::axis_i, kernels::axis_j}) {
    const PointVariables::value_type* first = nullptr;
    for (const auto& entry : variables) {
      if (entry.second.symbol.axes != axis) continue;
      if (first == nullptr) first = &entry;
      if (entry.second.count == first->second.count) continue;
      throw core::DataError(
          fmt::format("{}: the variables '{}' and '{}' both vary with {} but have {} and {} points",
                      where, first->first, entry.first, axis == kernels::axis_i ? "i" : "j",
                      first->second.count, entry.second.count));
    }
  }
}

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

/// Of points given as (longitude, latitude).
void check_degrees(const communication::Communicator& comm, const PointVariable& variable,
                   Index first, std::span<const double> values) {
  const auto refuse = [&](std::size_t i, const char* what, const char* range) {
    throw core::DataError(fmt::format(
        "{}:{}: the {} of point {} is {}; expected {} degrees (points are longitude, latitude)",
        variable.data.location.file, variable.data.location.dataset, what,
        first + static_cast<Index>(i / 2), values[i], range));
  };
  communication::collectively(comm, [&] {
    for (std::size_t i = 0; i < values.size(); i += 2) {
      if (values[i] < -180.0 || values[i] > 360.0) refuse(i, "longitude", "-180 to 360");
      if (std::abs(values[i + 1]) > 90.0) refuse(i + 1, "latitude", "-90 to 90");
    }
  });
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

PointVariables inspect_points(
    const communication::Communicator& comm, const Job& job,
    const std::map<std::string, configuration::PointsReference>& variables) {
  PointVariables result;
  for (const auto& [name, reference] : variables) {
    const std::string where = job.where(reference.position);
    if (kernels::is_reserved_name(name)) {
      throw core::ConfigurationError(
          fmt::format("{}: '{}' cannot name a variable, because kernel formulas give it a meaning; "
                      "choose another name",
                      where, name));
    }
    result[name] = inspect_variable(comm, where, name, reference.data, axes_of(reference.index));
  }
  if (!variables.empty()) check_counts(result, job.where(variables.begin()->second.position));
  return result;
}

Index count_points(const PointVariables& variables, Axes axis, const std::string& where,
                   const char* what) {
  for (const auto& [name, variable] : variables) {
    if (variable.symbol.axes == axis) return variable.count;
  }
  throw core::ConfigurationError(fmt::format(
      "{}: no variable varies with {}, so that the {} has no size; give one 'index: {}'", where,
      axis == kernels::axis_i ? "i" : "j", what, axis == kernels::axis_i ? "i" : "j"));
}

kernels::Side read_side(const communication::Communicator& comm, const PointVariables& variables,
                        Axes axis, Index begin, Index count) {
  kernels::Side side;
  side.first = begin;
  side.count = count;
  for (const auto& [name, variable] : variables) {
    if (variable.symbol.axes != axis) continue;
    const int dimension = variable.symbol.dimension;
    std::vector<double> values(static_cast<std::size_t>(count * dimension));
    io::read_range(comm, variable.data.location, count == 0 ? 0 : begin * dimension, values);
    side.variables[name] = kernels::to_cloud(values, count, dimension);
    if (variable.degrees) check_degrees(comm, variable, begin, values);
  }
  return side;
}

kernels::Constants read_constants(const communication::Communicator& comm,
                                  const PointVariables& variables,
                                  const std::map<std::string, double>& parameters) {
  kernels::Constants constants{parameters, {}};
  for (const auto& [name, variable] : variables) {
    if (variable.symbol.axes != kernels::no_axis) continue;
    std::vector<double> values(static_cast<std::size_t>(variable.symbol.dimension));
    io::read_range(comm, variable.data.location, 0, values);
    constants.variables[name] = std::move(values);
  }
  return constants;
}

std::string loss_text(const kernels::FloatLoss& loss) {
  return fmt::format(
      "precision float32: the points '{}' lie far from 0 for their extent, and cannot be moved "
      "there, since the formula does not depend on differences alone: differences lose about "
      "{:.1g} "
      "of themselves; use float64",
      core::join(std::vector<std::string>(loss.variables.begin(), loss.variables.end()), "', '"),
      loss.loss);
}

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

factors::FactorPtr evaluate_kernel(const communication::Communicator& comm, const std::string& name,
                                   const kernels::Expression& formula,
                                   const kernels::Constants& constants, const kernels::Side& rows,
                                   const kernels::Side& columns, double jitter) {
  const communication::Communicator& node = comm.node();
  const auto fill = [&](std::span<double> all) {
    const Index begin = rows.count * node.rank() / node.size();
    const Index end = rows.count * (node.rank() + 1) / node.size();
    kernels::Side part{rows.first + begin, end - begin, {}};
    for (const auto& [variable, cloud] : rows.variables) {
      kernels::Cloud& piece = part.variables[variable];
      piece = {cloud.dimension, end - begin, {}};
      for (int c = 0; c < cloud.dimension; ++c) {
        const auto first = cloud.values.begin() + c * cloud.count;
        piece.values.insert(piece.values.end(), first + begin, first + end);
      }
    }
    const auto values = all.subspan(static_cast<std::size_t>(begin * columns.count),
                                    static_cast<std::size_t>((end - begin) * columns.count));
    const kernels::Program program(formula, constants, kernels::Precision::float64);
    kernels::evaluate(program, part, columns, values, columns.count);
    for (Index i = 0; i < end - begin; ++i) {
      if (jitter != 0) values[static_cast<std::size_t>(i * columns.count + begin + i)] += jitter;
      for (Index j = 0; j < columns.count; ++j) {
        const double value = values[static_cast<std::size_t>(i * columns.count + j)];
        if (std::isfinite(value)) continue;
        throw core::DataError(
            fmt::format("the kernel {} is {} at row {} and column {}", name, value, begin + i, j));
      }
    }
  };
  return factors::make_shared_dense(comm, name, rows.count, columns.count, fill);
}

factors::FactorPtr KernelMatrices::make(const std::string& kernel, const std::string& parameter,
                                        const std::map<std::string, double>& parameters) {
  const KernelMatrix& matrix = kernels_.at(kernel);
  const auto constants = read_constants(*comm_, matrix.variables, parameters);
  const auto& rows = side(kernel, kernels::axis_i);
  const auto& columns = side(kernel, kernels::axis_j);
  if (matrix.lazy) return make_lazy(matrix, parameter, parameters, constants, rows, columns);
  if (parameter.empty()) {
    return evaluate_kernel(*comm_, matrix.identity(parameters), matrix.formula, constants, rows,
                           columns, matrix.jitter);
  }
  return evaluate_kernel(*comm_, matrix.derivative_identity(parameters, parameter),
                         kernels::differentiate(matrix.formula, parameter), constants, rows,
                         columns, 0);
}

factors::FactorPtr KernelMatrices::make_lazy(const KernelMatrix& matrix,
                                             const std::string& parameter,
                                             const std::map<std::string, double>& parameters,
                                             kernels::Constants constants,
                                             const kernels::Side& rows,
                                             const kernels::Side& columns) {
  const bool derivative = !parameter.empty();
  const auto formula =
      derivative ? kernels::differentiate(matrix.formula, parameter) : matrix.formula;
  const std::string name =
      derivative ? matrix.derivative_identity(parameters, parameter) : matrix.identity(parameters);
  kernels::Side own_rows = rows;
  kernels::Side own_columns = columns;
  if (matrix.precision == kernels::Precision::float32) {
    const auto translations = kernels::find_translations(std::span(&matrix.formula, 1));
    for (const auto& loss : kernels::centre(translations, own_rows, own_columns, constants)) {
      warnings_.push_back(loss_text(loss));
    }
  }
  auto factor = factors::make_kernel(name, kernels::Program(formula, constants, matrix.precision),
                                     std::move(own_rows), std::move(own_columns));
  if (derivative || matrix.jitter == 0) return factor;
  const std::vector<std::pair<double, factors::FactorPtr>> terms{
      {1.0, std::move(factor)}, {matrix.jitter, factors::make_identity(matrix.rows)}};
  return factors::linear_combination(*comm_, name, terms);
}

const kernels::Side& KernelMatrices::side(const std::string& kernel, Axes axis) {
  const auto key = std::pair(kernel, static_cast<unsigned>(axis));
  const auto found = sides_.find(key);
  if (found != sides_.end()) return found->second;
  const KernelMatrix& matrix = kernels_.at(kernel);
  const Index count = axis == kernels::axis_i ? matrix.rows : matrix.cols;
  return sides_[key] = read_side(*comm_, matrix.variables, axis, 0, count);
}

}  // namespace kronwerk::application
