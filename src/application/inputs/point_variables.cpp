#include "application/inputs/point_variables.hpp"

#include <fmt/format.h>

#include <cmath>
#include <span>
#include <vector>

#include "application/inputs/problem.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/io/hdf5/read.hpp"

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

}  // namespace

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

}  // namespace kronwerk::application
