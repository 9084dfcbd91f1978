#pragma once

#include <map>
#include <string>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/configuration/job.hpp"
#include "kronwerk/io/files/location.hpp"
#include "kronwerk/kernels/engine/program.hpp"
#include "kronwerk/kernels/formula/expression.hpp"
#include "kronwerk/kernels/reductions/centring.hpp"

namespace kronwerk::application {

using core::Index;

/// A variable of a kernel formula and where its values are.
struct PointVariable {
  io::DatasetInfo data;
  kernels::VariableSymbol symbol;
  Index count = 1;       ///< points; 1 for a variable without index
  bool degrees = false;  ///< longitudes and latitudes
};
using PointVariables = std::map<std::string, PointVariable>;

/// Looks one variable up, which the formula calls `name`; `axes` the index it varies with.
/// Collective.
/// @param where  its place in the configuration, for messages
/// @throws DataError naming the dataset whose shape is not that of points
PointVariable inspect_variable(const communication::Communicator& comm, const std::string& where,
                               const std::string& name,
                               const configuration::DatasetReference& reference,
                               kernels::Axes axes);
/// Looks the variables up. Collective.
/// @throws DataError naming the dataset whose shape is not that of points, and variables of one
/// index with different numbers of points
PointVariables inspect_points(
    const communication::Communicator& comm, const configuration::Job& job,
    const std::map<std::string, configuration::PointsReference>& variables);
/// The number of points of the variables with this index. @throws ConfigurationError if none has it
Index count_points(const PointVariables& variables, kernels::Axes axis, const std::string& where,
                   const char* what);
/// The points [begin, begin + count) of all variables with this index, which may differ from rank
/// to rank. Collective. @throws DataError for NaN and infinite values, and for
/// longitudes and latitudes out of range
kernels::Side read_side(const communication::Communicator& comm, const PointVariables& variables,
                        kernels::Axes axis, Index begin, Index count);
/// The parameters' numbers and the variables without index. Collective.
kernels::Constants read_constants(const communication::Communicator& comm,
                                  const PointVariables& variables,
                                  const std::map<std::string, double>& parameters);

/// The warning for points that float32 cannot hold and that cannot be moved.
std::string loss_text(const kernels::FloatLoss& loss);

}  // namespace kronwerk::application
