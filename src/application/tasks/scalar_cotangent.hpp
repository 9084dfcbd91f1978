#pragma once

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/configuration/job.hpp"

namespace kronwerk::application {

/// ∂L/∂(result) of a task whose result is one number: from a dataset, the result itself, or 1.
/// Collective. @throws ShapeError if the dataset holds more than one number
double read_scalar_cotangent(const communication::Communicator& comm, const configuration::Job& job,
                             double result);

}  // namespace kronwerk::application
