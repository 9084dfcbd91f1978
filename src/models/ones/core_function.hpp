#pragma once

#include <functional>
#include <span>

#include "kronwerk/models/covariance/covariance.hpp"

namespace kronwerk::models {

/// V f(VᵀKV) Vᵀ of a covariance that is not diagonal in its coordinates. Collective.
/// @param function  x ← f(VᵀKV) x, symmetric, for this rank's home block; collective
OperatorPtr make_core_function(const communication::Communicator& comm, OperatorPtr to_basis,
                               OperatorPtr from_basis,
                               std::function<void(std::span<double>)> function);

}  // namespace kronwerk::models
